"""One table over benchmarks and networks, from the score files of compute_score.py."""
