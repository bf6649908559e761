"""Figures of SciNet."""
