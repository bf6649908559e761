"""A scalar field with quartic self-interaction on a square lattice: Hamiltonian Monte Carlo and a continuous flow."""
