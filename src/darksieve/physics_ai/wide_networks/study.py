"""The analysis `wide_networks`: kernels, the fourth cumulant against width, and what depth does to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from darksieve.diagnostics.bars import bar, rounded, summarise_bars
from darksieve.physics_ai.wide_networks.ensembles import output_kernels
from darksieve.physics_ai.wide_networks.kernels import (
    Prior,
    connect,
    excess_kurtosis,
    infinite_kernel,
    vertex,
)
from darksieve.problem.provenance import derive_seed
from darksieve.problem.theories import WideNetworksConfig

__all__ = ["study"]

Floats = NDArray[np.float64]

UNIT = np.full((1, 1), 1.0)  # an input at which pre-activations have variance one
ANGLES = np.linspace(0.0, math.pi, 37)
MEASURED = slice(None, None, 4)  # of these
KERNEL_WEIGHT = {"relu": 2.0, "erf": 6.0}  # variance of the weights, times inputs
DEPTHS = (1, 2, 3)
KERNEL_WIDTH = 1024  # at which what is of order 1 / width is below a per cent
CUMULANTS = {"relu": (15 / 4, 0.02), "erf": (0.362465, 0.03)}  # width times the fourth, and the relative bar
LEGS = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]]) * math.sqrt(2.0)
LEGS_WIDTH = 16
DEEP: Mapping[str, Mapping[int, Sequence[int]]] = {
    "relu": {20: (1, 2, 4), 50: (2, 4, 8), 200: (4, 8)},
    "linear": {50: (2, 4, 8)},
}


def study(settings: WideNetworksConfig) -> dict[str, Any]:
    """All of it; the record says what is expected of each number."""
    kernels = {activation: _kernels(activation, settings) for activation in CUMULANTS}
    cumulants = {activation: _cumulants(activation, settings) for activation in CUMULANTS}
    legs = {activation: _legs(activation, settings) for activation in CUMULANTS}
    deep = _deep(settings)
    bars = {
        "kernels": bar(
            max(entry["largest_difference"] for entries in kernels.values() for entry in entries), None, 0.01,
            f"kernels of networks {KERNEL_WIDTH} wide, 1 to {DEPTHS[-1]} layers, off those at infinite width, relative "
            "to the variance, largest",
        ),
    }  # fmt: skip
    for activation, (exact, tolerance) in CUMULANTS.items():
        entry = cumulants[activation]
        farthest = max(entry["scaled"], key=lambda value: abs(value - exact))
        bars[f"fourth cumulant, {activation}"] = bar(
            farthest, (1 - tolerance) * exact, (1 + tolerance) * exact,
            f"width times the fourth cumulant, of {activation} networks, farthest off {exact:.4g} of all widths",
        )  # fmt: skip
        bars[f"slope, {activation}"] = bar(
            entry["slope"], -1.03, -0.97, f"exponent of the fourth cumulant against width, {activation}"
        )
        bars[f"four points, {activation}"] = bar(
            legs[activation]["largest_difference"], None, 0.03,
            f"connected function of four inputs off the diagram, relative to its largest value, {activation}",
        )  # fmt: skip
    bars["depth"] = bar(
        max(abs(entry["measured"] / entry["exact"][-1] - 1.0) for entry in deep), None, 0.02,
        "excess kurtosis of deep networks off the product over layers, relative, largest",
    )  # fmt: skip
    return summarise_bars(
        bars,
        angles=rounded(ANGLES),
        measured_angles=rounded(ANGLES[MEASURED]),
        depths=list(DEPTHS),
        kernels=kernels,
        widths=settings.widths,
        cumulants=cumulants,
        legs=legs,
        legs_width=LEGS_WIDTH,
        deep=deep,
    )


def _kernels(activation: str, settings: WideNetworksConfig) -> list[dict[str, Any]]:
    """Kernel between an input and others at `ANGLES` to it, in units of the variance at the first."""
    prior = Prior(activation, KERNEL_WEIGHT[activation])
    inputs = math.sqrt(0.5) * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
    found = []
    for depth in DEPTHS:
        seed = _seed(settings, "kernels", activation, depth)
        exact = infinite_kernel(inputs, depth, prior)[0]
        networks = settings.networks // 50
        measured = output_kernels(inputs[MEASURED], [KERNEL_WIDTH] * depth, networks, prior, seed)[:, 0].mean(axis=0)
        found.append(
            {
                "depth": depth,
                "exact": rounded(exact / exact[0]),
                "measured": rounded(measured / exact[0]),
                "largest_difference": float(np.abs(measured - exact[MEASURED]).max() / exact[0]),
            }
        )
    return found


def _cumulants(activation: str, settings: WideNetworksConfig) -> dict[str, Any]:
    """Fourth cumulant 3 Var(K) of the output of one hidden layer against its width, with standard errors."""
    values, errors = [], []
    for width in settings.widths:
        seed = _seed(settings, "cumulants", activation, width)
        kernel = output_kernels(UNIT, [width], settings.networks, Prior(activation), seed)[:, 0, 0]
        square = (kernel - kernel.mean()) ** 2
        values.append(3.0 * square.mean())
        errors.append(3.0 * square.std() / math.sqrt(len(square)))
    widths, cumulant, error = np.array(settings.widths, float), np.array(values), np.array(errors)
    slope = np.polyfit(np.log(widths), np.log(cumulant), 1, w=cumulant / error)[0]
    return {
        "exact": CUMULANTS[activation][0],
        "cumulant": rounded(cumulant),
        "error": rounded(error),
        "scaled": rounded(widths * cumulant),
        "slope": float(slope),
    }


def _legs(activation: str, settings: WideNetworksConfig) -> dict[str, Any]:
    """Width times the connected function of every choice of four among `LEGS`, which are vectors of two numbers."""
    prior = Prior(activation)
    exact = vertex(LEGS, prior)
    seed = _seed(settings, "legs", activation)
    drawn = output_kernels(LEGS, [LEGS_WIDTH], settings.networks, prior, seed)
    measured = LEGS_WIDTH * connect(drawn, np.full(len(drawn), 1.0 / len(drawn)))
    upper = [legs for legs in np.ndindex(exact.shape) if list(legs) == sorted(legs)]
    return {
        "which": [list(legs) for legs in upper],
        "exact": rounded([exact[legs] for legs in upper]),
        "measured": rounded([measured[legs] for legs in upper]),
        "largest_difference": float(np.abs(measured - exact).max() / np.abs(exact).max()),
    }


def _deep(settings: WideNetworksConfig) -> list[dict[str, Any]]:
    """Excess kurtosis 3 <K^2> / <K>^2 - 3 of deep networks at one input; the exact one of all depths up to theirs."""
    found = []
    for activation, widths in DEEP.items():
        prior = Prior(activation, weight=2.0 if activation == "relu" else 1.0)  # keeps the variance from layer to layer
        for width, depths in widths.items():
            for depth in depths:
                seed = _seed(settings, "deep", activation, width, depth)
                networks = settings.deep_networks
                kernel = output_kernels(UNIT, [width] * depth, networks, prior, seed)[:, 0, 0]
                found.append(
                    {
                        "activation": activation,
                        "width": width,
                        "depth": depth,
                        "exact": [excess_kurtosis(activation, [width] * layers) for layers in range(depth + 1)],
                        "measured": 3.0 * float((kernel**2).mean() / kernel.mean() ** 2) - 3.0,
                    }
                )
    return found


def _seed(settings: WideNetworksConfig, *parts: object) -> int:
    return derive_seed("wide_networks", settings.seed, *parts)
