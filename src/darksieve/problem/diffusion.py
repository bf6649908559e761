"""Config of the analyses of diffusion models."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from darksieve.problem.section import Section

__all__ = ["DiffusionConfig", "ExactConfig", "FieldConfig", "GalaxiesConfig", "RingConfig", "SourcesConfig"]


class ExactConfig(Section):
    """The analysis `diffusion/exact`."""

    steps: int = Field(5000, ge=10, description="gradient steps, for diffusion and for Poisson flow")
    samples: int = Field(4096, ge=64, description="posterior samples of each method")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class FieldConfig(Section):
    """The analysis `diffusion/field`."""

    fields: int = Field(32768, ge=1024, description="Gaussian random fields to learn from")
    steps: int = Field(2000, ge=10, description="gradient steps")
    samples: int = Field(512, ge=32, description="posterior samples of the lensed source")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class GalaxiesConfig(Section):
    """The prior of lensed galaxies that is learned, and the analysis `diffusion/galaxies` of it."""

    images: dict[str, Any] = Field(
        {"file": "data/observations/cosmos_galaxies_testing.npz", "dataset": "images"},
        description="real galaxies, {file, dataset} or {folder}, as the option `source.galaxies` of a lens",
    )
    drawn: int = Field(32768, ge=64, description="galaxies to learn from, real ones turned and procedural ones")
    real: float = Field(0.1, ge=0, le=1, description="fraction of them that are real")
    steps: int = Field(8000, ge=10, description="gradient steps")
    samples: int = Field(512, ge=16, description="galaxies drawn from the prior that are looked at")
    offered: int = Field(
        4096, ge=1, description="galaxies drawn for the option `source.galaxies` of lenses, into `galaxies.npz`"
    )
    seed: int = Field(1, ge=0, description="seed of training and analysis")


class SourcesConfig(Section):
    """The analysis `diffusion/sources`: sources of mock lenses by that prior."""

    mocks: int = Field(100, ge=2, description="mock lenses")
    samples: int = Field(16, ge=2, description="posterior samples of each source")
    steps: int = Field(64, ge=2, description="steps of the sampler")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class RingConfig(Section):
    """The analysis `diffusion/ring`: the galaxy behind each experiment's lens by that prior."""

    samples: int = Field(32, ge=2, description="posterior samples of the source")
    steps: int = Field(64, ge=2, description="steps of the sampler")
    seed: int = Field(1, ge=0, description="seed of the analysis")


class DiffusionConfig(Section):
    """Diffusion models: `snakemake diffusion`."""

    exact: ExactConfig = Field(default_factory=ExactConfig, description="Gaussians and mixtures of them")
    field: FieldConfig = Field(default_factory=FieldConfig, description="a lensed Gaussian random field")
    galaxies: GalaxiesConfig = Field(default_factory=GalaxiesConfig, description="a prior of galaxies")
    sources: SourcesConfig = Field(default_factory=SourcesConfig, description="posteriors of lensed galaxies")
    ring: RingConfig = Field(default_factory=RingConfig, description="the galaxy behind each experiment's lens")
