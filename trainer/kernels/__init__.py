"""The packed forward pass of pairs: layout, attention, fused layers, log-probabilities."""
