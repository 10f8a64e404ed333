"""Trainings of networks and photographs of one's own, named on the command line."""
