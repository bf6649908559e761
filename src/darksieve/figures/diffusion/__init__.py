"""Figures of the analyses of diffusion models."""
