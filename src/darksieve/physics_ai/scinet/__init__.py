"""SciNet: a network that compresses an observation into a few latent variables from which it answers questions."""
