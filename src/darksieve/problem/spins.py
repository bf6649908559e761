"""Config sections of the analyses of spins and memories; the defaults take minutes on two cores."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from darksieve.problem.section import Section

__all__ = ["ArcsConfig", "BoltzmannConfig", "HopfieldConfig", "IsingConfig", "MemoryConfig"]


class IsingConfig(Section):
    """The analysis `ising`."""

    lattices: list[Annotated[int, Field(ge=4, le=512)]] = Field(
        [16, 32, 64], min_length=2, description="sides of the square lattices, ascending"
    )
    measurements: int = Field(20000, ge=200, description="Wolff measurements a temperature, a lattice of flips apart")
    sweeps: int = Field(200000, ge=200, description="Metropolis sweeps of each lattice at the critical temperature")
    seed: int = Field(1, ge=0, description="seed of the analysis")

    @model_validator(mode="after")
    def _ascending(self) -> IsingConfig:
        if self.lattices != sorted(set(self.lattices)):
            raise ValueError(f"lattices {self.lattices} must ascend")
        return self


class HopfieldConfig(Section):
    """The analysis `hopfield`."""

    neurons: list[Annotated[int, Field(ge=50, le=10000)]] = Field(
        [500, 1000, 2000, 4000], min_length=3, description="sizes of the networks whose capacities are extrapolated"
    )
    networks: int = Field(4, ge=2, description="networks of the largest size at each load; more of smaller ones")
    recalled: int = Field(50, ge=5, description="patterns recalled by each network")
    size: int = Field(1000, ge=50, description="neurons of the network of all other figures")
    memories: int = Field(100000, ge=100, description="most patterns in the modern network")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class BoltzmannConfig(Section):
    """The analysis `boltzmann`."""

    hidden: int = Field(12, ge=1, le=16, description="hidden units of the machine that learns bars and stripes")
    steps: int = Field(12000, ge=10, description="gradient steps of each training")
    repetitions: int = Field(3, ge=1, description="trainings by each method, from different starts")
    temperatures: int = Field(1000, ge=10, description="temperatures of annealed importance sampling")
    chains: int = Field(500, ge=10, description="chains of annealed importance sampling")
    annealings: int = Field(100, ge=1, description="annealings of each spin glass, for each length")
    glass: int = Field(10, ge=3, le=14, description="side of the spin glass that is annealed")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class MemoryConfig(Section):
    """The analysis `memory`: an experiment's simulations as a modern Hopfield network."""

    patterns: int = Field(4096, ge=64, description="simulations of the last round that are stored at most")
    queries: int = Field(256, ge=16, description="images recalled, denoised and scored")
    masks: int = Field(4, ge=1, description="masks of each kind")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class ArcsConfig(Section):
    """The analysis `arcs`: a restricted Boltzmann machine of an experiment's binarised images."""

    pixels: int = Field(16, ge=4, le=32, description="pixels a side of the binarised images")
    hidden: int = Field(64, ge=1, description="hidden units")
    steps: int = Field(8000, ge=10, description="gradient steps")
    seed: int = Field(1, ge=0, description="seed of the analysis")
