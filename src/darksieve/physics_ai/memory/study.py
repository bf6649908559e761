"""The analysis `memory`: simulations recalled from noisy, masked and partial images, denoised, and told from artefacts.

Two keys are compared. Pixels in units of their noise need no network, and leave out what is masked. Learned summaries
need whole images: hidden pixels are filled with the mean image, in what is stored as in what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.diagnostics.summaries import Components, summarise_data
from darksieve.inference.estimator import Estimator
from darksieve.interpret.images import image_name, noise_level, observe_images
from darksieve.physics_ai.memory.artefacts import ARTEFACTS, discrepancy, plant
from darksieve.physics_ai.memory.recall import (
    PrincipalPrior,
    Whitening,
    energies,
    hide,
    masks,
    recall,
    squares,
    told_apart,
)
from darksieve.problem.experiment import Experiment
from darksieve.problem.provenance import derive_seed
from darksieve.problem.spins import MemoryConfig
from darksieve.store.shard import Simulations

__all__ = ["study"]

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

KINDS = {"pixels": "pixels at random", "part": "one side of a line"}
HIDDEN = {"pixels": (0.0, 0.25, 0.5, 0.75, 0.9, 0.97), "part": (0.25, 0.5, 0.75, 0.9)}
RISK = 0.01  # with which a stored image may be taken for another by the best of all tests and still count as told apart
CALIBRATED = 512  # images that show what noise does to summaries
COMPONENTS = (16, 32, 64, 128, 256, 512)
BETAS = np.geomspace(1e-4, 1.0, 25)
SIGNAL_TO_NOISE = (5.0, 10.0, 20.0, 40.0, 80.0)
SHOWN = 20.0  # of the ROC curves
DIGITS = 4


@dataclass(frozen=True)
class Bank:
    """What is stored: noise-free `images` (N, H, W), their `z` (N, P) in the unit cube, and all that reads them."""

    experiment: Experiment
    estimator: Estimator
    settings: MemoryConfig
    name: str
    images: Floats
    z: Floats
    noise: Floats  # (H, W)

    @property
    def keys(self) -> Floats:
        """Pixels in units of the noise, (N, H W)."""
        return self.scale(self.images)

    def scale(self, images: Floats) -> Floats:
        """Images (n, H, W) as keys."""
        return (images / self.noise).reshape(len(images), -1)

    def observe(self, images: Floats, *label: object) -> Floats:
        """Noisy images (n, H, W)."""
        return observe_images(self.experiment, self.name, images, self.seed("noise", *label))

    def summarise(self, images: Floats) -> NDArray[np.float64]:
        """Learned summaries (n, F)."""
        return summarise_data(self.estimator, {self.name: torch.from_numpy(images)})

    def seed(self, *label: object) -> int:
        """A seed of this experiment and analysis."""
        return derive_seed("memory", self.experiment.config.seed, self.settings.seed, *label)

    def generator(self, *label: object) -> np.random.Generator:
        """A generator with such a seed."""
        return np.random.default_rng(self.seed(*label))


def study(
    settings: MemoryConfig,
    experiment: Experiment,
    first: tuple[Estimator, Simulations],
    last: tuple[Estimator, Simulations],
    test: Simulations,
) -> dict[str, Any]:
    """All of it.

    What is recalled and denoised are simulations of the first round, from the whole prior, with the estimator that
    learned from them; in the last box lenses are too alike to be told apart. Artefacts are planted in test simulations
    of the last box, where the misspecification test has its own scores.

    Raises
    ------
    DarksieveError
        If the data are not one image.
    """
    name = image_name(experiment, test)
    stored, unseen = first[1][settings.queries :], first[1].head(settings.queries)
    wide = _open(settings, experiment, name, first[0], stored)
    retrieval = _retrieval(wide)
    bars = {
        f"{entry['kind']} hidden, by {key}": bar(
            entry[key]["of_told_apart"], 0.95, None,
            f"true simulation recalled by its {key}, half of the image hidden ({KINDS[entry['kind']]}), where it can "
            "be told from all others",
        )
        for entry in retrieval if entry["hidden"] == 0.5 for key in ("pixels", "summaries")
    }  # fmt: skip
    narrow = _open(settings, experiment, name, *last)
    return summarise_bars(
        bars,
        experiment=experiment.name,
        patterns=[len(wide.images), len(narrow.images)],
        queries=settings.queries,
        risk=RISK,
        retrieval=retrieval,
        neighbours=_neighbours(wide, unseen.x[name], experiment.prior.to_unit(unseen.z)),
        denoising={
            "prior": _denoising(wide, unseen.x[name]),
            "last box": _denoising(narrow, test.x[name][: settings.queries]),
        },
        outliers=_outliers(narrow, test.x[name][: settings.queries]),
        gallery=_gallery(wide),
    )


def _open(
    settings: MemoryConfig, experiment: Experiment, name: str, estimator: Estimator, simulations: Simulations
) -> Bank:
    images = simulations.x[name][: settings.patterns]
    seed = derive_seed("memory", experiment.config.seed, settings.seed, "level")
    noise = noise_level(experiment, name, images[:CALIBRATED], seed)
    z = experiment.prior.to_unit(simulations.z[: settings.patterns])
    return Bank(experiment, estimator, settings, name, images, z, noise)


def _retrieval(bank: Bank) -> list[dict[str, Any]]:
    """How often noisy, masked images of stored simulations recall these, for each kind and share of what is hidden."""
    generator = bank.generator("retrieval")
    number = min(bank.settings.queries, len(bank.images))
    found = []
    for kind, shares in HIDDEN.items():
        for hidden in shares:
            seen = masks(kind, hidden, bank.noise.shape, 1 if hidden == 0 else bank.settings.masks, generator)
            rows = generator.choice(len(bank.images), number, replace=False)
            parts = [
                _recall_masked(bank, part, mask, f"{kind} {hidden} {i}")
                for i, (part, mask) in enumerate(zip(np.array_split(rows, len(seen)), seen))
            ]
            apart, pixels, summaries = (np.concatenate(part) for part in zip(*parts))
            found.append(
                {
                    "kind": kind,
                    "hidden": hidden,
                    "told_apart": float(apart.mean()),
                    "pixels": _rates(pixels, apart),
                    "summaries": _rates(summaries, apart),
                }
            )
    return found


def _recall_masked(bank: Bank, rows: NDArray[np.int64], mask: Mask, label: str) -> tuple[Mask, Mask, Mask]:
    """Of stored images (n,), seen through a mask: whether they can be told apart, and are recalled by either key."""
    noisy = bank.observe(bank.images[rows], label)
    seen = mask.ravel()
    keys = bank.keys[:, seen]
    by_pixels = squares(bank.scale(noisy)[:, seen], keys).argmin(axis=1) == rows
    fill = bank.images.mean(axis=0)
    stored = bank.summarise(hide(bank.images, mask, fill))
    some = slice(0, CALIBRATED)
    again = bank.summarise(hide(bank.observe(bank.images[some], label, "calibrate"), mask, fill))
    white = Whitening.find(again - stored[some])
    asked = bank.summarise(hide(noisy, mask, fill)) - white.shift
    by_summaries = squares(white(asked), white(stored)).argmin(axis=1) == rows
    return told_apart(keys, rows, RISK), by_pixels, by_summaries


def _rates(recalled: Mask, apart: Mask) -> dict[str, float]:
    return {
        "of_all": float(recalled.mean()),
        "of_told_apart": float(recalled[apart].mean()) if apart.any() else 0.0,
    }


def _neighbours(bank: Bank, images: Floats, z: Floats) -> dict[str, float]:
    """Root-mean-square distance in the prior's unit cube from unseen lenses to what they recall, and to any other."""
    noisy = bank.observe(images, "neighbours")
    stored = bank.summarise(bank.images)
    again = bank.summarise(bank.observe(bank.images[:CALIBRATED], "neighbours", "calibrate"))
    white = Whitening.find(again - stored[:CALIBRATED])
    nearest = {
        "pixels": squares(bank.scale(noisy), bank.keys).argmin(axis=1),
        "summaries": squares(white(bank.summarise(noisy) - white.shift), white(stored)).argmin(axis=1),
        "any": bank.generator("any").integers(len(bank.z), size=len(z)),
    }
    return {key: float(np.sqrt(((bank.z[rows] - z) ** 2).mean())) for key, rows in nearest.items()}


def _denoising(bank: Bank, unseen: Floats) -> dict[str, Any]:
    """Root-mean-square error, in units of the noise, of what is left of noisy images: of stored and of unseen lenses.

    The memory's beta and the number of principal components are the best for stored lenses that are left out.
    """
    generator = bank.generator("denoising")
    rows = generator.choice(len(bank.images), min(len(unseen), len(bank.images)), replace=False)
    others = np.delete(np.arange(len(bank.images)), rows)
    priors = [PrincipalPrior.find(bank.keys[others], number) for number in COMPONENTS if number < len(others)]
    half = masks("pixels", 0.5, bank.noise.shape, 1, generator)[0].ravel()
    found: dict[str, Any] = {}
    for case, mask in (("whole", np.ones_like(half)), ("half hidden", half)):
        keys = bank.keys[:, mask]
        left_out = bank.scale(bank.observe(bank.images[rows], case, "left out"))
        distances = squares(left_out[:, mask], keys[others])
        losses = [_error(recall(distances, bank.keys[others], beta), bank.keys[rows]) for beta in BETAS]
        beta = float(BETAS[int(np.argmin(losses))])
        errors = [_error(prior.denoise(left_out, mask), bank.keys[rows]) for prior in priors]
        prior = priors[int(np.argmin(errors))]
        found[case] = {"beta": beta, "components": len(prior.components)}
        for which, images in (("stored", bank.images[rows]), ("unseen", unseen)):
            truth, noisy = bank.scale(images), bank.scale(bank.observe(images, case, which))
            distances = squares(noisy[:, mask], keys)
            found[case][which] = {
                "posterior": _error(recall(distances, bank.keys, 1.0), truth),
                "memory": _error(recall(distances, bank.keys, beta), truth),
                "nearest neighbour": _error(bank.keys[distances.argmin(axis=1)], truth),
                "principal components": _error(prior.denoise(noisy, mask), truth),
                "image": _error(noisy, truth) if mask.all() else None,
            }
    return found


def _error(estimate: Floats, truth: Floats) -> float:
    return float(np.sqrt(((estimate - truth) ** 2).mean()))


def _outliers(bank: Bank, unseen: Floats) -> dict[str, Any]:
    """ROC curves of four scores for images with artefacts among images without, and areas below them."""
    from sklearn.metrics import roc_auc_score, roc_curve

    score = _Scores(bank)
    clean = score(bank.observe(unseen, "clean"))
    labels = np.repeat([0, 1], len(unseen))
    areas: dict[str, dict[str, list[float]]] = {}
    curves: dict[str, dict[str, Any]] = {}
    for kind in ARTEFACTS:
        areas[kind] = {name: [] for name in clean}
        for level in SIGNAL_TO_NOISE:
            generator = bank.generator("plant", kind, level)
            noisy = bank.observe(unseen, "planted", kind, level)
            planted = score(plant(kind, noisy, bank.noise, level, generator))
            for name, values in planted.items():
                both = np.concatenate([clean[name], values])
                areas[kind][name].append(float(roc_auc_score(labels, both)))
                if level == SHOWN:
                    false, true, _ = roc_curve(labels, both)
                    curves.setdefault(kind, {})[name] = {"false": rounded(false, DIGITS), "true": rounded(true, DIGITS)}
    return {"signal_to_noise": list(SIGNAL_TO_NOISE), "shown": SHOWN, "areas": areas, "curves": curves}


class _Scores:
    """How unlike the simulations an image is: by two energies, and by the two measures of the misspecification test."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        some = bank.images[:CALIBRATED]
        reference = bank.summarise(bank.observe(bank.images, "reference"))
        self.components = Components.find(reference, max(1, len(reference) // 10))
        self.reference = self.components(reference)
        self.stored = bank.summarise(bank.images)
        again = bank.summarise(bank.observe(some, "scores", "calibrate"))
        self.white = Whitening.find(again - self.stored[: len(some)])

    def __call__(self, images: Floats) -> Mapping[str, Floats]:
        """Scores (n,) of images (n, H, W) by name."""
        summaries = self.bank.summarise(images)
        points = self.components(summaries)
        in_pixels = squares(self.bank.scale(images), self.bank.keys)
        in_summaries = squares(self.white(summaries - self.white.shift), self.white(self.stored))
        return {
            "energy, pixels": energies(in_pixels, 1.0),
            "energy, summaries": energies(in_summaries, 1.0),
            "Mahalanobis": (points**2).sum(axis=1),
            "MMD": discrepancy(points, self.reference),
        }


def _gallery(bank: Bank, examples: int = 3) -> list[dict[str, Any]]:
    """Some stored images, what is seen of them, and what that recalls."""
    generator = bank.generator("gallery")
    rows = generator.choice(len(bank.images), examples, replace=False)
    noisy, shown = bank.observe(bank.images[rows], "gallery"), []
    for row, image, (kind, hidden) in zip(rows, noisy, (("pixels", 0.5), ("part", 0.5), ("pixels", 0.9))):
        mask = masks(kind, hidden, bank.noise.shape, 1, generator)[0]
        seen = mask.ravel()
        distances = squares(bank.scale(image[None])[:, seen], bank.keys[:, seen])
        recalled = recall(distances, bank.keys, 1.0).reshape(mask.shape) * bank.noise
        shown.append(
            {
                "kind": kind,
                "hidden": hidden,
                "seen": rounded(np.where(mask, image, 0.0), DIGITS),
                "mask": mask.astype(int).tolist(),
                "recalled": rounded(recalled, DIGITS),
                "truth": rounded(bank.images[row], DIGITS),
            }
        )
    return shown
