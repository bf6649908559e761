"""Is the posterior right? Checks that end in a number, its expected range and a verdict that can be no."""
