"""Dynamics learned from motion: networks for an energy or a Lagrangian beside one for the velocities."""
