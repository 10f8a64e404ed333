"""Training settings: one folder for each system, one file for each experiment, run by run_training.py."""
