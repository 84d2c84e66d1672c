"""The use cases of PairTune: plain functions over storage and trainer, for screens and scripts."""
