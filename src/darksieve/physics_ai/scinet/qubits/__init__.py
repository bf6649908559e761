"""Pure states of qubits: how many latent variables SciNet needs to say what a measurement gives."""
