"""Takes a trained adapter out of PairTune: a card, a script, whole models, the hub."""
