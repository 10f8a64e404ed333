"""Plots of scores and trainings as picture files: `python -m evaluation.plots --help`, and docs/viewer.md."""
