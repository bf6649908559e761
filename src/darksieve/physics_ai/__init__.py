"""The physics behind learning machines: each system held to its exact answers, then put to work on simulations."""
