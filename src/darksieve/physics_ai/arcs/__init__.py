"""A restricted Boltzmann machine of the shapes of an experiment's images."""
