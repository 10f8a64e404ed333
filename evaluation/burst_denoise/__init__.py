"""Burst denoising: the published grey and colour test sets, and bursts made from bundled photographs."""
