"""Config of the analyses in which networks are theories and theories are learned by networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from darksieve.problem.section import Section

__all__ = [
    "ConvergenceTheoryConfig",
    "EmbeddingWidthConfig",
    "InteractingTheoryConfig",
    "LatticeFieldConfig",
    "LearnedDynamicsConfig",
    "SummaryTheoryConfig",
    "WideNetworksConfig",
]


class WideNetworksConfig(Section):
    """The analysis `wide_networks`."""

    widths: list[Annotated[int, Field(ge=2, le=4096)]] = Field(
        [4, 8, 16, 32, 64, 128, 256], min_length=3, description="widths of the networks with one hidden layer"
    )
    networks: int = Field(200000, ge=1000, description="networks of each width")
    deep_networks: int = Field(400000, ge=1000, description="networks of each depth")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class InteractingTheoryConfig(Section):
    """The analysis `interacting_theory`."""

    samples: int = Field(100000, ge=1000, description="samples of the teacher and of the quartic action")
    starts: int = Field(3, ge=1, description="students, from different starts")
    steps: int = Field(2000, ge=10, description="gradient steps of a student")
    fields: int = Field(20000, ge=256, description="fields of the lattice theory")
    digit_steps: int = Field(300, ge=1, description="gradient steps on digits, of 8 x 8 and of 28 x 28 pixels")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class LatticeFieldConfig(Section):
    """The analysis `lattice_field`."""

    trajectories: int = Field(600, ge=10, description="trajectories of each of 256 chains, on every lattice")
    flow_steps: int = Field(1000, ge=10, description="gradient steps of each flow")
    drawn: int = Field(16384, ge=128, description="fields drawn from each flow")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class LearnedDynamicsConfig(Section):
    """The analysis `learned_dynamics`."""

    seeds: int = Field(5, ge=1, description="springs with noise of their own")
    spring_steps: int = Field(2000, ge=10, description="gradient steps on a spring")
    pendulum_steps: int = Field(3000, ge=10, description="gradient steps on a pendulum and on a double pendulum")
    orbit_steps: int = Field(10000, ge=10, description="gradient steps on two bodies, and on orbits in a halo")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class ConvergenceTheoryConfig(Section):
    """The analysis `convergence_theory`: couplings of convergence maps of subhaloes, cold and warm."""

    maps: int = Field(4000, ge=160, description="maps of each universe")
    log10_half_mode: float = Field(8.0, ge=5, le=10, description="half-mode mass of warm dark matter, log10 M_sun")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class SummaryTheoryConfig(Section):
    """The analysis `summary_theory`: couplings of the summaries that each experiment's estimator learned."""

    components: int = Field(6, ge=2, le=10, description="principal components of the summaries")
    steps: int = Field(3000, ge=10, description="gradient steps of the network")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class EmbeddingWidthConfig(Section):
    """The analysis `embedding_width`: the embedding of each experiment's estimator, random and trained."""

    divisors: list[Annotated[int, Field(ge=1, le=16)]] = Field(
        [16, 8, 4, 2, 1], min_length=2, description="whole numbers by which the embedding's widths are divided"
    )
    draws: int = Field(1000, ge=10, description="random networks of each width")
    networks: int = Field(8, ge=3, description="estimators of the ensemble")
    simulations: int = Field(1024, ge=64, description="simulations of which the Gaussian process learns")
    tested: int = Field(96, ge=8, description="simulations at which the spread of the ensemble is measured")
    seed: int = Field(1, ge=0, description="seed of the analysis")
