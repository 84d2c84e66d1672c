"""Takes a trained adapter out of PairTune: a card, a script, full models, the hub."""
