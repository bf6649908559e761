"""Random wide networks as field theories: Gaussian at infinite width, with interactions of order one over the width."""
