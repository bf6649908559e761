"""A modern Hopfield network whose memories are an experiment's simulations."""
