"""The evaluation engine that all benchmarks share."""
