"""The theory of convergence maps: which interactions tell cold from warm dark matter."""
