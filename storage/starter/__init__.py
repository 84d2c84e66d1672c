"""The prompts that a new project starts with: prompts.jsonl, one {"messages", "tags"} a line."""
