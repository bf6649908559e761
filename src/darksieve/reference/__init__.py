"""Likelihood-based inference for the same experiments: what TMNRE is compared with, one method a file."""
