"""Environment, settings, constructors, checkpoints, stats: what runs a run."""
