"""The galaxy behind an experiment's lens, sampled by the learned prior."""
