"""Embeddings: from data arrays to a few summaries that the ratio estimators read."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from darksieve.inference.whitening import Whitening

__all__ = ["Compress", "DeepSet", "Perceptron", "PrincipalSummary", "Standardise", "choose_embedding", "least_squares"]

ROWS_TO_FIT = 8192
ROWS_A_COMPONENT = 20
RIDGE = 1e-6
SQUARE = 4  # pixels
SOFTENING = 20.0  # standard deviations of the noise


class Standardise(nn.Module):
    """Shift and scale every element of an array `(n, *shape)` to mean 0 and standard deviation 1 over simulations."""

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def fit(self, x: Tensor) -> None:
        """Take mean and scale from simulations x `(n, *shape)`; an element that never varies keeps scale 1."""
        self.mean = x.mean(dim=0)
        deviation = x.std(dim=0)
        self.scale = torch.where(deviation > 0, deviation, torch.ones_like(deviation))

    def forward(self, x: Tensor) -> Tensor:
        """Standardised x."""
        return (x - self.mean) / self.scale


class Compress(nn.Module):
    """Logarithm of an array's deviation d from its mean over simulations, `sign(d) ln(1 + |d| / s)`.

    It is linear up to s, some standard deviations of the noise, so that an image's faint parts count beside a centre
    a thousand times as bright.
    """

    mean: Tensor
    softening: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("softening", torch.ones(shape))

    def fit(self, x: Tensor, noise_scale: Tensor) -> None:
        """Take the mean from simulations x `(n, *shape)`, and s from the scale of the noise `(*shape)`, above zero."""
        self.mean = x.mean(dim=0)
        self.softening = SOFTENING * noise_scale

    def forward(self, x: Tensor) -> Tensor:
        """Compressed x."""
        deviation = (x - self.mean) / self.softening
        return deviation.sign() * deviation.abs().log1p()


class PrincipalSummary(nn.Module):
    """Summaries from the principal components of the noise-free signal.

    Inside a truncated box the signal varies along few directions: components weaker than the noise say nothing, so
    that some hundred hold what an image of thousands of pixels says. From them come P linear estimates of the
    parameters, which begin with the least mean squared error and hold almost all once truncation has made the signal
    nearly linear, and F learned features, which bend them.

    References: Tegmark, Taylor & Heavens 1997, ApJ 480, 22 (Karhunen-Loeve and linear compression, section 4);
    Alsing & Wandelt 2018, MNRAS 476, L60 (summaries from linear estimators).
    """

    mean: Tensor
    components: Tensor

    def __init__(self, inputs: int, parameters: int, features: int, components: int, hidden: int = 256) -> None:
        super().__init__()
        number = min(components, inputs)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("components", torch.zeros(inputs, number))
        self.estimate = nn.Linear(number, parameters)
        self.bend = nn.Sequential(
            nn.Linear(number, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, features),
        )

    def project(self, x: Tensor) -> Tensor:
        """Components (n, C) of flattened data x (n, d), of unit standard deviation; zeros before the first fit."""
        return (x - self.mean) @ self.components

    @torch.no_grad()
    def fit(self, signal: Tensor, x: Tensor, z: Tensor, before: Tensor, white: Whitening) -> None:
        """Find the components, begin the linear estimates; turn the learned features to the new components.

        Parameters
        ----------
        signal, x : Tensor (n, d)
            Simulations without and with noise, in units in which the noise of all elements is alike.
        z : Tensor (n, P)
            Their standardised parameters.
        before : Tensor (n, C)
            What `project` gave for these data before; the learned features read it off the new components.
        white : Whitening
            Of the noise: components are those of the signal in units in which it is white.
        """
        fitted = bool(self.components.any())
        rows = min(ROWS_TO_FIT, len(signal))
        number = min(self.components.shape[1], max(1, rows // ROWS_A_COMPONENT))
        self.mean = signal.mean(dim=0)
        components = white.transposed(torch.svd_lowrank(white(signal[:rows] - self.mean), q=number)[2].T).T
        y = (x[:rows] - self.mean) @ components
        spread = y.std(dim=0).clamp_min(torch.finfo(y.dtype).tiny)
        self.components[:, :number], self.components[:, number:] = components / spread, 0
        y = y / spread
        weight = least_squares(y, z[:rows])
        for values in self.estimate.parameters():
            values.zero_()
        self.estimate.weight[:, :number] = (weight / (y @ weight).std(dim=0).clamp_min(1e-6)).T
        if fitted:
            shift = before[:rows].mean(dim=0)
            turn = torch.zeros(before.shape[1], before.shape[1], device=y.device)
            turn[:number] = least_squares(y, before[:rows] - shift)
            first = self.bend[0]
            first.bias += first.weight @ (shift - y.mean(dim=0) @ turn[:number])  # type: ignore[operator]
            first.weight.copy_(first.weight @ turn.T)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        """Summaries (n, P + F) of flattened data x (n, d)."""
        y = self.project(x)
        return torch.cat([self.estimate(y), self.bend(y)], dim=1)


def least_squares(y: Tensor, target: Tensor) -> Tensor:
    """Weights (C, T) of the linear fit of centred targets (n, T) to y (n, C).

    By normal equations in double precision: `torch.linalg.lstsq` gives other last digits from run to run.
    """
    y = (y - y.mean(dim=0)).double()
    ridge = RIDGE * len(y) * torch.eye(y.shape[1], dtype=y.dtype, device=y.device)
    return torch.linalg.solve(y.T @ y + ridge, y.T @ target.double()).float()


class Perceptron(nn.Sequential):
    """Multilayer perceptron from a standardised array `(n, *shape)` to features (n, F)."""

    def __init__(self, shape: tuple[int, ...], features: int, hidden: int = 128) -> None:
        inputs = int(torch.Size(shape).numel())
        super().__init__(
            nn.Linear(inputs, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, features),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, F)."""
        return super().forward(x.reshape(len(x), -1))


class DeepSet(nn.Module):
    """Network for a set `(n, N, *shape)` of N elements: the same features of each, summed, then bent.

    What independent elements say about a parameter adds up in the logarithm of the ratio.

    References: Zaheer et al. 2017, NeurIPS (arXiv 1703.06114), theorem 2.
    """

    def __init__(self, shape: tuple[int, ...], features: int, hidden: int = 128) -> None:
        super().__init__()
        self.standardise = Standardise(shape[1:])
        self.element = Perceptron(shape[1:], features, hidden)
        self.scale = shape[0] ** -0.5
        self.bend = nn.Sequential(nn.Linear(features, hidden), nn.SiLU(), nn.Linear(hidden, features))

    def fit(self, x: Tensor) -> None:
        """Take the scales of the elements from simulations x `(n, N, *shape)`."""
        self.standardise.fit(x.flatten(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, F)."""
        elements = self.element(self.standardise(x.flatten(0, 1)))
        total = self.scale * elements.unflatten(0, x.shape[:2]).sum(dim=1)
        return total + self.bend(total)


class ConvolutionalNetwork(nn.Module):
    """A small CNN for images (n, H, W) or (n, C, H, W), made for a few CPU cores.

    Squares of 4 x 4 pixels become channels, which loses nothing and costs little; then come convolutions of stride
    two and two dense layers.
    """

    def __init__(self, shape: tuple[int, ...], features: int, widths: tuple[int, ...] = (64, 128, 128)) -> None:
        super().__init__()
        channels, *size = shape if len(shape) == 3 else (1, *shape)
        self.padding = (0, -size[1] % SQUARE, 0, -size[0] % SQUARE)
        channels, size = SQUARE**2 * channels, [-(-n // SQUARE) for n in size]
        layers: list[nn.Module] = [nn.PixelUnshuffle(SQUARE)]
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.SiLU()]
            channels, size = width, [(n + 1) // 2 for n in size]
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * size[0] * size[1], 128), nn.SiLU(), nn.Linear(128, features)
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, F)."""
        x = nn.functional.pad(x[:, None] if x.ndim == 3 else x, self.padding)
        return self.dense(self.convolutions(x.contiguous(memory_format=torch.channels_last)))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the first one may halve the image."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.SiLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways, activated."""
        return torch.nn.functional.silu(self.body(x) + self.shortcut(x))


class ResidualNetwork(nn.Module):
    """A residual CNN for images, an order of magnitude costlier than `ConvolutionalNetwork`; meant for a GPU."""

    def __init__(self, shape: tuple[int, ...], features: int, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        channels = shape[0] if len(shape) == 3 else 1
        stem = [nn.Conv2d(channels, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.SiLU()]
        blocks: list[nn.Module] = []
        inputs = widths[0]
        for width in widths:
            blocks += [ResidualBlock(inputs, width, stride=2), ResidualBlock(width, width, stride=1)]
            inputs = width
        self.body = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.dense = nn.Sequential(nn.Linear(16 * inputs, 256), nn.SiLU(), nn.Linear(256, features))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, F)."""
        x = x[:, None] if x.ndim == 3 else x
        return self.dense(self.body(x.contiguous(memory_format=torch.channels_last)))


KINDS: Mapping[str, type[nn.Module]] = {
    "cnn": ConvolutionalNetwork,
    "resnet": ResidualNetwork,
    "mlp": Perceptron,
}


def choose_embedding(kind: str, shape: tuple[int, ...], features: int) -> nn.Module:
    """The embedding of an array of a given shape; `auto` is a CNN for images and a perceptron for the rest."""
    if kind == "auto":
        kind = "cnn" if len(shape) >= 2 and min(shape[-2:]) >= 8 else "mlp"
    return KINDS[kind](shape, features)
