"""The config section of the physics of AI, which holds one of each analysis."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from darksieve.problem.diffusion import DiffusionConfig
from darksieve.problem.scinet import ScinetConfig
from darksieve.problem.section import Section
from darksieve.problem.spins import ArcsConfig, BoltzmannConfig, HopfieldConfig, IsingConfig, MemoryConfig
from darksieve.problem.theories import (
    ConvergenceTheoryConfig,
    EmbeddingWidthConfig,
    InteractingTheoryConfig,
    LatticeFieldConfig,
    LearnedDynamicsConfig,
    SummaryTheoryConfig,
    WideNetworksConfig,
)

__all__ = ["AnalysesConfig", "analysis_section"]


class AnalysesConfig(Section):
    """The physics of AI: `snakemake ising`, and so on for every section."""

    ising: IsingConfig = Field(default_factory=IsingConfig, description="the Ising magnet")
    hopfield: HopfieldConfig = Field(default_factory=HopfieldConfig, description="Hopfield networks")
    boltzmann: BoltzmannConfig = Field(default_factory=BoltzmannConfig, description="Boltzmann machines")
    memory: MemoryConfig = Field(default_factory=MemoryConfig, description="a memory of each experiment's simulations")
    arcs: ArcsConfig = Field(default_factory=ArcsConfig, description="a Boltzmann machine of each experiment's images")
    scinet: ScinetConfig = Field(default_factory=ScinetConfig, description="networks that answer questions")
    wide_networks: WideNetworksConfig = Field(default_factory=WideNetworksConfig, description="wide random networks")
    interacting_theory: InteractingTheoryConfig = Field(
        default_factory=InteractingTheoryConfig, description="theories learned from data"
    )
    lattice_field: LatticeFieldConfig = Field(default_factory=LatticeFieldConfig, description="lattice phi^4")
    learned_dynamics: LearnedDynamicsConfig = Field(
        default_factory=LearnedDynamicsConfig, description="dynamics learned from motion"
    )
    diffusion: DiffusionConfig = Field(default_factory=DiffusionConfig, description="diffusion models")
    convergence_theory: ConvergenceTheoryConfig = Field(
        default_factory=ConvergenceTheoryConfig, description="the theory of convergence maps, cold and warm"
    )
    summary_theory: SummaryTheoryConfig = Field(
        default_factory=SummaryTheoryConfig, description="the theory of each experiment's learned summaries"
    )
    embedding_width: EmbeddingWidthConfig = Field(
        default_factory=EmbeddingWidthConfig, description="each experiment's embedding as a wide network"
    )


def analysis_section(analysis: str) -> type[Section]:
    """The class of an analysis's section, such as that of `ising` or of `scinet/pendulum`."""
    section: Any = AnalysesConfig
    for part in analysis.split("/"):
        section = section.model_fields[part].annotation
    return section
