"""Starting a training run: data, options, models, and what stands in the way."""
