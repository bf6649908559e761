"""The network of SciNet: an encoder, a small stochastic latent layer and a decoder that also reads a question.

The encoder q(r | o) is normal with independent components, the latent prior is normal with standard deviation s0, and
training minimises E (answer - truth)^2 + beta KL(q || prior), averaged over observations and questions: a beta-VAE that
answers questions in place of returning what it saw. What the answers do not need, KL switches off.

References: Iten, Metger, Wilming, del Rio & Renner 2020, PRL 124, 010508 (arXiv 1807.10300); Higgins et al. 2017, ICLR
(beta-VAE).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["QuestionDecoder", "Reply", "SciNet", "SteppingDecoder", "divergence", "perceptron", "seeded"]


class Reply(NamedTuple):
    """Answers (n, k, A) to k questions about each of n observations; mean and ln sigma (n, L) of the latent layer."""

    answer: Tensor
    mean: Tensor
    log_scale: Tensor


class SciNet(nn.Module):
    """Encoder, latent layer, decoder.

    Parameters
    ----------
    encoder : Module or None
        Observations (n, ...) to (n, 2 L): means and ln sigma. None where nothing is remembered, L = 0.
    decoder : Module
        Latent variables (n, k, L) and questions (n, k, Q) to answers (n, k, A).
    prior_scale : float
        Standard deviation s0 of the latent prior.
    """

    def __init__(self, encoder: nn.Module | None, decoder: nn.Module, prior_scale: float = 1.0) -> None:
        super().__init__()
        self.encoder, self.decoder, self.prior_scale = encoder, decoder, prior_scale

    def encode(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and ln sigma, each (n, L), of the latent variables of observations (n, ...)."""
        if self.encoder is None:
            empty = observation.new_zeros(len(observation), 0)
            return empty, empty
        mean, log_scale = self.encoder(observation).chunk(2, dim=-1)
        return mean, log_scale + math.log(self.prior_scale)

    def forward(self, observation: Tensor, question: Tensor, generator: torch.Generator | None = None) -> Reply:
        """Answers to questions (n, k, Q) about observations (n, ...).

        With a generator the latent variables are drawn, as in training; without one they are their means.
        """
        mean, log_scale = self.encode(observation)
        latent = mean
        if generator is not None:
            latent = mean + log_scale.exp() * torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        spread = latent.unsqueeze(1).expand(-1, question.shape[1], -1)  # (n, k, L): one draw for all questions
        return Reply(self.decoder(spread, question), mean, log_scale)


class QuestionDecoder(nn.Module):
    """A perceptron of the latent variables beside the question."""

    def __init__(self, latents: int, question: int, hidden: Sequence[int], answer: int) -> None:
        super().__init__()
        self.layers = perceptron(latents + question, hidden, answer)

    def forward(self, latent: Tensor, question: Tensor) -> Tensor:
        """Answers (n, k, A) from latent variables (n, k, L) and questions (n, k, Q)."""
        return self.layers(torch.cat([latent, question], dim=-1))


class SteppingDecoder(nn.Module):
    """Asked after s equal steps of time, it reads r + s b: latent variables that change at a constant rate b.

    References: Iten et al., section 4 and its figure 5, with the evolution that their code keeps, a constant.
    """

    def __init__(self, latents: int, hidden: Sequence[int], answer: int) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.zeros(latents))
        self.layers = perceptron(latents, hidden, answer)

    def forward(self, latent: Tensor, question: Tensor) -> Tensor:
        """Answers (n, k, A) from latent variables (n, k, L) after steps (n, k, 1)."""
        return self.layers(latent + question * self.rate)


def perceptron(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Linear layers with ELU between them, weights from N(0, 4 / (inputs + outputs)) as the authors have them."""
    sizes = [inputs, *hidden, outputs]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        linear = nn.Linear(before, after)
        nn.init.normal_(linear.weight, std=2.0 / math.sqrt(before + after))
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ELU()]
    return nn.Sequential(*layers[:-1])


def divergence(mean: Tensor, log_scale: Tensor, prior_scale: float) -> Tensor:
    """KL divergence (n, L), in nats, of each latent variable from its prior."""
    log_ratio = log_scale - math.log(prior_scale)
    return 0.5 * ((mean / prior_scale) ** 2 + (2 * log_ratio).exp() - 2 * log_ratio - 1)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Weights that are drawn inside depend on the seed alone, and leave torch's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
