"""Pure quantum states, and the probabilities with which projective measurements find them.

References: Iten et al. 2020, section "Representation of qubits", and their code (numbers of measurements).
"""

from __future__ import annotations

import torch
from torch import Tensor

from darksieve.physics_ai.scinet.training import Batch, Draw

__all__ = ["MEASUREMENTS", "degrees_of_freedom", "draw_states", "probability", "random_states", "real_states"]

MEASUREMENTS = {1: 10, 2: 30}  # qubits: projectors that stand for a state or for a measurement


def degrees_of_freedom(qubits: int, complete: bool) -> int:
    """Real numbers that a tomography can tell of a pure state.

    All of them are 2 (2^n - 1), norm and phase left out. Real projectors see the real part a a^T + b b^T of the density
    matrix, which stays the same when a and b turn into each other: in the plane of one qubit two numbers are left, in
    three of the four dimensions of two qubits five.
    """
    return 2 * (2**qubits - 1) if complete or qubits == 1 else 5


def random_states(number: int, qubits: int, generator: torch.Generator) -> Tensor:
    """Pure states (number, 2^qubits), distributed evenly (Haar)."""
    parts = torch.randn(2, number, 2**qubits, generator=generator)
    state = torch.complex(parts[0], parts[1])
    return state / torch.linalg.vector_norm(state, dim=-1, keepdim=True)


def real_states(number: int, qubits: int, generator: torch.Generator) -> Tensor:
    """As `random_states`, out of a real subspace: all of it for one qubit, three of four dimensions for two."""
    state = torch.randn(number, 2**qubits, generator=generator)
    if qubits == 2:
        state[:, -1] = 0.0
    return torch.complex(state / torch.linalg.vector_norm(state, dim=-1, keepdim=True), torch.zeros_like(state))


def probability(states: Tensor, projectors: Tensor) -> Tensor:
    """|<projector|state>|^2 by Born's rule, (..., m), of states (..., d) and projectors (m, d)."""
    return (states @ projectors.conj().mT).abs() ** 2


def draw_states(qubits: int, questions: int, complete: bool, generator: torch.Generator) -> Draw:
    """States seen through fixed projectors, and projectors asked about, described by what other fixed ones give.

    Where the tomography is incomplete, the states are seen through real projectors alone: of one qubit these do not
    tell the sign of the imaginary part.
    """
    fixed = (random_states if complete else real_states)(MEASUREMENTS[qubits], qubits, generator)
    described = random_states(MEASUREMENTS[qubits], qubits, generator)

    def draw(number: int, generator: torch.Generator) -> Batch:
        states = random_states(number, qubits, generator)
        asked = random_states(number * questions, qubits, generator).reshape(number, questions, -1)
        answer = (asked.conj() * states.unsqueeze(1)).sum(dim=-1).abs() ** 2
        return Batch(probability(states, fixed), probability(asked, described), answer.unsqueeze(-1))

    return draw
