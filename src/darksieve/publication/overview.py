"""One page of all systems of the physics of AI: where each lies, what is known of it, and what is measured."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from darksieve.figures.captions import caption_of
from darksieve.figures.style import ACCENT, DOUBLE, GREY, MAIN, new_figure, styled
from darksieve.publication.page import embedded, render

__all__ = ["SYSTEMS", "System", "map_figure", "write_overview"]


@dataclass(frozen=True)
class System:
    """One system: what it takes from physics, what it is as a network, and what it is asked about darksieve's data.

    Attributes
    ----------
    title, physics, network, work : str
        A few words each.
    place : pair of float
        On the map: from equilibrium (0) through fields to motion (1), and from networks that are used on physics (0) to
        networks that are understood by physics (1).
    known : mapping
        Published or exact figures by bar, each with its source.
    """

    title: str
    physics: str
    network: str
    work: str
    place: tuple[float, float]
    known: Mapping[str, str] = field(default_factory=dict)


SYSTEMS: dict[str, System] = {
    "ising": System(
        "Ising magnet", "spins in equilibrium, and how they slow down at the critical point",
        "the energy that memories and Boltzmann machines share", "samplers are judged as those of posteriors are",
        (-0.08, 0.62),
        {
            "enumeration": "equal (Kaufman 1949)",
            "critical temperature": "2.2692 (Onsager 1944)",
        },
    ),
    "hopfield": System(
        "Hopfield memory", "a spin glass whose valleys are patterns", "associative memory; attention is its heir",
        "the memory of lenses below", (0.2, 0.9),
        {
            "critical load": "0.138 (Amit, Gutfreund and Sompolinsky 1985)",
            "extrapolated capacity": "0 (0.138, Amit, Gutfreund and Sompolinsky 1985)",
            "mixture overlap": "1/2 (Amit, Gutfreund and Sompolinsky 1985)",
            "bounds of the paper": "0 (3.1546 and 1.3718, Ramsauer et al. 2020)",
        },
    ),
    "memory": System(
        "memory of lenses", "an energy that is low where lenses are", "a modern Hopfield network over the simulations",
        "recalls lenses from damaged images, denoises them, and scores observations that no simulation resembles",
        (0.22, 0.3),
    ),
    "boltzmann": System(
        "Boltzmann machine", "spins with couplings that are learned", "a generative model with hidden units",
        "the machine of arcs below", (0.02, 0.38),
        {"annealed nats": "0 (enumeration)"},
    ),
    "arcs": System(
        "machine of arcs", "couplings of pixels", "a restricted Boltzmann machine of binarised arcs",
        "which pixels of a lensed image go together", (0.02, 0.1),
    ),
    "wide_networks": System(
        "wide networks", "free fields at infinite width, interactions of order 1 / width", "random networks",
        "how far a network is from the Gaussian process that it tends to", (0.58, 0.92),
        {
            "fourth cumulant, relu": "15/4 (exact)",
            "fourth cumulant, erf": "0.362465 (exact)",
            "slope, relu": "-1 (exact)",
            "slope, erf": "-1 (exact)",
        },
    ),
    "interacting_theory": System(
        "interacting theories", "actions with couplings of three and four points", "an invertible network",
        "reads a theory from data: of digits, and of fields on a lattice", (0.74, 0.68),
    ),
    "convergence_theory": System(
        "theory of dark matter maps", "which interactions of a mass map tell cold from warm dark matter",
        "score matching: couplings without a partition function", "maps of subhaloes, cold and warm", (0.84, 0.8),
    ),
    "summary_theory": System(
        "theory of summaries", "couplings beyond the Gaussian theory", "an invertible network, and score matching",
        "which of the summaries that an estimator learned are not Gaussian", (0.98, 0.63),
    ),
    "embedding_width": System(
        "width of an embedding", "a free field with interactions of order 1 / width", "the embedding of an estimator",
        "how far from Gaussian it is, and whether its Gaussian process predicts an ensemble's spread", (0.76, 0.97),
        {"slope": "-1 (leading order)"},
    ),
    "lattice_field": System(
        "lattice field theory", "phi^4 in two dimensions", "a continuous flow with the symmetries of the action",
        "samples fields, and gives their partition function", (0.68, 0.45),
        {
            "pole mass": "0: 3.96(3) to 4.03(6) times 1 / side (Albergo et al. 2019)",
            "effective fraction, 6": "0.904 at L = 32 (Gerdes et al. 2023)",
        },
    ),
    "learned_dynamics": System(
        "learned dynamics", "equations of Hamilton and of Lagrange", "a network whose output is the energy",
        "weighs an NFW halo by the orbits in it", (0.94, 0.5),
        {
            "spring, loss": "0.0359 +- 0.0018 (Greydanus et al. 2019)",
            "spring, energy": "3.84e-4 +- 0.65e-4 (Greydanus et al. 2019)",
            "two bodies": "1600 (6.3e-2 over 3.9e-5, Greydanus et al. 2019)",
        },
    ),
    "diffusion/exact": System(
        "diffusion, exact", "noise in, structure out: entropy, and an electrostatic relative",
        "a denoiser, and the ordinary differential equation that it makes", "checks the samplers that lenses need",
        (0.36, 0.72),
        {"posterior, mean": "0 (exact)", "entropy": "0 (exact)"},
    ),
    "diffusion/field": System(
        "diffusion: Gaussian fields", "a random field behind a lens", "posterior samples by moment matching",
        "a lensed source whose posterior is known", (0.44, 0.56),
        {"mean, exact denoiser": "0 (Wiener)", "chi-squared": "1 (Wiener)"},
    ),
    "diffusion/galaxies": System(
        "diffusion: galaxies", "a distribution known by samples", "a learned denoiser", "a prior of galaxies",
        (0.36, 0.14),
    ),
    "diffusion/sources": System(
        "diffusion: lensed galaxies", "an inverse problem", "posterior samples under the learned prior",
        "galaxies behind known lenses, beside Sersic fits and smooth inversions", (0.46, 0.24),
    ),
    "diffusion/ring": System(
        "diffusion: a ring", "an inverse problem", "posterior samples under the learned prior",
        "the galaxy behind an experiment's lens", (0.3, -0.01),
    ),
    "scinet/pendulum": System(
        "SciNet: pendulum", "damped motion", "a bottleneck of latent variables", "checks the module", (1.04, 0.33),
        {
            "error": "0.0157 with two latents, 0.0127 with three (Iten et al. 2020, their checkpoints)",
            "frequency": "0.998 (their checkpoint)",
            "damping": "0.990 (their checkpoint)",
        },
    ),
    "scinet/collision": System(
        "SciNet: collision", "conservation of angular momentum", "a bottleneck of one variable", "checks the module",
        (1.02, 0.15),
        {
            "angular momentum": "0.9958 (Iten et al. 2020, their checkpoint)",
            "error": "0.0385 (their checkpoint)",
        },
    ),
    "scinet/qubits": System(
        "SciNet: qubits", "states of one and two qubits", "how many variables a state needs", "checks the module",
        (0.9, 0.03),
    ),
    "scinet/heliocentric": System(
        "SciNet: planets", "the Sun at the centre", "angles that are learned from angles seen from Earth",
        "checks the module", (0.8, 0.26),
        {
            "Earth angle": "0.9984 (Iten et al. 2020, their checkpoint)",
            "Mars angle": "0.9853 (their checkpoint)",
            "error": "0.0031 (their checkpoint)",
        },
    ),
    "scinet/rotation": System(
        "SciNet: rotation curves", "dark matter in galaxies", "numbers that a galaxy needs beyond its visible matter",
        "175 galaxies of SPARC, beside mock universes where the answer is known", (0.68, 0.15),
        {
            "fit for dynamics": "153 (McGaugh, Lelli and Schombert 2016)",
            "acceleration scale": "1.20 +- 0.02 (McGaugh, Lelli and Schombert 2016)",
            "scatter": "0.13 (McGaugh, Lelli and Schombert 2016)",
        },
    ),
    "scinet/images": System(
        "SciNet: lenses", "combinations of a lens's parameters", "a bottleneck of latent variables",
        "in which combinations a network holds what it knows of an image", (0.62, 0.01),
    ),
}  # fmt: skip
BONDS = (
    ("ising", "hopfield", "patterns as couplings"),
    ("ising", "boltzmann", "couplings learned"),
    ("hopfield", "memory", "one step is attention"),
    ("hopfield", "boltzmann", "hidden spins summed out"),
    ("boltzmann", "arcs", ""),
    ("hopfield", "diffusion/exact", "one step is a denoiser"),
    ("diffusion/exact", "diffusion/field", ""),
    ("diffusion/galaxies", "diffusion/sources", ""),
    ("diffusion/galaxies", "diffusion/ring", ""),
    ("wide_networks", "interacting_theory", "diagrams"),
    ("lattice_field", "interacting_theory", "couplings read back"),
    ("interacting_theory", "convergence_theory", ""),
    ("interacting_theory", "summary_theory", ""),
    ("wide_networks", "embedding_width", ""),
    ("learned_dynamics", "scinet/pendulum", ""),
    ("scinet/heliocentric", "scinet/rotation", ""),
    ("scinet/rotation", "scinet/images", ""),
)  # what links two systems


@styled
def map_figure() -> Figure:
    """Where each system lies between equilibrium and motion, and between use and understanding."""
    figure = new_figure(DOUBLE, 5.2)
    axes = figure.add_subplot()
    for one, other, what in BONDS:
        (x, y), (u, v) = SYSTEMS[one].place, SYSTEMS[other].place
        axes.plot((x, u), (y, v), color=GREY, lw=0.8, zorder=1)
        axes.annotate(what, ((x + u) / 2, (y + v) / 2), ha="center", va="center", fontsize=6.5, color=GREY, zorder=2,
                      bbox={"fc": "white", "ec": "none", "pad": 0.8})  # fmt: skip
    for system in SYSTEMS.values():
        x, y = system.place
        colour = MAIN if y > 0.35 else ACCENT
        axes.annotate(system.title, (x, y), ha="center", va="center", fontsize=8, color="white", zorder=3,
                      bbox={"boxstyle": "round", "fc": colour, "ec": "none"})  # fmt: skip
    axes.set(xlim=(-0.14, 1.14), ylim=(-0.08, 1.0), xticks=(0.0, 0.5, 1.0), yticks=(0.12, 0.88))
    axes.set_xticklabels(("spins in equilibrium", "fields", "motion"))
    axes.set_yticklabels(("networks used\non physics", "networks seen\nthrough physics"))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def write_overview(cases: Sequence[str], records: Sequence[Mapping[str, Any]], figures: Sequence[Path]) -> str:
    """The page, HTML that loads nothing from elsewhere.

    Parameters
    ----------
    cases : sequence of str
        Systems, of which those that look at an experiment's images bear its name at their end: `memory/lens-mock`.
    records : sequence of mapping
        What the study of each recorded.
    figures : sequence of Path
        One figure of each, PNG.

    Raises
    ------
    KeyError
        If a case is none of `SYSTEMS`.
    """
    buffer = io.BytesIO()
    map_figure().savefig(buffer, format="png", dpi=200)
    rows = [
        {
            "case": case,
            "system": SYSTEMS[system := case if case in SYSTEMS else case.rpartition("/")[0]],
            "experiment": case.removeprefix(system).strip("/"),
            "record": record,
            "image": embedded(figure.read_bytes()),
            "caption": caption_of(case, figure.stem),
        }
        for case, record, figure in zip(cases, records, figures, strict=True)
    ]
    return render("overview.html", rows=rows, map=embedded(buffer.getvalue()), number=_number)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
