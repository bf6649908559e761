"""Associative memories: Hopfield's network of +-1 neurons, its mean-field theory, and modern networks."""
