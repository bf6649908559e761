"""An embedding with random weights: at other widths, and as the kernel of a Gaussian process.

The features of a random embedding are, but for a constant, sums over the neurons h of its last hidden layer, with
weights that are independent of all before. Given these neurons the moments of a feature are known, so that none is
drawn: for weights uniform in +-n^-1/2, as torch draws them for n neurons, the variance is K = |h|^2 / 3 n, and the
fourth cumulant over all networks 3 Var(K) - 2 <sum h^4> / 15 n^2, by the law of total cumulance.

References: Neal 1996, Bayesian Learning for Neural Networks, section 2.1; Lee et al. 2018, ICLR (arXiv 1711.00165),
eqs. 8 and 9; Brillinger 1969, Ann. Inst. Stat. Math. 21, 215 (total cumulance).
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["excess_kurtosis", "kernel", "narrow", "random_hidden", "regress"]

Floats = NDArray[np.float64]

SIGNALS, NOISES = np.geomspace(1e-2, 1e3, 26), np.geomspace(1e-4, 2.0, 26)  # variances, of unit variance in all


def narrow(embedding: nn.Module, divisor: int) -> nn.Module:
    """An untrained embedding with all hidden widths divided by a whole number; inputs and features stay."""
    narrowed = copy.deepcopy(embedding)
    layers = {
        name: layer for name, layer in narrowed.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d)
    }  # fmt: skip
    first, *_, last = layers
    for name, layer in layers.items():
        parent, _, child = name.rpartition(".")
        resized = _resize(layer, 1 if name == first else divisor, 1 if name == last else divisor)
        setattr(narrowed.get_submodule(parent), child, resized)
    return narrowed


def _resize(layer: nn.Module, inputs: int, outputs: int) -> nn.Module:
    """A new layer with so many times fewer inputs and outputs."""
    if isinstance(layer, nn.BatchNorm2d):
        return nn.BatchNorm2d(layer.num_features // outputs)
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features // inputs, layer.out_features // outputs)
    assert isinstance(layer, nn.Conv2d)
    return nn.Conv2d(
        layer.in_channels // inputs, layer.out_channels // outputs, layer.kernel_size,  # type: ignore[arg-type]
        layer.stride, layer.padding, bias=layer.bias is not None,  # type: ignore[arg-type]
    )  # fmt: skip


@torch.no_grad()
def random_hidden(embedding: nn.Module, inputs: Tensor, seed: int) -> Floats:
    """Neurons (n, H) of the last hidden layer at inputs (n, ...), all weights drawn anew.

    Activations are normalised over the inputs, as in training.
    """
    (*_, last) = (layer for layer in embedding.modules() if isinstance(layer, nn.Linear))
    found: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda _, given: found.append(given[0]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in embedding.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
                layer.reset_parameters()
        embedding.train()(inputs)
    handle.remove()
    return found[0].double().numpy()


def excess_kurtosis(hidden: Floats) -> tuple[float, float]:
    """Excess kurtosis of a feature over random networks with last hidden layers (draws, n, H), and its standard error.

    It is the mean over the n inputs; the error is by the jackknife over draws.
    """
    width = hidden.shape[2]
    variance = (hidden**2).sum(axis=2) / (3.0 * width)
    fourth = -2.0 * (hidden**4).sum(axis=2) / (15.0 * width**2)
    draws = len(hidden)
    first, second, last = (values.sum(axis=0) for values in (variance, variance**2, fourth))

    def kurtosis(number: int, a: Floats, b: Floats, c: Floats) -> Floats:
        mean = a / number
        return ((3.0 * (b / number - mean**2) + c / number) / mean**2).mean(axis=-1)

    left_out = kurtosis(draws - 1, first - variance, second - variance**2, last - fourth)
    return float(kurtosis(draws, first, second, last)), float(np.sqrt((draws - 1) * left_out.var()))


def kernel(embedding: nn.Module, inputs: Tensor, draws: int, seed: int) -> Floats:
    """Covariance (n, n) of a feature at inputs (n, ...) over random networks of the embedding's widths."""
    total = np.zeros((len(inputs), len(inputs)))
    for draw in range(draws):
        hidden = random_hidden(embedding, inputs, seed + draw)
        total += hidden @ hidden.T / (3.0 * hidden.shape[1])
    return total / draws


def regress(covariance: Floats, targets: Floats) -> tuple[Floats, Floats, float]:
    """Posterior of a Gaussian process that saw the first targets: means, standard deviations, and the noise.

    The kernel's scale and the variance of the noise are those of largest marginal likelihood on a grid.

    Parameters
    ----------
    covariance : array (n, n)
        The kernel at all inputs.
    targets : array (m,)
        What was seen at the first m.

    Returns
    -------
    mean, standard deviation : array (n - m,)
        Of the function at the other inputs, without noise.
    noise : float
        Its standard deviation.
    """
    seen = len(targets)
    centre, scale = targets.mean(), targets.std()
    y = (targets - centre) / scale
    covariance = covariance / np.diag(covariance).mean()
    size, axes = np.linalg.eigh(covariance[:seen, :seen])
    size, projected = size.clip(0.0), axes.T @ y
    total = SIGNALS[:, None, None] * size + NOISES[:, None]  # (signals, noises, m)
    likelihood = -0.5 * (projected**2 / total + np.log(total)).sum(axis=2)
    signal, noise = np.unravel_index(likelihood.argmax(), likelihood.shape)
    across = SIGNALS[signal] * covariance[seen:, :seen] @ axes
    inverse = 1.0 / total[signal, noise]
    mean = across @ (inverse * projected)
    variance = SIGNALS[signal] * np.diag(covariance)[seen:] - (across**2 * inverse).sum(axis=1)
    return centre + scale * mean, scale * np.sqrt(variance.clip(0.0)), float(scale * np.sqrt(NOISES[noise]))
