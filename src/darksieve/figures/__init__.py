"""Figures: one style, one function a figure; each takes results and returns a matplotlib Figure."""
