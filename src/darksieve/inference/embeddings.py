"""Embeddings: from data arrays to a few summaries that the ratio estimators read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

__all__ = ["Compress", "ConvolutionalNetwork", "LinearSummary", "Perceptron", "ResidualNetwork", "Standardise"]

RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 1e5)
OVERFITTING_ALLOWED = 1.1
ROWS_TO_FIT = 2048
SQUARE = 4  # pixels
SOFTENING = 20.0  # standard deviations of the noise


class Standardise(nn.Module):
    """Shift and scale every element of an array (n, *shape) to mean 0 and standard deviation 1 over simulations."""

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def fit(self, x: Tensor) -> None:
        """Take mean and scale from simulations x (n, *shape); an element that never varies keeps scale 1."""
        self.mean = x.mean(dim=0)
        deviation = x.std(dim=0)
        self.scale = torch.where(deviation > 0, deviation, torch.ones_like(deviation))

    def forward(self, x: Tensor) -> Tensor:
        """Standardised x."""
        return (x - self.mean) / self.scale


class Compress(nn.Module):
    """Logarithm of an array's deviation d from its mean over simulations, sign(d) ln(1 + |d| / s).

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
        """Take the mean from simulations x (n, *shape), and s from the scale of the noise (*shape), above zero."""
        self.mean = x.mean(dim=0)
        self.softening = SOFTENING * noise_scale

    def forward(self, x: Tensor) -> Tensor:
        """Compressed x."""
        deviation = (x - self.mean) / self.softening
        return deviation.sign() * deviation.abs().log1p()


class LinearSummary(nn.Module):
    r"""The linear estimate of the parameters with the least mean squared error, standardised.

    For centred signals S (n, d) scaled to unit noise and parameters Z (n, P), the weights are those of the Wiener
    filter, W = S^T (S S^T + n \lambda)^{-1} Z, exact at \lambda = 1 for a signal linear in z. Once truncation has
    made the signal nearly linear, P such numbers hold almost all that the data say. Where it is far from linear,
    \lambda is raised until the fit is as good on simulations that it has not seen, and where no \lambda does that
    the summary is zero, so that it never misleads the ratio estimators.

    References: Tegmark, Taylor & Heavens 1997, ApJ 480, 22 (linear compression, section 4);
    Alsing & Wandelt 2018, MNRAS 476, L60 (summaries from linear estimators).
    """

    mean: Tensor
    weight: Tensor

    def __init__(self, inputs: int, parameters: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("weight", torch.zeros(inputs, parameters))

    def fit(self, signal: Tensor, noise_scale: Tensor, z: Tensor, draw: Callable[[Tensor], Tensor]) -> None:
        """Fit the weights.

        Parameters
        ----------
        signal : Tensor (n, d)
            Noise-free simulations.
        noise_scale : Tensor (d,)
            Standard deviation of the noise of each element, above zero.
        z : Tensor (n, P)
            Their standardised parameters.
        draw : callable
            Adds noise to rows of the signal, given their indices (m,): data (m, d).
        """
        rows = min(ROWS_TO_FIT, len(signal) // 2)
        fit, test = torch.arange(rows), torch.arange(rows, min(2 * rows, len(signal)))
        mean = signal.mean(dim=0)
        scaled = ((signal[fit] - mean) / noise_scale).double()
        kernel = scaled @ scaled.T / rows
        x_fit, x_test = (((draw(index) - mean) / noise_scale).double() for index in (fit, test))
        z_fit, z_test = z[fit].double(), z[test].double()
        for ridge in RIDGES:
            dual = torch.linalg.solve(kernel + ridge * torch.eye(rows, dtype=kernel.dtype, device=kernel.device), z_fit)
            weight = scaled.T @ dual / rows
            error_fit = ((x_fit @ weight - z_fit) ** 2).mean()
            error_test = ((x_test @ weight - z_test) ** 2).mean()
            if error_test <= OVERFITTING_ALLOWED * error_fit:
                break
        else:
            weight = torch.zeros_like(weight)
        spread = (x_test @ weight).std(dim=0).clamp_min(1e-6)
        self.mean = mean
        self.weight = (weight / noise_scale[:, None] / spread).float()

    def forward(self, x: Tensor) -> Tensor:
        """Summaries (n, P) of flattened data x (n, d)."""
        return (x - self.mean) @ self.weight


class Perceptron(nn.Sequential):
    """Multilayer perceptron from a standardised array (n, *shape) to features (n, F)."""

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
