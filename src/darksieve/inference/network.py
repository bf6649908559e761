"""darksieve's own network: one embedding, and ratio estimators for one, two and all parameters.

It follows swyft's protocol, `forward(A, B)`: data from A, parameters from B, log-ratios ln p(z|x)/p(z) out. Ratios of
one parameter given others, which can be normalised in closed form, come close with few simulations: the joint posterior
is their product, and swyft's estimators of the marginals learn what is left to correct.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import swyft
import torch
from torch import Tensor, nn

from darksieve.inference.channels import ChannelLinear, speed_up_swyft
from darksieve.inference.coordinates import LOG_ROOT_TWO_PI, Coordinates, log_normal_mass
from darksieve.inference.embeddings import (
    ROWS_TO_FIT,
    Compress,
    DeepSet,
    PrincipalSummary,
    Standardise,
    choose_embedding,
    least_squares,
)
from darksieve.inference.whitening import Whitening
from darksieve.problem.box import Box
from darksieve.problem.prior import Prior

__all__ = ["ConditionalRatios", "RatioNetwork"]

speed_up_swyft()

LOG_WIDTHS = (-8.0, 3.0)
FARTHEST = 3.0  # standard deviations of the box by which a component's centre may lie outside
NOISE_FLOOR = 1e-2


def _noise_scale(signal: Tensor, x: Tensor) -> Tensor:
    """Scale of the noise of each element, at least a hundredth of its spread; 1 where nothing ever varies.

    Of data whose noise the simulator drew already it is the spread itself.
    """
    noise, spread = (x - signal).std(dim=0), x.std(dim=0)
    scale = torch.maximum(noise, NOISE_FLOOR * spread) if noise.any() else spread
    return torch.where(scale > 0, scale, torch.ones_like(scale))


class ConditionalRatios(nn.Module):
    r"""Log-ratios of parameters given the summaries and some other parameters, each normalised in closed form.

    A term is ln q(z_k | x, z_given) / p(z_k), with q a mixture of Gaussians cut at the box. Its loss is the mean of
    -ln r, which is the limit of NRE-B and NRE-C for infinitely many contrasts: one dimension allows it.

    Parameters
    ----------
    features : int
        Summaries F.
    coordinates : Coordinates
        Of the parameters, shared with the network.
    terms : sequence of (tuple of int, int)
        For each term, the columns of the parameters that are given, and that of the parameter itself.

    References: Anau Montel, Alvey & Weniger 2024, MNRAS 530, 4107 (arXiv 2308.08597), section 2 (autoregressive
    ratios); Bishop 1994, Mixture density networks, section 3.
    """

    given: Tensor

    def __init__(
        self,
        features: int,
        coordinates: Coordinates,
        terms: Sequence[tuple[tuple[int, ...], int]],
        hidden: int = 64,
        components: int = 8,
    ) -> None:
        super().__init__()
        parameters = len(coordinates.prior)
        conditions = features + parameters
        self.coordinates = coordinates
        self.terms, self.columns = list(terms), [column for _, column in terms]
        self.linear = ChannelLinear(len(terms), conditions, 2)
        self.first = ChannelLinear(len(terms), conditions, hidden)
        self.second = ChannelLinear(len(terms), hidden, hidden)
        self.last = ChannelLinear(len(terms), hidden, 3 * components)
        given = [[float(column in columns) for column in range(parameters)] for columns, _ in terms]
        self.register_buffer("given", torch.tensor(given))
        self._begin_linear()

    def _begin_linear(self) -> None:
        """Make each mixture one Gaussian with the linear mean and width, whatever the hidden layers say."""
        for values in (*self.linear.parameters(), *self.last.parameters()):
            nn.init.zeros_(values)
        components = self.last.bias.shape[-1] // 3
        shift = torch.linspace(-1.0, 1.0, components)  # side by side: equal components would stay equal
        with torch.no_grad():
            self.last.bias[..., components : 2 * components] = shift
            self.last.bias[..., 2 * components :] = 0.5 * math.log(1 - float((shift**2).mean()))

    @torch.no_grad()
    def fit(self, summaries: Tensor, t: Tensor, linear: slice) -> None:
        """Begin each term with the linear Gaussian estimate of its parameter, where that is better than what is there.

        Parameters
        ----------
        summaries : Tensor (n, F)
        t : Tensor (n, P)
            Coordinates of the parameters that belong to them.
        linear : slice
            Summaries that the estimate may use.
        """
        before = {name: values.clone() for name, values in self.named_parameters()}
        gain = self(summaries, t).mean(dim=0)
        self._begin_linear()
        for term, (columns, column) in enumerate(self.terms):
            inputs = torch.cat([summaries[:, linear], t[:, columns]], dim=1)
            weight = least_squares(inputs, t[:, column : column + 1])[:, 0]
            places = [*range(summaries.shape[1])[linear], *(summaries.shape[1] + i for i in columns)]
            self.linear.weight[term, places, 0] = weight
            rest = t[:, column] - inputs @ weight
            self.linear.bias[term, 0, 0], self.linear.bias[term, 0, 1] = rest.mean(), rest.std().clamp_min(1e-6).log()
        worse = self(summaries, t).mean(dim=0) < gain
        for name, values in self.named_parameters():
            values[worse] = before[name][worse]

    def forward(self, summaries: Tensor, t: Tensor, terms: slice = slice(None)) -> Tensor:
        """Log-ratios (n, C) of the terms for summaries (n, F) and coordinates t (n, P) of all parameters."""
        conditions = t[None] * self.given[terms, None]  # (C, n, P)
        inputs = torch.cat([summaries.expand(len(conditions), -1, -1), conditions], dim=-1)
        hidden = nn.functional.silu(self.first(inputs, terms))
        hidden = hidden + nn.functional.silu(self.second(hidden, terms))
        columns = self.columns[terms]
        low, high = self.coordinates.edges.to(t.dtype)[:, columns, None, None]  # (C, 1, 1) each
        log_weight, mean, log_width = _components(self.linear(inputs, terms), self.last(hidden, terms), low, high)
        width, values = log_width.exp(), t[:, columns].T[..., None]
        log_mass = log_normal_mass((low - mean) / width, (high - mean) / width)
        parts = log_weight - 0.5 * ((values - mean) / width) ** 2 - log_width - LOG_ROOT_TWO_PI - log_mass
        return torch.logsumexp(parts, dim=-1).T - self.coordinates.log_prior(t)[:, columns]

    def draw(self, summaries: Tensor, t: Tensor, term: int, uniform: Tensor) -> Tensor:
        """Coordinates (n,) of a term's parameter given the others in t (n, P); uniform (n, 2) makes them random."""
        inputs = torch.cat([summaries, t.float() * self.given[term]], dim=-1)
        hidden = nn.functional.silu(self.first.select(inputs, term))
        hidden = hidden + nn.functional.silu(self.second.select(hidden, term))
        low, high = self.coordinates.edges[:, self.columns[term]]
        linear, curved = self.linear.select(inputs, term).double(), self.last.select(hidden, term).double()
        log_weight, mean, log_width = _components(linear, curved, low, high)
        chosen = (log_weight.exp().cumsum(dim=1) < uniform[:, :1]).sum(dim=1, keepdim=True).clamp(max=mean.shape[1] - 1)
        mean, width = (values.gather(1, chosen)[:, 0] for values in (mean, log_width.exp()))
        below, above = (low - mean) / width, (high - mean) / width
        right = below + above > 0  # mirrored, for the precision of the tail
        below, above = torch.where(right, -above, below), torch.where(right, -below, above)
        from_below, to_above = torch.special.ndtr(below), torch.special.ndtr(above)
        deviation = torch.special.ndtri(from_below + uniform[:, 1] * (to_above - from_below))
        deviation = torch.where(right, -1.0, 1.0) * deviation.clamp(below, above)
        return (mean + width * deviation).clamp(low, high)


def _components(linear: Tensor, curved: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logarithms of weights, means and logarithms of widths (..., M) of a mixture.

    `linear` (..., 2) is the mean and logarithm of the width that all share; `curved` (..., 3 M) holds logits, shifts of
    each one's mean in units of the shared width, and of the logarithm of its width.
    """
    mean, log_width = linear[..., None].unbind(dim=-2)
    logit, shift, log_factor = curved.unflatten(-1, (3, -1)).unbind(dim=-2)
    log_width = log_width.clamp(*LOG_WIDTHS)
    mean = (mean + shift * log_width.exp()).clamp(low - FARTHEST, high + FARTHEST)
    return logit.log_softmax(dim=-1), mean, (log_width + log_factor).clamp(*LOG_WIDTHS)


def _add(samples: swyft.LogRatioSamples, start: Tensor) -> swyft.LogRatioSamples:
    """Log-ratios as corrections of others (m, number)."""
    return dataclasses.replace(samples, logratios=samples.logratios + start)


class RatioNetwork(swyft.SwyftModule):
    """Embeddings of the data arrays and ratio estimators of the wanted marginals.

    Parameters
    ----------
    shapes : mapping of str to tuple
        Shape of each data array, without the batch axis.
    prior : Prior
        All parameters, in the order of the columns of z.
    one_dimensional : sequence of str
        Parameters with a one-dimensional marginal.
    two_dimensional : sequence of pairs
        Pairs with a two-dimensional marginal.
    joint : bool
        Whether conditional ratios for the joint posterior are estimated too.
    embedding : str
        `auto`, `cnn`, `resnet` or `mlp`; `principal` for none but the principal components of the signal.
    features : int
        Summaries that each array's embedding gives.
    components : int
        Principal components of the signal.
    exchangeable : collection of str
        Data arrays that are sets, with an embedding of their own.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        prior: Prior,
        one_dimensional: Sequence[str],
        two_dimensional: Sequence[tuple[str, str]] = (),
        joint: bool = False,
        embedding: str = "auto",
        features: int = 32,
        components: int = 96,
        exchangeable: Collection[str] = (),
    ) -> None:
        super().__init__()
        names = list(prior.names)
        self.columns = [names.index(name) for name in one_dimensional]
        self.sets = nn.ModuleDict({name: DeepSet(shapes[name], features) for name in shapes if name in exchangeable})
        ordered = {name: shape for name, shape in shapes.items() if name not in self.sets}
        self.compress = nn.ModuleDict({name: Compress(shape) for name, shape in ordered.items()})
        embedded = {} if embedding == "principal" else ordered
        self.standardise = nn.ModuleDict({name: Standardise(shape) for name, shape in embedded.items()})
        self.embed = nn.ModuleDict({n: choose_embedding(embedding, s, features) for n, s in embedded.items()})
        inputs = sum(int(torch.Size(shape).numel()) for shape in ordered.values())
        self.principal = PrincipalSummary(inputs, len(names), features, components) if ordered else None
        self.coordinates = Coordinates(prior)
        learned = features * (len(self.sets) + len(self.embed))
        linear = len(names) if ordered else 0
        self.estimates = slice(learned, learned + linear)  # of the parameters, among the summaries
        summaries = learned + (features + linear if ordered else 0)
        self.one = swyft.LogRatioEstimator_1dim(summaries, len(self.columns), list(one_dimensional), dropout=0.0)
        self.two = None
        terms: list[tuple[tuple[int, ...], int]] = [((), column) for column in self.columns]
        pairs = [(names.index(first), names.index(second)) for first, second in two_dimensional]
        if pairs:
            self.two = swyft.LogRatioEstimator_Ndim(summaries, tuple(pairs), [list(p) for p in two_dimensional], 0.0)
        for estimator in (self.one, self.two):
            if estimator is not None:  # corrections begin at zero
                nn.init.zeros_(estimator.classifier.net.final_layer.weights)
                nn.init.zeros_(estimator.classifier.net.final_layer.bias)
        chains = [*pairs, tuple(range(len(names)))] if joint else pairs
        self.chains = []  # terms whose sum is the log-ratio of each pair, and of all parameters
        for number, chain in enumerate(chains):
            if number == len(pairs):
                self.marginal_terms = slice(len(terms))
            wanted = [(chain[:i], column) for i, column in enumerate(chain)]
            terms += [term for term in wanted if term not in terms]
            self.chains.append([terms.index(term) for term in wanted])
        if not joint:
            self.marginal_terms = slice(len(terms))
        self.joint = joint
        self.conditionals = ConditionalRatios(summaries, self.coordinates, terms)

    @torch.no_grad()
    def prepare(
        self, box: Box, signal: dict[str, Tensor], z: Tensor, observe: Callable[[Tensor], dict[str, Tensor]]
    ) -> None:
        """Take scales and principal components from the training simulations.

        Parameters
        ----------
        box : Box
            The truncated prior from which they were drawn.
        signal : dict of Tensor (n, ...)
            Noise-free training simulations.
        z : Tensor (n, P)
            Their parameters.
        observe : callable
            Data with fresh noise for rows of the signal, given their indices (m,).
        """
        self.coordinates.fit(z, box)
        x = observe(torch.arange(len(z)))
        for name in self.sets:
            self.sets[name].fit(x[name])  # type: ignore[operator]
        if self.principal is not None:
            self._fit_principal(signal, x, z)
        self.conditionals.fit(self.eval().summarise(x), self.coordinates(z), self.estimates)

    def _fit_principal(self, signal: dict[str, Tensor], x: dict[str, Tensor], z: Tensor) -> None:
        assert self.principal is not None
        before = self.principal.project(self._flatten(self._compress(x)))
        for name in self.compress:
            self.compress[name].fit(x[name], _noise_scale(signal[name], x[name]))  # type: ignore[operator]
        for name in self.standardise:
            self.standardise[name].fit(self.compress[name](x[name]))  # type: ignore[operator]
        signal, x = self._compress(signal), self._compress(x)
        white = Whitening([(x[name] - signal[name])[:ROWS_TO_FIT] for name in signal])
        self.principal.fit(self._flatten(signal), self._flatten(x), self.coordinates(z), before, white)

    def summarise(self, x: Mapping[str, Tensor]) -> Tensor:
        """Summaries (n, F) of data arrays (n, ...)."""
        compressed = self._compress(x)
        learned = [embed(x[name]) for name, embed in self.sets.items()]
        learned += [embed(self.standardise[name](compressed[name])) for name, embed in self.embed.items()]
        if self.principal is not None:
            learned.append(self.principal(self._flatten(compressed)))
        return torch.cat(learned, dim=-1).float()

    def forward(self, A: Mapping[str, Tensor], B: Mapping[str, Tensor]) -> dict[str, Any]:
        """Log-ratios of the parameters in B["z"] (m, P) for the data in A (n, ...), n a divisor of m.

        Where A holds the parameters that belong to its data, the loss of the conditional ratios comes too.
        """
        summary = self.summarise(A)
        with torch.autocast(summary.device.type, enabled=False):  # ratios are too steep for half precision
            summaries, t = swyft.equalize_tensors(summary, self.coordinates(B["z"]))
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.training):  # corrections train alone
                start = self.conditionals(summaries, t, self.marginal_terms)
            ratios = {"one": _add(self.one(summaries, t[:, self.columns]), start[:, : len(self.columns)])}
            if self.two is not None:
                pairs = [start[:, chain].sum(dim=1) for chain in self.chains[: len(self.two.marginals)]]
                ratios["two"] = _add(self.two(summaries, t), torch.stack(pairs, dim=1))
            if "z" in A:
                loss = -self.conditionals(summary, self.coordinates(A["z"])).mean(dim=0)
                ratios["conditionals"] = swyft.AuxLoss(loss, "conditionals")
        return ratios

    def _compress(self, x: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: compress(x[name]) for name, compress in self.compress.items()}

    def _flatten(self, x: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([x[name].reshape(len(x[name]), -1) for name in self.compress], dim=1)
