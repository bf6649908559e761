"""Dynamics learned from motion: a network for the Hamiltonian beside one for the velocities."""
