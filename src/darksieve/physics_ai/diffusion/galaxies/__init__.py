"""Galaxies: how images of them are made, the diffusion model that learns them, and what it learned."""
