"""The diffusion model of galaxies: how it is trained, drawn from, and kept in a file."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from azula.noise import VESchedule
from azula.sample import xEABSampler
from torch import Tensor

from darksieve.physics_ai.diffusion.galaxies.images import augment, draw_galaxies
from darksieve.physics_ai.diffusion.layers import Convolutions
from darksieve.physics_ai.diffusion.network import LearnedDenoiser, train
from darksieve.problem.diffusion import GalaxiesConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.interruption import Interruption
from darksieve.problem.provenance import derive_seed

__all__ = ["PIXELS", "GalaxyPrior", "learn_galaxies", "training_images", "unseen_images"]

PIXELS = 32
SCHEDULE = VESchedule(2e-2, 50.0)  # under the most noise not even the brightness of a galaxy is to be seen
SHAPE = Convolutions(channels=(16, 32, 64, 128), blocks=(1, 1, 1, 1))
BATCH, LEARNING_RATE = 32, 2e-3
CROWDING = 1.6  # of the times of training; what there is to learn under more noise is soon learned
STEPS = 64  # of drawing from the prior, of second order; more of first order draw galaxies that are too smooth


@dataclass(frozen=True)
class GalaxyPrior:
    """A learned denoiser of images (n, P^2), and how it was learned: mean losses of 100 steps, and CPU seconds."""

    denoiser: LearnedDenoiser
    settings: GalaxiesConfig
    losses: list[float]
    seconds: float

    @property
    def pixels(self) -> int:
        """Pixels a side, P."""
        return math.isqrt(len(self.denoiser.mean))

    @torch.no_grad()
    def draw(self, number: int, seed: int, steps: int = STEPS) -> Tensor:
        """Images (n, P, P), from noisy ones that have the galaxies' own covariance besides that of the noise.

        The last of the noise, which steps leave, is taken away by the denoiser.
        """
        torch.manual_seed(seed)
        sampler, size = xEABSampler(self.denoiser, steps=steps, silent=True), self.pixels**2
        start = self.denoiser.mean + sampler.init((number, size), 0.0, self.denoiser.power) @ self.denoiser.axes.T
        return self.denoiser(sampler(start), torch.tensor(0.0)).mean.unflatten(1, (self.pixels, self.pixels))

    def save(self, path: Path) -> None:
        """Write a file."""
        record = {
            "denoiser": self.denoiser.state_dict(), "shape": asdict(self.denoiser.shape), "losses": self.losses,
            "schedule": (self.denoiser.schedule.sigma_min, self.denoiser.schedule.sigma_max), "seconds": self.seconds,
            "settings": self.settings.model_dump(),
        }  # fmt: skip
        torch.save(record, path)

    @classmethod
    def load(cls, path: Path) -> GalaxyPrior:
        """Read a file.

        Raises
        ------
        DarksieveError
            If it is not there, or holds no prior of galaxies.
        """
        try:
            record: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
            size = len(record["denoiser"]["mean"])
            denoiser = LearnedDenoiser(
                torch.zeros(size), torch.eye(size), Convolutions(**record["shape"]), VESchedule(*record["schedule"])
            )
            denoiser.load_state_dict(record["denoiser"])
            settings = GalaxiesConfig(**record["settings"])
        except Exception as error:
            raise DarksieveError(
                f"no prior of galaxies can be read ({type(error).__name__})", where=path,
                mend="make it by `snakemake diffusion` or `darksieve learn_galaxies`",
            ) from error  # fmt: skip
        return cls(denoiser.eval(), settings, record["losses"], record["seconds"])


def training_images(settings: GalaxiesConfig) -> Tensor:
    """The images (n, P, P) from which the prior learns; the same every time."""
    generator = torch.Generator().manual_seed(derive_seed("diffusion/galaxies", settings.seed, "images"))
    return draw_galaxies(settings.drawn, PIXELS, settings.real, settings.images, generator)


def unseen_images(settings: GalaxiesConfig, number: int, *label: object) -> Tensor:
    """Other images (n, P, P) like those, the same for each label."""
    generator = torch.Generator().manual_seed(derive_seed("diffusion/galaxies", settings.seed, "unseen", *label))
    return draw_galaxies(number, PIXELS, settings.real, settings.images, generator)


def learn_galaxies(
    settings: GalaxiesConfig, checkpoint: Path | None = None, interruption: Interruption | None = None
) -> GalaxyPrior:
    """The prior, trained, or trained on from its checkpoint; see `train`.

    Raises
    ------
    DarksieveError
        If the files of real galaxies cannot be read, or the training was interrupted.
    """
    images = training_images(settings)
    torch.manual_seed(derive_seed("diffusion/galaxies", settings.seed, "start"))
    denoiser, losses, seconds = train(
        LearnedDenoiser.of(images.flatten(1), SHAPE, SCHEDULE),
        lambda number, g: augment(images[torch.randint(len(images), (number,), generator=g)], g).flatten(1),
        settings.steps, BATCH, derive_seed("diffusion/galaxies", settings.seed, "train"),
        learning_rate=LEARNING_RATE, crowding=CROWDING, checkpoint=checkpoint, interruption=interruption,
    )  # fmt: skip
    return GalaxyPrior(denoiser, settings, losses, seconds)
