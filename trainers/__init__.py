"""Training loops: epochs, checkpoints, resume. Know no network and no data set."""

from trainers.simple_trainer import SimpleTrainer

__all__ = ["SimpleTrainer"]
