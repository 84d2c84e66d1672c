"""Names to files to loaded models: templates, tokenizers, devices and memory."""
