"""A particle hits a rotating one: SciNet finds the angular momentum that is conserved."""
