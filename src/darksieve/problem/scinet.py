"""Config sections of SciNet's analyses: how much each is trained; the defaults take minutes on two cores."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from darksieve.problem.section import Section

__all__ = ["CollisionConfig", "PendulumConfig", "QubitsConfig", "ScinetConfig"]


Count = Annotated[int, Field(ge=0)]


class PendulumConfig(Section):
    """The analysis `scinet/pendulum`."""

    latents: int = Field(3, ge=2, description="latent variables, of which two are needed")
    steps: int = Field(10000, ge=20, description="gradient steps")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class CollisionConfig(Section):
    """The analysis `scinet/collision`."""

    steps: int = Field(10000, ge=20, description="gradient steps")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class QubitsConfig(Section):
    """The analysis `scinet/qubits`."""

    one_qubit: list[Count] = Field([0, 1, 2, 3, 4], min_length=2, description="numbers of latent variables, one qubit")
    two_qubits: list[Count] = Field(
        [0, 2, 4, 5, 6, 7, 8], min_length=2, description="numbers of latent variables, two qubits"
    )
    steps: int = Field(2500, ge=20, description="gradient steps of each training")
    seed: int = Field(1, ge=0, description="seed of the analysis")

    @model_validator(mode="after")
    def _ascending(self) -> QubitsConfig:
        for counts in (self.one_qubit, self.two_qubits):
            if counts != sorted(set(counts)):
                raise ValueError(f"numbers of latent variables {counts} must ascend")
        if not {1, 2, 3} <= set(self.one_qubit):
            raise ValueError("one_qubit needs 1, 2 and 3, which are compared")
        return self


class ScinetConfig(Section):
    """What networks learn that answer questions: `snakemake scinet`."""

    pendulum: PendulumConfig = Field(default_factory=PendulumConfig, description="a damped pendulum")
    collision: CollisionConfig = Field(default_factory=CollisionConfig, description="a collision")
    qubits: QubitsConfig = Field(default_factory=QubitsConfig, description="states of one qubit and of two")
