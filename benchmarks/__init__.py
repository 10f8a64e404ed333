"""Measurements: how fast, how reliable. None of them is a test; figures of theirs stand in docs."""
