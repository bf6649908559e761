"""Losses of ratio estimation: each is zero for an untrained network and summed over ratios.

References: Hermans, Begy & Louppe 2020, ICML (arXiv 1903.04057), algorithm 1 (NRE-A); Durkan, Murray &
Papamakarios 2020, ICML (arXiv 2002.03712), equation 9 (NRE-B); Miller, Weniger & Forre 2022, NeurIPS
(arXiv 2210.06170), equation 11 (NRE-C); Delaunoy et al. 2022, NeurIPS (arXiv 2208.13624), equation 7 (balanced).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from darksieve.inference.estimator import iterate_ratios

__all__ = ["LOSSES", "ratio_loss"]

BALANCE = 100.0  # strength of the condition of balance, as in its paper
GAMMA = 1.0  # odds of a joint against only marginal pairs in NRE-C, as in its paper


def ratio_loss(network: nn.Module, batch: Mapping[str, Tensor], kind: str = "nre-a", contrasts: int = 1) -> Tensor:
    """Loss of telling parameters that belong to the data from those of other simulations.

    Parameters
    ----------
    network : nn.Module
        Follows swyft's protocol; other losses in its output (`AuxLoss`) are added.
    batch : mapping of Tensor (n, ...)
        Data arrays and `z`, which belong together row by row.
    kind : str
        A key of `LOSSES`.
    contrasts : int
        Parameters of other simulations that each data set is compared with, at most n - 1; one for `nre-a` and
        `balanced`.
    """
    n = len(batch["z"])
    contrasts = min(contrasts if kind in ("nre-b", "nre-c") else 1, n - 1)
    paired = {**batch, "z": torch.cat([torch.roll(batch["z"], shift, dims=0) for shift in range(contrasts + 1)])}
    output = network(batch, paired)
    log_ratios = torch.cat([s.logratios.reshape(len(paired["z"]), -1) for s in iterate_ratios(output)], dim=1)
    log_ratios = log_ratios.reshape(contrasts + 1, n, -1).float()
    loss = LOSSES[kind](log_ratios[0], log_ratios[1:])
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, list | tuple) else ()
    return sum((value.loss.sum() for value in values if type(value).__name__ == "AuxLoss"), start=loss)


def nre_a(joint: Tensor, marginal: Tensor) -> Tensor:
    """Binary cross-entropy of joint (n, R) against marginal (1, n, R) pairs."""
    softplus = nn.functional.softplus
    n, ratios = joint.shape
    return (softplus(-joint).sum() + softplus(marginal[0]).sum()) / n - 2 * math.log(2) * ratios


def balanced(joint: Tensor, marginal: Tensor) -> Tensor:
    """NRE-A with a penalty that keeps it from overconfidence: on average, d(joint) + d(marginal) = 1."""
    excess = (torch.sigmoid(joint) + torch.sigmoid(marginal[0])).mean(dim=0) - 1
    return nre_a(joint, marginal) + BALANCE * (excess**2).sum()


def nre_b(joint: Tensor, marginal: Tensor) -> Tensor:
    """Cross-entropy of finding the joint pair among marginal ones; the ratio is right up to a function of x."""
    everything = torch.cat([joint[None], marginal])
    return (torch.logsumexp(everything, dim=0) - joint - math.log(len(everything))).mean(dim=0).sum()


def nre_c(joint: Tensor, marginal: Tensor) -> Tensor:
    """Cross-entropy of telling K marginal pairs from a joint one among K - 1 marginal ones, and of finding it there."""
    log_k, log_gamma = math.log(len(marginal)), math.log(GAMMA)
    none = torch.full_like(joint, log_k)[None]
    without = torch.logsumexp(torch.cat([none, log_gamma + marginal]), dim=0) - log_k
    among = torch.cat([none, log_gamma + joint[None], log_gamma + marginal[1:]])
    within = torch.logsumexp(among, dim=0) - log_gamma - joint
    untrained = math.log1p(GAMMA) + GAMMA * (log_k + math.log1p(GAMMA) - log_gamma)
    return ((without + GAMMA * within - untrained) / (1 + GAMMA)).mean(dim=0).sum()


LOSSES = {"nre-a": nre_a, "balanced": balanced, "nre-b": nre_b, "nre-c": nre_c}
