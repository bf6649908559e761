"""Truncated marginal neural ratio estimation: networks, training, truncation, posteriors."""
