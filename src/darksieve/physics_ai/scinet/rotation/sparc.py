"""SPARC: the radial acceleration relation, haloes fitted to each galaxy, and its curves as SciNet sees them.

References: McGaugh, Lelli & Schombert 2016, PRL 117, 201101 (cuts, mass-to-light ratios, equation 4); Lelli, McGaugh &
Schombert 2016, AJ 152, 157 (data).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize_scalar
from torch import Tensor

from darksieve.physics_ai.scinet.rotation.curves import POINTS, TYPICAL, ask, show
from darksieve.physics_ai.scinet.training import Batch
from darksieve.simulators.rotation_curve import accelerated_velocity, nfw_velocity
from darksieve.simulators.sparc import Galaxy, read_curve, read_galaxies, read_names

__all__ = ["FEWEST", "Sample", "Target", "fit_halo", "fit_scale", "predict_velocity", "read_sample", "split_galaxies"]

Floats = NDArray[np.float64]

DISC, BULGE = 0.5, 0.7  # mass-to-light ratios at 3.6 micrometres
LARGEST_ERROR = 0.1  # of a velocity, as a share of it
FEWEST = 8  # points of a galaxy that is shown to a network
SPLITS = 16  # ways in which a galaxy's points are told apart into those seen and those asked about
QUESTIONS = 8  # in each
SCALES = (-2.0, 2.0)  # log10 of the acceleration scale, 1e-10 m / s^2, among which the best is sought


@dataclass(frozen=True)
class Target:
    """A galaxy with its good points (m,): radius [kpc], velocities [km / s], squared that of the baryons."""

    galaxy: Galaxy
    radius: Floats
    velocity: Floats
    error: Floats
    baryons: Floats


@dataclass(frozen=True)
class Sample:
    """What the archive holds in all, and the galaxies that are fit for dynamics with their good points."""

    galaxies: int
    points: int
    targets: list[Target]

    @property
    def pooled(self) -> tuple[Floats, Floats, Floats]:
        """Radius, velocity and the baryons' velocity squared of all good points."""
        radius, velocity, baryons = (
            np.concatenate([getattr(target, key) for target in self.targets])
            for key in ("radius", "velocity", "baryons")
        )
        return radius, velocity, baryons


def read_sample(curves: Path, table: Path) -> Sample:
    """All of SPARC, cut as for the radial acceleration relation: flags, inclinations, errors below a tenth.

    Raises
    ------
    DarksieveError
        If a file cannot be read.
    """
    names, galaxies = read_names(curves), read_galaxies(table)
    targets, points = [], 0
    for name in names:
        curve = read_curve(curves, name)
        points += len(curve.radius)
        parts = zip((1.0, DISC, BULGE), (curve.gas, curve.disc, curve.bulge))
        baryons = sum((ratio * v * abs(v) for ratio, v in parts), start=np.zeros(len(curve.radius)))
        good = (curve.error < LARGEST_ERROR * curve.velocity) & (baryons > 0)
        if galaxies[name].fit_for_dynamics:
            columns = (curve.radius, curve.velocity, curve.error, baryons)
            targets.append(Target(galaxies[name], *(column[good] for column in columns)))
    return Sample(len(names), points, targets)


def predict_velocity(radius: Tensor, baryons: Tensor, scale: float) -> Tensor:
    """Velocity [km / s] by the radial acceleration relation, from the baryons' velocity squared."""
    return accelerated_velocity(radius, baryons, torch.tensor(scale, dtype=radius.dtype)).sqrt()


def fit_scale(radius: Floats, velocity: Floats, baryons: Floats) -> tuple[float, Floats]:
    """Acceleration scale [1e-10 m / s^2] of least squares in log10 of the acceleration, and residuals [dex]."""

    def residuals(log_scale: float) -> Floats:
        predicted = predict_velocity(torch.from_numpy(radius), torch.from_numpy(baryons), 10**log_scale)
        return 2 * np.log10(velocity / predicted.numpy())

    found = minimize_scalar(lambda scale: float((residuals(scale) ** 2).sum()), bounds=SCALES, method="bounded")
    return float(10**found.x), residuals(float(found.x))


def fit_halo(target: Target) -> tuple[float, float]:
    """log10 of V200 [km / s] and of c200 of the NFW halo that fits a galaxy best, in least squares of dex."""
    radius = torch.from_numpy(target.radius)

    def residuals(halo: Floats) -> Floats:
        v200, c200 = torch.from_numpy(10**halo)
        return 0.5 * np.log10(target.baryons + nfw_velocity(radius, v200, c200).numpy()) - np.log10(target.velocity)

    found = least_squares(residuals, [2.0, 1.0], bounds=([1.0, 0.0], [3.0, 2.0]))
    return float(found.x[0]), float(found.x[1])


def split_galaxies(targets: Sequence[Target], generator: np.random.Generator) -> Batch:
    """Galaxies, each with at least `FEWEST` points, in several splits: half of its points seen, the others asked about.

    Shapes (galaxies, SPLITS, ...). What is seen is put onto ln-spaced radii by interpolation; questions are drawn from
    the other half with replacement, since galaxies have from 8 to more than 100 points.
    """
    rows = [[_split(target, generator) for _ in range(SPLITS)] for target in targets]
    return Batch(
        *(
            torch.stack([torch.stack([getattr(split, field) for split in row]) for row in rows])
            for field in Batch._fields
        )
    )


def _split(target: Target, generator: np.random.Generator) -> Batch:
    order = generator.permutation(len(target.radius))
    seen, hidden = np.sort(order[: len(order) // 2]), order[len(order) // 2 :]
    radius, velocity, baryons = np.log10(target.radius), np.log10(target.velocity), 0.5 * np.log10(target.baryons)
    points = np.linspace(radius[seen[0]], radius[seen[-1]], POINTS)
    columns = [np.interp(points, radius[seen], values[seen]) for values in (velocity, baryons)]
    asked = generator.choice(hidden, QUESTIONS)
    tensors = [torch.from_numpy(values).float() for values in (*columns, points, radius[asked], baryons[asked])]
    return Batch(
        show(*(tensor[None] for tensor in tensors[:3]))[0],
        ask(*tensors[3:]),
        torch.from_numpy(velocity[asked] - TYPICAL).float().unsqueeze(-1),
    )
