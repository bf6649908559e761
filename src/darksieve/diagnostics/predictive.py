"""Posterior-predictive check: do data simulated from the posterior look like the observation?

The first discrepancy of data x is its chi-squared against the posterior draw that fits it best, D(x) = min_i sum (x -
mu_i)^2 / sigma^2, with mu_i the noise-free prediction of draw i and sigma the noise of the best draw. The second one is
the correlation of neighbouring residuals of that fit: noise that is assumed too large hides structure from chi-squared,
not from it. Of the two p-values the smaller one counts twice. Replicates are simulated from other draws than those they
are compared with, so that the observation is one more of them if the model is right, however wide the posterior is. A
posterior so wide that even its best draw fits worse than the noise allows predicts almost anything: then the check has
no power, and says that it is undecided.

Of a simulator that draws its noise in `simulate` the prediction mu_i is one such draw, and sigma the spread of all: the
observation's distance from its nearest neighbour among them, which is still one more of theirs if the model is right.

References: Gelman, Meng & Stern 1996, Statistica Sinica 6, 733, section 2 (minimum discrepancy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.records import FALSE_ALARM
from darksieve.inference.posterior import Posterior
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation, apply_masks
from darksieve.problem.provenance import derive_seed
from darksieve.problem.simulator import simulate_checked

if TYPE_CHECKING:
    import torch

__all__ = ["PredictiveCheck", "predict"]

NOISE_DRAWS = 1000
BAND = (0.025, 0.16, 0.5, 0.84, 0.975)  # quantiles of what the draws predict


@dataclass(frozen=True)
class PredictiveCheck:
    """What the posterior predicts for each data array, beside the verdict.

    Attributes
    ----------
    best : dict of str to array
        Noise-free prediction of the draw that fits best.
    noise : dict of str to array
        Standard deviation of the noise, zero where masked.
    band : dict of str to array (5, n)
        Quantiles 2.5%, 16%, 50%, 84% and 97.5% of the noise-free predictions of all draws, of vectors only.
    summary : dict
        Statistic, expected range, verdict, chi-squared of the best draw.
    """

    best: dict[str, NDArray[np.float32]]
    noise: dict[str, NDArray[np.float32]]
    band: dict[str, NDArray[np.float32]]
    summary: dict[str, Any]

    def residual(self, observation: Observation) -> dict[str, NDArray[np.float32]]:
        """(observation - best prediction) / noise, zero where there is no noise to compare with."""
        return {
            name: np.divide(
                observation.x[name] - self.best[name], sigma, out=np.zeros_like(sigma), where=sigma > 0
            )
            for name, sigma in self.noise.items()
        }  # fmt: skip

    def write(self, path: Any, observation: Observation) -> None:
        """Write `predictive.h5`: groups `best`, `noise`, `residual` and `band`, an array a data name."""
        import h5py

        groups = {"best": self.best, "noise": self.noise, "residual": self.residual(observation)}
        groups["band"] = self.band
        with h5py.File(path, "w") as file:
            for group, arrays in groups.items():
                for name, array in arrays.items():
                    file.create_dataset(f"{group}/{name}", data=array)


def predict(experiment: Experiment, posterior: Posterior, observation: Observation) -> PredictiveCheck:
    """Simulate posterior draws and compare them with the observation.

    Draws come from the joint posterior where it was estimated, else from the product of the one-dimensional
    marginals, which ignores their correlations and predicts too much scatter.

    Raises
    ------
    DarksieveError
        If neither the joint posterior nor the marginal of every parameter was estimated.
    """
    import torch

    n = experiment.config.diagnostics.predictive_draws
    generator = torch.Generator().manual_seed(derive_seed("predictive", experiment.config.seed))
    simulator, masks = experiment.simulator, observation.masks
    z = torch.from_numpy(_draw_parameters(experiment, posterior, n)).float()
    with torch.no_grad():
        signal = simulate_checked(simulator, z, generator)
        replicate = apply_masks(simulator.observe(signal, generator), masks)
        signal = apply_masks(signal, masks)
    x = {name: torch.from_numpy(array)[None] for name, array in observation.x.items()}
    index, drawn_once = 0, all(torch.equal(replicate[name], signal[name]) for name in signal)
    for _ in range(1 if drawn_once else 2):  # the noise may depend on the signal: that of the best draw is what counts
        typical = {name: array[index].expand(NOISE_DRAWS, *array.shape[1:]) for name, array in signal.items()}
        noisy = signal if drawn_once else apply_masks(simulator.observe(typical, generator), masks)
        noise = {name: array.std(dim=0) for name, array in noisy.items()}
        used = sum(int((sigma > 0).sum()) for sigma in noise.values())
        if used == 0:
            raise DarksieveError(
                "the posterior's draws all give the same data, without noise: there is nothing to compare",
                where=experiment.path.name, mend="draw noise in the simulator's simulate or observe",
            )  # fmt: skip
        observed = _chi_squared(x, signal, noise)[0] / used
        index = int(observed.argmin())
    between = _chi_squared(replicate, signal, noise) / used
    np.fill_diagonal(between, np.inf)
    fitting, best = between.argmin(axis=1), float(observed[index])
    replicated = between[np.arange(n), fitting]
    structure = float(_neighbour_correlation(x, {name: array[index][None] for name, array in signal.items()}, noise)[0])
    structures = _neighbour_correlation(replicate, {name: array[fitting] for name, array in signal.items()}, noise)
    limit = None
    if not drawn_once:
        noise_alone = _chi_squared(noisy, {name: array[:1] for name, array in typical.items()}, noise)[:, 0] / used
        limit = float(np.quantile(noise_alone, 1 - FALSE_ALARM))
    fits = limit is None or best <= limit
    p_values = {"chi_squared": np.mean(replicated >= best), "neighbours": np.mean(structures >= structure)}
    p_value = float(min(1.0, len(p_values) * min(p_values.values())))
    low, high = np.quantile(replicated, [0.005, 0.995])
    summary = {
        "statistic": p_value,
        "meaning": "twice the fraction of data simulated from the posterior that fit their best draw worse than the "
        "observation, or that leave residuals whose neighbours are correlated more, whichever is smaller",
        "p_values": {name: float(value) for name, value in p_values.items()},
        "expected_range": [FALSE_ALARM, 1.0],
        "passed": bool(p_value >= FALSE_ALARM and fits),
        "undecided": bool(p_value >= FALSE_ALARM and not fits),
        "false_alarm": FALSE_ALARM,
        "draws": n,
        "draws_from": "joint posterior" if posterior.joint is not None else "product of marginals",
        "elements": used,
        "chi_squared_of_best_draw": best * used,
        "reduced_chi_squared_of_best_draw": best,
        "reduced_chi_squared_of_replicates": [float(low), float(high)],
        "reduced_chi_squared_of_noise_at_most": limit,
        "neighbour_correlation": structure,
        "neighbour_correlation_of_replicates": np.quantile(structures, [0.005, 0.995]).tolist(),
        "best_draw": dict(zip(experiment.prior.names, map(float, z[index]))),
    }
    return PredictiveCheck(
        {name: array[index].numpy() for name, array in signal.items()},
        {name: sigma.numpy() for name, sigma in noise.items()},
        {
            name: np.quantile(array, BAND, axis=0).astype(np.float32)
            for name, array in signal.items()
            if array.ndim == 2
        },
        summary,
    )


def _chi_squared(
    data: Mapping[str, torch.Tensor], signal: Mapping[str, torch.Tensor], noise: Mapping[str, torch.Tensor]
) -> NDArray[np.float64]:
    """Chi-squared (m, n) of data (m, ...) against predictions (n, ...); elements without noise do not count."""
    import torch

    squares = []
    for name, sigma in noise.items():
        scale = torch.where(sigma > 0, 1.0 / sigma, 0.0).double()
        x, mu = ((array.double() * scale).reshape(len(array), -1) for array in (data[name], signal[name]))
        squares.append(torch.cdist(x, mu, compute_mode="donot_use_mm_for_euclid_dist") ** 2)
    return torch.stack(squares).sum(dim=0).numpy()


def _neighbour_correlation(
    data: Mapping[str, torch.Tensor], signal: Mapping[str, torch.Tensor], noise: Mapping[str, torch.Tensor]
) -> NDArray[np.float64]:
    """Correlation (m,) of neighbouring elements' residuals, of data (m, ...) less predictions (m, ...)."""
    import torch

    products = squares = torch.zeros(1, dtype=torch.float64)
    pairs = elements = 0
    for name, sigma in noise.items():
        scale = torch.where(sigma > 0, 1.0 / sigma, 0.0).double()
        residual = (data[name].double() - signal[name].double()) * scale
        for axis in range(1, residual.ndim):
            length = residual.shape[axis] - 1
            first, second = residual.narrow(axis, 0, length), residual.narrow(axis, 1, length)
            used = (sigma > 0).narrow(axis - 1, 0, length) & (sigma > 0).narrow(axis - 1, 1, length)
            products, pairs = products + (first * second).flatten(1).sum(dim=1), pairs + int(used.sum())
        squares, elements = squares + residual.square().flatten(1).sum(dim=1), elements + int((sigma > 0).sum())
    return ((products / max(pairs, 1)) / (squares / elements)).nan_to_num(0.0).numpy()


def _draw_parameters(experiment: Experiment, posterior: Posterior, n: int) -> NDArray[np.float64]:
    seed = derive_seed("predictive draws", experiment.config.seed) % 2**32
    if posterior.joint is not None:
        return posterior.samples("joint", n, seed)
    columns = []
    for i, name in enumerate(experiment.prior.names):
        if name not in posterior.names:
            raise DarksieveError(
                f"no posterior of {name}", where=experiment.path.name,
                mend="set marginals.joint or marginals.one_dimensional: all",
            )  # fmt: skip
        columns.append(posterior.samples(name, n, seed + i)[:, 0])
    return np.stack(columns, axis=1)
