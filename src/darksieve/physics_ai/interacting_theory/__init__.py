"""Theories learned from data: an invertible network whose weights are turned into the couplings of an action."""
