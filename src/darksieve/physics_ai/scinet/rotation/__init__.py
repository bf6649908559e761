"""Rotation curves: how many latent variables beyond the visible matter SciNet needs to answer for the velocity."""
