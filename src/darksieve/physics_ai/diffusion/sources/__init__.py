"""Lensed galaxies: posterior samples of them by the learned prior, beside other reconstructions."""
