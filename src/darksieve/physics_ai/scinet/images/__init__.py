"""Images of lenses: which physical combinations SciNet's latent variables choose."""
