"""Couplings of an action from data in closed form, with neither a partition function nor a Markov chain.

For S = sum_a c_a g_a(x) the mean of |grad S|^2 / 2 - lap S is quadratic in c, and least where G c = l, with
G_ab = <grad g_a . grad g_b> and l_a = <lap g_a>. It is the oracle beside the network: exact up to sampling for actions
that are in its span.

Reference: Hyvarinen 2005, J. Mach. Learn. Res. 6, 695, theorem 1.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOCAL_TERMS", "field_couplings", "local_equations", "monomials", "polynomial_couplings"]

Floats = NDArray[np.floating]
ROWS_AT_ONCE = 20000
PAIRS = ((1, 0), (1, 1), (2, 0), (2, 1))  # displacements
REACH = 2  # of the farthest
LOCAL_TERMS = (
    "one leg",
    "pair, one site",
    *(f"pair, {a},{b}" for a, b in PAIRS),
    "third, one site",
    "third, neighbours",
    "fourth, one site",
    "fourth, neighbours",
)  # couplings of an action that is the same everywhere: derivatives by so many sites, two of each where neighbours meet


def monomials(size: int, degree: int) -> NDArray[np.int64]:
    """Exponents (F, d) of all monomials of d variables from degree 1 on."""
    rows = [
        np.bincount(legs, minlength=size)
        for order in range(1, degree + 1)
        for legs in itertools.combinations_with_replacement(range(size), order)
    ]
    return np.array(rows, dtype=np.int64)


def polynomial_couplings(data: Floats, exponents: NDArray[np.int64]) -> Floats:
    """Coefficients (F,) of monomials of given exponents (F, d) in the action of data (n, d)."""
    features, size = exponents.shape
    gram, laplacian = np.zeros((features, features)), np.zeros(features)
    for start in range(0, len(data), ROWS_AT_ONCE):
        powers = data[start : start + ROWS_AT_ONCE, None, :] ** np.arange(exponents.max() + 1)[:, None]  # (n, K, d)
        for axis in range(size):
            rest = np.ones((len(powers), features))
            for other in set(range(size)) - {axis}:
                rest *= powers[:, exponents[:, other], other]
            power = exponents[:, axis]
            slope = power * powers[:, np.maximum(power - 1, 0), axis] * rest
            gram += slope.T @ slope
            laplacian += (power * (power - 1) * powers[:, np.maximum(power - 2, 0), axis] * rest).sum(axis=0)
    return np.linalg.solve(gram, laplacian)


def field_couplings(fields: Floats) -> tuple[Floats, Floats]:
    """Coefficients (3,) of (d phi)^2, phi^2 and phi^4, summed over sites, and their standard errors.

    Fields (n, L, L) are on a periodic lattice. Errors are from the scatter of the equations over fields that are
    independent of each other.
    """
    neighbours = sum(np.roll(fields, shift, axis) for axis in (1, 2) for shift in (1, -1))
    slopes = np.stack([2.0 * (4.0 * fields - neighbours), 2.0 * fields, 4.0 * fields**3])  # (3, n, L, L)
    sites = fields[0].size
    gram = np.einsum("anxy,bnxy->nab", slopes, slopes, optimize=True)
    laplacian = np.stack([np.full(len(fields), 8.0 * sites), np.full(len(fields), 2.0 * sites),
                          12.0 * (fields**2).sum(axis=(1, 2))], axis=1)  # fmt: skip
    found = np.linalg.solve(gram.mean(axis=0), laplacian.mean(axis=0))
    residual = np.linalg.solve(gram.mean(axis=0), (laplacian - gram @ found).T)  # (3, n)
    return found, residual.std(axis=1) / np.sqrt(len(fields))


def local_equations(fields: Floats) -> tuple[Floats, Floats]:
    """Gram matrices (n, T, T) and Laplacians (n, T) of `LOCAL_TERMS` for each of fields (n, H, W), summed over sites.

    Sites nearer to the edge than `REACH` are given: the density of all others, given these, has the same couplings, and
    none that fields beyond the edge would make. The couplings solve the means of these equations.
    """

    def around(values: Floats, *displacements: tuple[int, int]) -> Floats:
        """Sum over all rotations and reflections of displacements, at the sites that are not given."""
        places = {(s * a, t * b) for d in displacements for a, b in (d, d[::-1]) for s in (1, -1) for t in (1, -1)}
        height, width = values.shape[1:]
        return sum(
            (values[:, REACH + a : height - REACH + a, REACH + b : width - REACH + b] for a, b in sorted(places)),
            np.zeros(()),
        )

    site, square, nearest = around(fields, (0, 0)), fields**2, around(fields, (1, 0))
    one, zero = np.ones_like(site), np.zeros_like(site)
    squares = around(square, (1, 0))
    slopes = [one, site, *(around(fields, displacement) for displacement in PAIRS)]
    slopes += [0.5 * site**2, site * nearest + 0.5 * squares, site**3 / 6.0, 0.5 * site * squares]
    curvatures = [zero, one, *(zero for _ in PAIRS), site, nearest, 0.5 * site**2, 0.5 * squares]
    gram = np.einsum("anxy,bnxy->nab", np.stack(slopes), np.stack(slopes), optimize=True)
    return gram, np.stack(curvatures).sum(axis=(2, 3)).T
