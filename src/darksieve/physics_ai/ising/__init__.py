"""The square-lattice Ising model at zero field, coupling one: exact solutions and Monte Carlo."""
