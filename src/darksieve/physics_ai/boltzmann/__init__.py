"""Boltzmann machines, their likelihood exactly and by annealing, and annealing as a way to optimise."""
