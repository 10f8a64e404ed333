"""Leaves of the house: arrays, files, random draws, progress. Imports nothing else of ours."""
