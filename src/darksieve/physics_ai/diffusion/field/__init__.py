"""A lensed Gaussian random field, whose posterior is known: the Wiener filter."""
