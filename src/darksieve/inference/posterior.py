"""The posterior: weighted samples of each marginal and, where asked, samples of the joint one.

Reading one needs neither torch nor the estimator, so that a notebook opens `posterior.h5` at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from darksieve.problem.errors import DarksieveError

__all__ = ["JOINT", "MarginalSamples", "Posterior", "load_posterior"]

JOINT = "joint"


@dataclass(frozen=True)
class MarginalSamples:
    """Samples (n, d) in physical units with log-weights (n,), all zero where they count alike."""

    names: tuple[str, ...]
    samples: NDArray[np.float64]
    log_weights: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights (n,) that sum to one."""
        weights = np.exp(self.log_weights - self.log_weights.max())
        return weights / weights.sum()


@dataclass(frozen=True)
class Posterior:
    """Marginal posteriors of one observation.

    Attributes
    ----------
    marginals : dict
        `MarginalSamples` by tuple of parameter names.
    joint : MarginalSamples, optional
        All parameters together, equally weighted.
    units, labels : dict of str to str
        Unit and LaTeX label of each parameter.
    attributes : dict
        Experiment, box, rounds, simulations, versions, seed.
    """

    marginals: dict[tuple[str, ...], MarginalSamples]
    joint: MarginalSamples | None
    units: dict[str, str]
    labels: dict[str, str]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters with a one-dimensional marginal."""
        return tuple(marginal[0] for marginal in self.marginals if len(marginal) == 1)

    def marginal(self, names: str | Iterable[str]) -> MarginalSamples:
        """The marginal of one parameter, of a pair, or `joint`.

        Raises
        ------
        DarksieveError
            If that posterior was not estimated.
        """
        key = (names,) if isinstance(names, str) else tuple(names)
        if key == (JOINT,) and self.joint is not None:
            return self.joint
        if key in self.marginals:
            return self.marginals[key]
        if self.joint is not None and set(key) <= set(self.joint.names):
            columns = [self.joint.names.index(name) for name in key]
            return MarginalSamples(key, self.joint.samples[:, columns], self.joint.log_weights)
        known = [",".join(k) for k in self.marginals] + ([JOINT] if self.joint is not None else [])
        raise DarksieveError(f"no posterior of {','.join(key)}", mend=f"estimated were {'; '.join(known)}")

    def samples(self, marginal: str | Iterable[str], n: int, seed: int = 0) -> NDArray[np.float64]:
        """Draw n equally weighted samples (n, d) by systematic resampling."""
        chosen = self.marginal(marginal)
        generator = np.random.default_rng(seed)
        cumulative = np.cumsum(chosen.weights)
        rows = np.searchsorted(cumulative / cumulative[-1], (np.arange(n) + generator.random()) / n)
        return chosen.samples[generator.permutation(rows)]

    def quantiles(self, name: str, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Quantiles of one parameter."""
        chosen = self.marginal(name)
        order = np.argsort(chosen.samples[:, 0])
        weights = chosen.weights[order]
        middle = np.cumsum(weights) - 0.5 * weights
        return np.interp(np.asarray(probabilities, float), middle, chosen.samples[order, 0])

    def mean(self, name: str) -> float:
        """Posterior mean of one parameter."""
        chosen = self.marginal(name)
        return float(chosen.weights @ chosen.samples[:, 0])

    def standard_deviation(self, name: str) -> float:
        """Posterior standard deviation of one parameter."""
        chosen = self.marginal(name)
        return float(np.sqrt(chosen.weights @ (chosen.samples[:, 0] - self.mean(name)) ** 2))

    def to_getdist(self, marginal: str | Iterable[str] = JOINT) -> Any:
        """A marginal as `getdist.MCSamples`, by default the joint posterior.

        Raises
        ------
        DarksieveError
            If getdist is not installed or that posterior was not estimated.
        """
        try:
            from getdist import MCSamples
        except ImportError as error:
            raise DarksieveError("getdist is not installed", mend="pip install getdist") from error
        chosen = self.marginal(marginal)
        labels = [self.labels.get(name) or name for name in chosen.names]
        return MCSamples(samples=chosen.samples, weights=chosen.weights, names=list(chosen.names), labels=labels)

    def to_arviz(self, marginal: str | Iterable[str] = JOINT) -> Any:
        """A marginal as `arviz.InferenceData` of equally weighted draws, by default the joint posterior.

        Raises
        ------
        DarksieveError
            If arviz is not installed or that posterior was not estimated.
        """
        try:
            import arviz
        except ImportError as error:
            raise DarksieveError("arviz is not installed", mend="pip install arviz") from error
        chosen = self.marginal(marginal)
        draws = self.samples(marginal, len(chosen.samples))
        return arviz.from_dict(posterior={name: draws[None, :, i] for i, name in enumerate(chosen.names)})

    def write(self, path: Path) -> None:
        """Write `posterior.h5`: a group a marginal, named by its parameters joined with commas."""
        import h5py

        groups = {",".join(names): samples for names, samples in self.marginals.items()}
        if self.joint is not None:
            groups[JOINT] = self.joint
        with h5py.File(path, "w", track_order=True) as file:
            for key, value in self.attributes.items():
                file.attrs[key] = value
            for key, samples in groups.items():
                group = file.create_group(key)
                group.attrs["parameters"] = list(samples.names)
                group.attrs["units"] = [self.units.get(name, "") for name in samples.names]
                group.attrs["labels"] = [self.labels.get(name, "") for name in samples.names]
                group.create_dataset("samples", data=samples.samples)
                group.create_dataset("log_weights", data=samples.log_weights)


def load_posterior(path: str | Path) -> Posterior:
    """Read `posterior.h5`.

    Raises
    ------
    DarksieveError
        If the file is absent or holds no posterior.
    """
    import h5py

    units: dict[str, str] = {}
    labels: dict[str, str] = {}
    marginals: dict[tuple[str, ...], MarginalSamples] = {}
    joint = None
    try:
        with h5py.File(path, "r") as file:
            attributes: Mapping[str, Any] = dict(file.attrs)
            for key, group in file.items():
                names = tuple(str(name) for name in group.attrs["parameters"])
                units |= dict(zip(names, map(str, group.attrs["units"])))
                labels |= dict(zip(names, map(str, group.attrs["labels"])))
                samples = MarginalSamples(names, group["samples"][()], group["log_weights"][()])
                if key == JOINT:
                    joint = samples
                else:
                    marginals[names] = samples
    except (OSError, KeyError) as error:
        raise DarksieveError(f"holds no posterior: {error}", where=path, mend="remake it with `sample`") from error
    return Posterior(marginals, joint, units, labels, dict(attributes))
