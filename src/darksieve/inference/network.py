"""darksieve's own network: one embedding, and ratio estimators for one, two and all parameters.

It follows swyft's protocol, `forward(A, B)`: data from A, parameters from B, log-ratios ln p(z|x)/p(z) out. The
joint posterior is a product of conditional ratios, p(z_k | x, z_1 ... z_{k-1}) / p(z_k), whose conditions are
taken from A as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import swyft
import torch
from torch import Tensor, nn

from darksieve.inference.channels import ChannelLinear, speed_up_swyft
from darksieve.inference.embeddings import Compress, PrincipalSummary, Standardise, choose_embedding

__all__ = ["ConditionalRatios", "RatioNetwork"]

speed_up_swyft()

LOG_WIDTHS = (-8.0, 2.0)
NOISE_FLOOR = 1e-2


def _noise_scale(signal: Tensor, x: Tensor) -> Tensor:
    """Scale of the noise of each element, at least a hundredth of its spread; 1 where nothing ever varies."""
    scale = torch.maximum((x - signal).std(dim=0), NOISE_FLOOR * x.std(dim=0))
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def _gaussian(deviation: Tensor, log_width: Tensor) -> Tensor:
    log_width = log_width.clamp(*LOG_WIDTHS)
    return -0.5 * (deviation * torch.exp(-log_width)) ** 2 - log_width


class ConditionalRatios(nn.Module):
    r"""Log-ratios of each parameter given the summaries and the parameters before it (autoregressive).

    Each is a Gaussian with learned mean and width, ln r = -(z - \mu)^2 / 2 \sigma^2 - ln \sigma, plus a learned
    correction: given all parameters before it a posterior is far narrower than the prior, a parabola too steep to be
    learned from nothing.

    References: Anau Montel, Alvey & Weniger 2024, MNRAS 530, 4107 (arXiv 2308.08597), section 2.
    """

    before: Tensor

    def __init__(self, features: int, parameters: int, hidden: int = 64) -> None:
        super().__init__()
        conditions = features + parameters
        self.linear = ChannelLinear(parameters, conditions, 2)
        self.first = ChannelLinear(parameters, conditions, hidden)
        self.curved = ChannelLinear(parameters, hidden, 2)
        self.second = ChannelLinear(parameters, hidden + 1, hidden)
        self.last = ChannelLinear(parameters, hidden, 1)
        for values in (*self.linear.parameters(), *self.curved.parameters()):
            nn.init.zeros_(values)
        self.register_buffer("before", torch.ones(parameters, parameters).tril(-1))

    def forward(self, summaries: Tensor, context: Tensor, z: Tensor) -> Tensor:
        """All conditional log-ratios.

        Parameters
        ----------
        summaries : Tensor (n, F)
        context : Tensor (n, P)
            Parameters that belong to the data, standardised.
        z : Tensor (n, P)
            Parameters whose ratio is wanted, standardised.

        Returns
        -------
        Tensor (n, P)
        """
        conditions = context[None] * self.before[:, None]  # (P, n, P)
        inputs = torch.cat([summaries.expand(len(self.before), -1, -1), conditions], dim=-1)
        hidden = nn.functional.silu(self.first(inputs))
        mean, log_width = (self.linear(inputs) + self.curved(hidden)).unbind(dim=-1)
        correction = self.last(nn.functional.silu(self.second(torch.cat([hidden, z.T[..., None]], dim=-1))))
        return (_gaussian(z.T - mean, log_width) + correction[..., 0]).T

    def conditional(self, summaries: Tensor, context: Tensor, z: Tensor, k: int) -> Tensor:
        """Log-ratio (n, m) of parameter k alone, for summaries (n, F), context (n, P) and z (n, m)."""
        inputs = torch.cat([summaries, context * self.before[k]], dim=-1)
        hidden = nn.functional.silu(self.first.select(inputs, k))
        mean, log_width = (self.linear.select(inputs, k) + self.curved.select(hidden, k)).unbind(dim=-1)
        repeated = hidden[:, None].expand(-1, z.shape[1], -1)
        correction = self.last.select(
            nn.functional.silu(self.second.select(torch.cat([repeated, z[..., None]], dim=-1).flatten(0, 1), k)), k
        )
        return _gaussian(z - mean[:, None], log_width[:, None]) + correction.reshape(z.shape)


class RatioNetwork(swyft.SwyftModule):
    """Embeddings of the data arrays and ratio estimators of the wanted marginals.

    Parameters
    ----------
    shapes : mapping of str to tuple
        Shape of each data array, without the batch axis.
    names : sequence of str
        All parameters, in the order of the columns of z.
    one_dimensional : sequence of str
        Parameters with a one-dimensional marginal.
    two_dimensional : sequence of pairs
        Pairs with a two-dimensional marginal.
    joint : bool
        Whether conditional ratios for the joint posterior are estimated too.
    embedding : str
        `auto`, `cnn`, `resnet` or `mlp`.
    features : int
        Summaries that each array's embedding gives.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        names: Sequence[str],
        one_dimensional: Sequence[str],
        two_dimensional: Sequence[tuple[str, str]] = (),
        joint: bool = False,
        embedding: str = "auto",
        features: int = 32,
    ) -> None:
        super().__init__()
        names = list(names)
        self.columns = [names.index(name) for name in one_dimensional]
        self.compress = nn.ModuleDict({name: Compress(shape) for name, shape in shapes.items()})
        self.standardise = nn.ModuleDict({name: Standardise(shape) for name, shape in shapes.items()})
        self.embed = nn.ModuleDict({n: choose_embedding(embedding, s, features) for n, s in shapes.items()})
        inputs = sum(int(torch.Size(shape).numel()) for shape in shapes.values())
        self.principal = PrincipalSummary(inputs, len(names), features)
        self.standardise_z = Standardise((len(names),))
        summaries = features * (len(shapes) + 1) + len(names)
        self.one = swyft.LogRatioEstimator_1dim(summaries, len(self.columns), list(one_dimensional), dropout=0.0)
        self.two = None
        if two_dimensional:
            marginals = tuple(tuple(names.index(name) for name in pair) for pair in two_dimensional)
            pairs = [list(pair) for pair in two_dimensional]
            self.two = swyft.LogRatioEstimator_Ndim(summaries, marginals, pairs, dropout=0.0)
        self.all = ConditionalRatios(summaries, len(names)) if joint else None
        self.names = names

    def prepare(self, signal: dict[str, Tensor], z: Tensor, observe: Callable[[Tensor], dict[str, Tensor]]) -> None:
        """Take scales and principal components from the training simulations.

        Parameters
        ----------
        signal : dict of Tensor (n, ...)
            Noise-free training simulations.
        z : Tensor (n, P)
            Their parameters.
        observe : callable
            Data with fresh noise for rows of the signal, given their indices (m,).
        """
        self.standardise_z.fit(z)
        x = observe(torch.arange(len(z)))
        before = self.principal.project(self._flatten(self._compress(x)))
        for name in self.embed:
            self.compress[name].fit(x[name], _noise_scale(signal[name], x[name]))  # type: ignore[operator]
            self.standardise[name].fit(self.compress[name](x[name]))  # type: ignore[operator]
        flat_signal, flat_x = (self._flatten(self._compress(data)) for data in (signal, x))
        self.principal.fit(flat_signal, flat_x, self.standardise_z(z), before)

    def summarise(self, x: Mapping[str, Tensor]) -> Tensor:
        """Summaries (n, F) of data arrays (n, ...)."""
        compressed = self._compress(x)
        learned = [embed(self.standardise[name](compressed[name])) for name, embed in self.embed.items()]
        return torch.cat([*learned, self.principal(self._flatten(compressed))], dim=-1).float()

    def forward(self, A: Mapping[str, Tensor], B: Mapping[str, Tensor]) -> dict[str, swyft.LogRatioSamples]:
        """Log-ratios of the parameters in B["z"] (m, P) for the data in A (n, ...), n a divisor of m."""
        summaries, z = swyft.equalize_tensors(self.summarise(A), self.standardise_z(B["z"]))
        ratios = {"one": self.one(summaries, z[:, self.columns])}
        if self.two is not None:
            ratios["two"] = self.two(summaries, z)
        if self.all is not None and "z" in A:
            context, _ = swyft.equalize_tensors(self.standardise_z(A["z"]), z)
            conditionals = self.all(summaries, context, z)
            parameter_names = np.array([[f"{name} given those before"] for name in self.names])
            ratios["all"] = swyft.LogRatioSamples(conditionals, z[..., None], parameter_names)
        return ratios

    def _compress(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self.compress[name](x[name]) for name in self.embed}

    def _flatten(self, x: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([x[name].reshape(len(x[name]), -1) for name in self.embed], dim=1)
