"""A damped pendulum: SciNet finds its frequency and its damping."""
