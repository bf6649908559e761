"""Diffusion of Gaussians and of their mixtures, of which score, likelihood, entropy and posterior are known."""
