"""Plain forms of what has a fast one: word for word what the papers say, for tests and benchmarks to compare with."""
