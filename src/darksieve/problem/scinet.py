"""Config sections of SciNet's analyses: how much each is trained; the defaults take minutes on two cores."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from darksieve.problem.section import Section

__all__ = [
    "CollisionConfig",
    "HeliocentricConfig",
    "ImagesConfig",
    "PendulumConfig",
    "QubitsConfig",
    "RotationConfig",
    "ScinetConfig",
]


Count = Annotated[int, Field(ge=0)]


class PendulumConfig(Section):
    """The analysis `scinet/pendulum`."""

    latents: int = Field(3, ge=2, description="latent variables, of which two are needed")
    steps: int = Field(10000, ge=20, description="gradient steps")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class CollisionConfig(Section):
    """The analysis `scinet/collision`."""

    steps: int = Field(16000, ge=20, description="gradient steps")
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


class HeliocentricConfig(Section):
    """The analysis `scinet/heliocentric`."""

    steps: int = Field(10000, ge=20, description="gradient steps")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class RotationConfig(Section):
    """The analysis `scinet/rotation`: rotation curves of mock universes, and of SPARC."""

    curves: str = Field("data/observations/Rotmod_LTG.zip", description="SPARC's rotation curves")
    table: str = Field("data/observations/MasterSheet_SPARC.mrt", description="SPARC's table of galaxies")
    latents: list[Count] = Field([0, 1, 2, 3], description="numbers of latent variables; 0 to 3 are compared")
    steps: int = Field(2000, ge=20, description="gradient steps of each training on mock galaxies")
    refining: int = Field(200, ge=20, description="gradient steps of each training on SPARC that follows it")
    seeds: int = Field(5, ge=2, description="cross-validations, each with folds and starts of its own")
    seed: int = Field(1, ge=0, description="seed of the analysis")

    @model_validator(mode="after")
    def _compared(self) -> RotationConfig:
        if self.latents != sorted(set(self.latents)) or not {0, 1, 2, 3} <= set(self.latents):
            raise ValueError(f"latents {self.latents} must ascend and hold 0, 1, 2 and 3")
        return self


class ImagesConfig(Section):
    """The analysis `scinet/images`: what a network knows of each experiment's simulated images."""

    pixels: int = Field(32, ge=4, description="pixels a side to which images are averaged")
    latents: int = Field(12, ge=1, description="latent variables")
    steps: int = Field(4000, ge=20, description="gradient steps")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class ScinetConfig(Section):
    """What networks learn that answer questions: `snakemake scinet`."""

    pendulum: PendulumConfig = Field(default_factory=PendulumConfig, description="a damped pendulum")
    collision: CollisionConfig = Field(default_factory=CollisionConfig, description="a collision")
    qubits: QubitsConfig = Field(default_factory=QubitsConfig, description="states of one qubit and of two")
    heliocentric: HeliocentricConfig = Field(
        default_factory=HeliocentricConfig, description="the Sun and Mars as seen from Earth"
    )
    rotation: RotationConfig = Field(default_factory=RotationConfig, description="rotation curves of galaxies")
    images: ImagesConfig = Field(default_factory=ImagesConfig, description="images of each experiment")
