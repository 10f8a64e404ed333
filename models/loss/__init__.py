"""Objectives and image quality metrics."""
