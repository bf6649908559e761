"""One subhalo in an image: does the attribution of its position point at it, and where could it be found at all?

References: Despali et al. 2018, MNRAS 475, 5424 (sensitivity maps); Coogan et al. 2022 (arXiv 2209.09918; a subhalo's
position by TMNRE); Adebayo et al. 2018, NeurIPS (arXiv 1810.03292; training on random labels).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded
from darksieve.diagnostics.calibration import observe_once
from darksieve.inference.estimator import Estimator
from darksieve.inference.training import train
from darksieve.interpret.attribution import attribute, most_probable
from darksieve.interpret.images import image_name, noise_level, observe_images
from darksieve.problem.experiment import Experiment
from darksieve.problem.observation import Observation
from darksieve.problem.provenance import derive_seed
from darksieve.store.reader import MemorySource
from darksieve.store.shard import Simulations

__all__ = ["hit_rates", "localise", "map_sensitivity", "peaks", "significance"]

Floats = NDArray[np.float64]
POSITION, MASS = ("x_sub", "y_sub"), "log10_m_sub"  # the marginal [arcsec], and the mass [M_sun]
RADIUS = 0.2  # arcsec, within which a peak is a hit
SMOOTHING = 0.3  # arcsec, of the strengths of attributions: a subhalo moves the arc on both sides of it
DETECTABLE = 7.0  # standard deviations
MOCKS = 200
PARTS = 8  # simulations are rendered in so many, to spare memory
STEP = 0.01  # of the box, for derivatives
GRID, COARSE = 17, 3  # positions a side of the map; every so many of them are injected and recovered
MASSES = 9  # from the lower edge of the mass's prior to the upper
DRAWS = 8  # noise realisations of each
NOTICED = 3.0  # nat, mean log-ratio of the injected position
POINTS = 4096  # positions among which the most probable one is looked for
REQUIRED_GAIN = 5.0  # of the hit rate over chance
LARGEST_EXCESS = 3.0  # standard errors of a hit rate at chance
AGREEMENT = 0.25  # dex, median difference of detectable and recovered mass


def localise(
    experiment: Experiment,
    estimator: Estimator,
    simulations: Simulations,
    observation: Observation,
    training: Simulations,
    round_number: int,
) -> dict[str, Any]:
    """Record of how often attributions of mocks with detectable subhaloes peak at them.

    Parameters
    ----------
    experiment : Experiment
        A lens with a subhalo whose two-dimensional position is a marginal, and whose mass was not truncated.
    estimator : Estimator
    simulations : Simulations
        Fresh ones from the last box: the mocks.
    observation : Observation
        Its masks are used.
    training : Simulations
        Those of the last round: another network learns them with the parameters of other simulations.
    round_number : int
        That round.
    """
    columns = experiment.prior.columns(POSITION)
    image = image_name(experiment, simulations)
    scale = experiment.simulator.descriptions[image].pixel_scale or 1.0
    parts = np.array_split(np.arange(len(simulations)), PARTS)
    found = np.concatenate([significance(experiment, simulations[rows]) for rows in parts])
    mocks = simulations[np.flatnonzero(found > DETECTABLE)[:MOCKS]]
    x = observe_once(experiment, mocks, observation.masks)
    baseline = {name: array.mean(dim=0) for name, array in x.items()}
    truth = mocks.z[:, columns].astype(float)
    order = np.random.default_rng(derive_seed("labels", experiment.config.seed)).permutation(len(training))
    # of all parameters: the embedding is shared, and what learns the others learns how subhaloes disturb them
    shuffled = Simulations(training.z[order], training.x, training.index)
    random, _ = train(experiment, estimator.box, MemorySource(shuffled), observation.masks, round_number=round_number)
    rates, maps = {}, {}
    for name, network in (("trained", estimator), ("random labels", random)):
        z = mocks.z.astype(float)
        maps[name] = attribute(network, x, {POSITION: z}, baseline, "integrated gradients")[POSITION][image]
        hits, chance = hit_rates(peaks(maps[name], scale), truth)
        rates[name] = {"hit_rate": hits, "chance": chance}
    gain = rates["trained"]["hit_rate"] / max(rates["trained"]["chance"], 1e-9)
    chance = rates["random labels"]["chance"]
    excess = (rates["random labels"]["hit_rate"] - chance) / np.sqrt(max(chance, 1 / len(mocks)) / len(mocks))
    return {
        "mocks": len(mocks),
        "detectable": float((found > DETECTABLE).mean()),
        "rates": rates,
        "bars": {
            "gain": bar(gain, REQUIRED_GAIN, None, "hits of attributions at subhaloes over chance"),
            "random labels": bar(
                excess, None, LARGEST_EXCESS, "hits over chance after learning random parameters, in standard errors"
            ),
        },
        "pixel_scale": scale,
        "examples": [
            {
                "image": rounded(x[image][row], 5),
                "position": truth[row].tolist(),
                "maps": {name: rounded(values[row], 5) for name, values in maps.items()},
            }
            for row in range(min(4, len(mocks)))
        ],
    }


def significance(experiment: Experiment, simulations: Simulations) -> Floats:
    """Standard deviations (n,) by which each subhalo exceeds what all other parameters can take up, linearly.

    The difference of the noise-free image from that of the lightest subhalo, in units of the noise, less its projection
    on the derivatives of the image by the other parameters.
    """
    image, prior = image_name(experiment, simulations), experiment.prior
    seed = derive_seed("significance", experiment.config.seed)
    noise = noise_level(experiment, image, simulations.x[image], seed)
    unit = prior.to_unit(simulations.z)

    def render(unit: Floats) -> Floats:
        z = torch.from_numpy(prior.from_unit(unit.clip(0, 1))).float()
        with torch.no_grad():
            signal = experiment.simulator.simulate(z, torch.Generator().manual_seed(seed))[image]
        return (signal.double().numpy() / noise).reshape(len(z), -1)

    lightest = unit.copy()
    lightest[:, prior.columns((MASS,))] = 0.0
    difference = render(unit) - render(lightest)
    others = [c for c, name in enumerate(prior.names) if name not in (*POSITION, MASS)]
    derivatives = []
    for column in others:
        shift = np.zeros(len(prior))
        shift[column] = STEP
        derivatives.append(render(lightest + shift) - render(lightest - shift))
    basis = np.linalg.qr(np.stack(derivatives, axis=2))[0]  # (n, pixels, others)
    taken_up = np.einsum("npk,np->nk", basis, difference)
    return np.sqrt(np.maximum((difference**2).sum(axis=1) - (taken_up**2).sum(axis=1), 0.0))


def peaks(maps: Floats, pixel_scale: float) -> Floats:
    """Positions x, y (n, 2) [arcsec], from the image's centre, where smoothed attributions (n, H, W) are strongest.

    Their sign is no matter: where a subhalo brightens an arc on one side, it dims it on the other.
    """
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(np.abs(maps), (0, SMOOTHING / pixel_scale, SMOOTHING / pixel_scale))
    rows, columns = np.unravel_index(smooth.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])
    height, width = maps.shape[1:]
    return np.stack([columns - (width - 1) / 2, rows - (height - 1) / 2], axis=1) * pixel_scale


def hit_rates(found: Floats, truth: Floats) -> tuple[float, float]:
    """Share of peaks (n, 2) that lie at their own subhalo (n, 2), and at those of the other mocks: chance."""
    close = np.linalg.norm(found[:, None] - truth[None], axis=2) < RADIUS
    n = len(found)
    return float(np.diag(close).mean()), float((close.sum() - np.diag(close).sum()) / (n * (n - 1)))


def map_sensitivity(
    experiment: Experiment, estimator: Estimator, simulations: Simulations, observation: Observation
) -> dict[str, Any]:
    """Record of the mass from which a subhalo is noticed at each position, and from which injected ones are recovered.

    All other parameters are those that are most probable for the observation; arguments as for `localise`.
    """
    prior, image = experiment.prior, image_name(experiment, simulations)
    seed = derive_seed("sensitivity", experiment.config.seed)
    unit = torch.quasirandom.SobolEngine(len(prior), scramble=True, seed=seed % 2**31).draw(POINTS).double().numpy()
    box = estimator.box
    everywhere = prior.from_unit(box.scale(unit))
    probable = most_probable(estimator, observation.batch(), everywhere)
    lens = prior.from_unit(box.scale(np.full((1, len(prior)), 0.5)))[0]
    for marginal, z in probable.items():
        if len(marginal) == 1:
            lens[prior.columns(marginal)] = z[0, prior.columns(marginal)]
    axis = (np.arange(GRID) + 0.5) / GRID
    low, high = np.array(box.lower), np.array(box.upper)
    column_x, column_y, column_mass = prior.columns((*POSITION, MASS))
    levels = np.linspace(0.0, 1.0, MASSES)
    mass_index, row_index, column_index = (
        index.ravel() for index in np.meshgrid(np.arange(MASSES), np.arange(GRID), np.arange(GRID), indexing="ij")
    )
    wanted = prior.to_unit(np.repeat(lens[None], len(mass_index), axis=0))
    wanted[:, column_x] = low[column_x] + axis[column_index] * (high[column_x] - low[column_x])
    wanted[:, column_y] = low[column_y] + axis[row_index] * (high[column_y] - low[column_y])
    wanted[:, column_mass] = levels[mass_index]
    z = prior.from_unit(wanted).astype(np.float32)
    with torch.no_grad():
        signal = experiment.simulator.simulate(torch.from_numpy(z), torch.Generator().manual_seed(seed))[image]
    images = signal.float().numpy()
    coarse = (row_index % COARSE == COARSE // 2) & (column_index % COARSE == COARSE // 2)
    log_ratio, recovered = np.zeros(len(z)), np.zeros(coarse.sum())
    for draw in range(DRAWS):
        x = {image: torch.from_numpy(observe_images(experiment, image, images, derive_seed("draw", seed, draw)))}
        log_ratio += estimator.log_ratios_of_each(x, z)[POSITION] / DRAWS
        for place, row in enumerate(np.flatnonzero(coarse)):
            one = {image: x[image][[row]]}
            best = most_probable(estimator, one, everywhere)[POSITION][0]
            distance = np.hypot(best[column_x] - z[row, column_x], best[column_y] - z[row, column_y])
            recovered[place] += (distance < RADIUS) / DRAWS
    masses = prior.from_unit(np.repeat(levels[:, None], len(prior), axis=1))[:, column_mass]
    noticed = _crossing(log_ratio.reshape(MASSES, GRID, GRID), NOTICED, masses)
    side = int(np.sqrt(coarse.sum() / MASSES))
    found = _crossing(recovered.reshape(MASSES, side, side), 0.5, masses)
    same = noticed[COARSE // 2 :: COARSE, COARSE // 2 :: COARSE]
    both = np.isfinite(found) & np.isfinite(same)
    difference = float(np.median(np.abs(found - same)[both])) if both.any() else float("inf")
    return {
        "x": prior.from_unit(low + axis[:, None] * (high - low))[:, column_x].tolist(),
        "y": prior.from_unit(low + axis[:, None] * (high - low))[:, column_y].tolist(),
        "masses": masses.tolist(),
        "noticed": _finite(noticed),
        "recovered": _finite(found),
        "coarse": COARSE,
        "bars": {
            "agreement": bar(
                difference, None, AGREEMENT, "median difference of the noticed and the recovered mass [dex]"
            )
        },
        "compared": int(both.sum()),
        "agree_on_none": float((np.isfinite(found) == np.isfinite(same)).mean()),
        "observation": rounded(observation.x[image], 5),
        "pixel_scale": experiment.simulator.descriptions[image].pixel_scale,
    }


def _crossing(values: Floats, level: float, masses: Floats) -> Floats:
    """Mass (...) from which values (M, ...) stay above a level, linear between masses; infinite where they never do."""
    above = values >= level
    stays = np.flip(np.logical_and.accumulate(np.flip(above, 0), axis=0), 0)
    first = np.where(stays.any(axis=0), stays.argmax(axis=0), -1)
    before = np.maximum(first - 1, 0)
    low, high = (np.take_along_axis(values, index[None].clip(0), axis=0)[0] for index in (before, first))
    fraction = np.where(first > 0, (level - low) / np.where(high > low, high - low, 1.0), 0.0)
    mass = masses[before] + fraction * (masses[first.clip(0)] - masses[before])
    return np.where(first < 0, np.inf, mass)


def _finite(values: Floats) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in row] for row in values]
