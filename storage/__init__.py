"""What PairTune remembers: tables, queries, the labelling queue, snapshots and file formats.

This package knows nothing of the screens, of models or of worker processes.
"""
