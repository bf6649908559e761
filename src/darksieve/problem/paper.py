"""Config of the paper: which experiments and analyses it is about."""

from __future__ import annotations

from pydantic import Field

from darksieve.problem.section import Section

__all__ = ["PaperConfig"]


class PaperConfig(Section):
    """The paper: an experiment for each of its parts, which `experiments` need not name."""

    lens: str = Field("lens-mock", description="a mock lens with a subhalo")
    reference: str = Field("lens-smooth", description="a lens whose posterior is compared with another method's")
    ring: str = Field("lens-hst", description="an image of a real lens")
    subhalo: str = Field("lens-subhalo-map", description="a lens whose subhalo truncation leaves free")
    population: str = Field("substructure-population", description="many lenses that share a subhalo mass function")
    warm: str = Field("warm-dark-matter", description="many lenses that share a half-mode mass")
    rotation: str = Field("rotation-curve-ngc3198", description="a rotation curve")
    dark_energy: str = Field("dark-energy", description="supernovae and baryon acoustic oscillations")
    analyses: list[str] = Field(
        [
            "hopfield",
            "wide_networks",
            "learned_dynamics",
            "ising",
            "boltzmann",
            "interacting_theory",
            "lattice_field",
            "convergence_theory",
            "scinet/pendulum",
            "scinet/collision",
            "scinet/qubits",
            "scinet/heliocentric",
            "scinet/rotation",
            "diffusion/exact",
            "diffusion/field",
            "diffusion/galaxies",
            "diffusion/sources",
            "memory",
            "arcs",
            "scinet/images",
            "diffusion/ring",
            "summary_theory",
            "embedding_width",
        ],
        description="the physics of AI that it tells, those of images for `lens`; the first three with a figure",
    )

    @property
    def roles(self) -> dict[str, str]:
        """Experiment of each part."""
        return {role: str(name) for role, name in self if role != "analyses"}
