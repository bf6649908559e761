"""The expansion history: distance moduli of type Ia supernovae and distances of baryon acoustic oscillations (BAO).

References: Rubin et al. 2023, arXiv 2311.12098 (Union3); DESI Collaboration 2025, arXiv 2503.14738 (DESI DR2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import Description, Simulator
from darksieve.simulators.distances import ComovingDistance, expansion_rate
from darksieve.simulators.options import check_fixed, check_table, option_file

__all__ = ["BAOTable", "ExpansionHistory", "SupernovaTable", "read_bao", "read_supernovae"]

Floats = NDArray[np.float64]
HUBBLE_DISTANCE = 2997.92458  # c / (100 km / s / Mpc) [Mpc]
QUANTITIES = ("DM_over_rs", "DH_over_rs", "DV_over_rs")

PARAMETERS = {
    "omega_m": Description("", r"\Omega_\mathrm{m}"),
    "w0": Description("", "w_0"),
    "wa": Description("", "w_a"),
    "h_rd": Description("Mpc", r"h\,r_\mathrm{d}"),
}


@dataclass(frozen=True)
class SupernovaTable:
    """Distance moduli of N bins of supernovae.

    Attributes
    ----------
    redshift, heliocentric : array (N,)
        In the frame of the microwave background, and as observed.
    modulus : array (N,)
        Up to one constant [mag].
    covariance : array (N, N)
        [mag^2]
    """

    redshift: Floats
    heliocentric: Floats
    modulus: Floats
    covariance: Floats


@dataclass(frozen=True)
class BAOTable:
    """N distances in units of the sound horizon r_d at the drag epoch.

    Attributes
    ----------
    redshift, distance : array (N,)
    quantity : tuple of str
        `DM_over_rs` (transverse), `DH_over_rs` (radial, c / H) or `DV_over_rs` (their mean), in any order.
    covariance : array (N, N)
    """

    redshift: Floats
    distance: Floats
    quantity: tuple[str, ...]
    covariance: Floats


def read_supernovae(path: Path, covariance: Path) -> SupernovaTable:
    """`lcparam_full.txt` and `mag_covmat.txt` of a release of Union3, whose `mb` are distance moduli.

    Raises
    ------
    DarksieveError
        If a file is not what it should be.
    """
    columns = _numbers(path, usecols=(1, 2, 4)).T
    listed = _numbers(covariance).ravel()
    n = columns.shape[1]
    check_table(listed.shape, (1 + n * n,), covariance)
    matrix = _checked_covariance(listed[1:].reshape(n, n), covariance)
    return SupernovaTable(columns[0], columns[1], columns[2], matrix)


def read_bao(path: Path, covariance: Path) -> BAOTable:
    """Distances and covariance of a release of DESI: rows of redshift, value and quantity.

    Raises
    ------
    DarksieveError
        If a file is not what it should be.
    """
    columns = _numbers(path, usecols=(0, 1)).T
    lines = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    quantity = tuple(line[-1] for line in lines)
    if unknown := set(quantity) - set(QUANTITIES):
        raise DarksieveError(
            f"unknown quantity {min(unknown)!r}", where=path, mend=f"known are {', '.join(QUANTITIES)}"
        )
    matrix = _numbers(covariance)
    check_table(matrix.shape, (len(quantity), len(quantity)), covariance)
    return BAOTable(columns[0], columns[1], quantity, _checked_covariance(matrix, covariance))


class ExpansionHistory(Simulator):
    """Distance moduli `supernovae` (n, N) and BAO distances `bao` (n, M) in a flat Universe.

    The supernovae's common offset, their luminosity with the Hubble constant, is integrated out with a flat prior: what
    is simulated and observed is the distance modulus minus its mean, weighted by the inverse covariance, on which no
    offset acts. BAO measure h r_d, the sound horizon times H0 / (100 km / s / Mpc).

    Parameters
    ----------
    supernovae, supernovae_covariance : mapping
        `{file: path}` of Union3's distance moduli and their covariance.
    bao, bao_covariance : mapping
        `{file: path}` of DESI's distances and their covariance.
    fixed : mapping of str to float
        Parameters that are held at a value and leave `parameters`: `{w0: -1, wa: 0}` is LambdaCDM, `{wa: 0}` wCDM.

    Raises
    ------
    DarksieveError
        If a file is not what it should be or `fixed` names an unknown parameter.
    """

    def __init__(
        self,
        *,
        supernovae: Mapping[str, Any],
        supernovae_covariance: Mapping[str, Any],
        bao: Mapping[str, Any],
        bao_covariance: Mapping[str, Any],
        fixed: Mapping[str, float] | None = None,
    ) -> None:
        self.supernovae = read_supernovae(
            option_file("supernovae", supernovae), option_file("supernovae_covariance", supernovae_covariance)
        )
        self.bao = read_bao(option_file("bao", bao), option_file("bao_covariance", bao_covariance))
        self.fixed = check_fixed(fixed or {}, PARAMETERS)
        self.parameters = tuple(name for name in PARAMETERS if name not in self.fixed)
        self.descriptions = {name: PARAMETERS[name] for name in self.parameters} | {
            "supernovae": _at(self.supernovae.redshift, "mag", r"\mu - \langle\mu\rangle"),
            "bao": _at(self.bao.redshift, "", r"D / r_\mathrm{d}"),
        }
        self._distance = ComovingDistance([*self.supernovae.redshift, *self.bao.redshift])
        self._precision = {"supernovae": _inverse(self.supernovae.covariance), "bao": _inverse(self.bao.covariance)}
        self._root = {name: torch.linalg.cholesky(torch.linalg.inv(p)) for name, p in self._precision.items()}
        total = self._precision["supernovae"].sum(dim=0)
        self._mean_weights = total / total.sum()

    def simulate(self, z: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Distance moduli and BAO distances for z (n, P), columns as in `parameters`; computed in float64."""
        double = z.double()
        values = dict(zip(self.parameters, double.split(1, dim=1)))
        values |= {name: double.new_full((len(z), 1), value) for name, value in self.fixed.items()}
        omega_m, w0, wa, h_rd = (values[name] for name in PARAMETERS)
        supernovae, bao = self._distance(omega_m, w0, wa).tensor_split([len(self.supernovae.redshift)], dim=1)
        luminosity = (1 + torch.from_numpy(self.supernovae.heliocentric).to(double)) * supernovae
        redshift = torch.from_numpy(self.bao.redshift).to(double)
        radial = 1 / expansion_rate(redshift, omega_m, w0, wa)
        kinds = {"DM_over_rs": bao, "DH_over_rs": radial, "DV_over_rs": (redshift * bao**2 * radial) ** (1 / 3)}
        columns = [kinds[quantity][:, i] for i, quantity in enumerate(self.bao.quantity)]
        signal = {
            "supernovae": self._without_offset(5 * torch.log10(luminosity)),
            "bao": HUBBLE_DISTANCE / h_rd * torch.stack(columns, dim=1),
        }
        return {name: array.to(z.dtype) for name, array in signal.items()}

    def observe(self, signal: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The signal with normal noise of the published covariances."""
        x = {}
        for name, array in signal.items():
            normal = torch.randn(array.shape, generator=generator, device=array.device, dtype=array.dtype)
            noise = normal @ self._root[name].T.to(array)
            x[name] = array + (self._without_offset(noise) if name == "supernovae" else noise)
        return x

    def observed(self) -> dict[str, Floats]:
        """The published distances, the supernovae's without their offset."""
        moduli = self._without_offset(torch.from_numpy(self.supernovae.modulus)[None])[0]
        return {"supernovae": moduli.numpy(), "bao": self.bao.distance}

    def log_likelihood(self, x: dict[str, Tensor], signal: dict[str, Tensor]) -> Tensor:
        """Minus half of chi-squared, (n,), of one set of distances for signals (n, ...)."""
        residuals = {name: signal[name] - x[name] for name in signal}
        chi_squared = [((r @ self._precision[name].to(r)) * r).sum(dim=-1) for name, r in residuals.items()]
        return -0.5 * torch.stack(chi_squared).sum(dim=0)

    def _without_offset(self, moduli: Tensor) -> Tensor:
        """Distance moduli (n, N) minus their weighted mean."""
        return moduli - moduli @ self._mean_weights.to(moduli)[:, None]


def _numbers(path: Path, usecols: tuple[int, ...] | None = None) -> Floats:
    try:
        return np.loadtxt(path, usecols=usecols, ndmin=2)
    except (OSError, ValueError, IndexError) as error:
        raise DarksieveError(f"is no table of numbers: {error}", where=path, mend="get the file again") from error


def _checked_covariance(matrix: Floats, path: Path) -> Floats:
    if not np.allclose(matrix, matrix.T, rtol=1e-6) or np.linalg.eigvalsh(matrix).min() <= 0:
        raise DarksieveError("is no covariance: it must be symmetric and positive", where=path, mend="get it again")
    return matrix


def _at(redshift: Floats, unit: str, label: str) -> Description:
    return Description(unit, label, coordinate=tuple(redshift), coordinate_label="redshift")


def _inverse(matrix: Floats) -> Tensor:
    return torch.linalg.inv(torch.from_numpy(matrix))
