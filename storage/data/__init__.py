"""What is labelled: prompts, their completions and pairs, and tags."""
