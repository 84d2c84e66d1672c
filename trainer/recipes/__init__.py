"""Kinds of training: their options and how each is carried out."""
