"""Diffusion models: noise that is added and taken away, held to exact answers, and as a prior of lensed galaxies."""
