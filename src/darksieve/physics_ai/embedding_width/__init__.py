"""How wide an estimator's embedding is: as a field theory at its start, and as an ensemble once trained."""
