"""Checks our code against recordings of the original systems: ``python -m tests.golden FOLDER``."""
