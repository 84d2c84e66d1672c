"""What training leaves behind: runs, adapters, presets, and the frozen data of a run."""
