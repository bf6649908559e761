"""The deflection of thousands of haloes, to a chosen accuracy: light ones by Fourier transform, heavier ones summed on
the pixel grid and interpolated to the rays, the heaviest summed at every ray around them besides.

The deflection at unit total mass depends on the scale radius and the truncation alone. The transform convolves bins of
these two with the haloes' masses, which are spread over the grid by the weights with which the field is interpolated.
What each way does wrong was measured for a halo of every bin, so that a population can be divided by its error.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from darksieve.simulators.lens.instrument import ray_grid
from darksieve.simulators.lens.substructure import Haloes, tnfw_coefficients, tnfw_deflection, tnfw_total

__all__ = ["HaloField", "lagrange_weights"]

POINTS = 4  # of the interpolation: cubic
REACH = POINTS // 2
SMALLEST_SCALE_RADIUS, LARGEST_SCALE_RADIUS = 0.03, 20.0  # pixels; what is larger is not transformed
RADIUS_RATIO, TRUNCATION_RATIO = 1.4, 4.0  # of bins
FEWEST_TO_TRANSFORM = 32  # as costly as a transform, summed at the nodes
CORE = 3  # pixels a side, around a halo
PHASES = 7  # places in a pixel along each axis at which cores are tabulated
# of the allowed variance; the rest is left for errors that do not add up at random
MENDED_SHARE, SUMMED_SHARE, TRANSFORMED_SHARE = 0.3, 0.05, 0.3
SHARP = 7  # pixels a side, around a halo that is summed: beyond, the interpolation leaves a thousandth of its variance
PATCH, PLACES = 25, 6  # pixels a side, and places of a halo in its pixel, for the measurement of the errors


@dataclass(frozen=True)
class _Tables:
    """Tensors of one device and dtype. Errors are those at unit total mass of haloes between the nodes of the bins,
    as the root of the squared error summed over pixels, (radii - 1, truncations - 1 or 1) [1 / arcsec].

    Attributes
    ----------
    x, y : Tensor
        Nodes, (1, G^2) [arcsec].
    taps : Tensor
        Weights of the interpolation from 2 REACH + 1 nodes to the quadrature points along one axis, (k, taps).
    templates : Tensor
        Transforms of both components of the deflection at unit total mass, (2, bins, N, N/2+1).
    cores : Tensor
        What transform and interpolation leave out of the deflection at unit total mass in the pixels around a halo,
        (bins PHASES^2, CORE^2, 2 k^2).
    summed, transformed, mended : Tensor
        Errors of haloes that are summed at the nodes; that are transformed; that have their cores mended besides.
    """

    x: Tensor
    y: Tensor
    taps: Tensor
    templates: Tensor
    cores: Tensor
    summed: Tensor
    transformed: Tensor
    mended: Tensor

    def to(self, tensor: Tensor) -> _Tables:
        """The same on the device and of the dtype of a tensor."""
        kind = torch.complex64 if tensor.dtype == torch.float32 else torch.complex128
        others = {name: value.to(tensor) for name, value in vars(self).items() if name != "templates"}
        return _Tables(**others, templates=self.templates.to(tensor.device, kind))


@dataclass(frozen=True)
class _Squares:
    """Deflections to be added around pixels of images, at the rays of squares of pixels.

    Attributes
    ----------
    values : Tensor
        (K, side^2, 2 S) [arcsec].
    image, row, column : Tensor
        Of the pixel in the middle of each square, which may lie outside of the image (K,).
    """

    values: Tensor
    image: Tensor
    row: Tensor
    column: Tensor


class HaloField:
    """Deflection of padded TNFW haloes at the rays of an image.

    Parameters
    ----------
    pixels, pixel_scale, supersampling : int, float, int
        Of the image and its Gauss points, as `ray_grid` takes them.
    extent : float
        No halo lies farther than this from the centre along either axis [arcsec].
    truncation : tuple of float
        Smallest and largest tau of the haloes; those outside are not transformed.
    accuracy : float
        Root-mean-square error of the deflection that is allowed in an image [arcsec]; 0 sums all haloes at each ray.
    """

    def __init__(
        self, pixels: int, pixel_scale: float, supersampling: int, extent: float, truncation: tuple[float, float],
        accuracy: float,
    ) -> None:  # fmt: skip
        self.pixels, self.pixel_scale, self.accuracy = pixels, pixel_scale, accuracy
        x, y, _ = ray_grid(pixels, pixel_scale, supersampling)
        self.rays = torch.cat([x, y])[:, None]
        self.offsets = _offsets(supersampling)
        self.nodes = pixels + 2 * REACH
        self.margin = max(0, math.ceil(extent / pixel_scale - (self.nodes - 1) / 2) + REACH)
        self.size = next_fast_len(2 * (self.nodes + self.margin), real=True)
        number = math.ceil(math.log(LARGEST_SCALE_RADIUS / SMALLEST_SCALE_RADIUS) / math.log(RADIUS_RATIO)) + 1
        self.scale_radii = _geometric(SMALLEST_SCALE_RADIUS * pixel_scale, LARGEST_SCALE_RADIUS * pixel_scale, number)
        low, high = truncation
        self.truncations = _geometric(
            low, high, 1 if high == low else math.ceil(math.log(high / low, TRUNCATION_RATIO)) + 1
        )
        self._tables: dict[tuple[torch.device, torch.dtype], _Tables] = {}

    def deflection(self, haloes: Haloes) -> Tensor:
        """Deflection (2, B, S P^2) [arcsec] of haloes (B, H), in the order of the rays of `ray_grid`."""
        if not self.accuracy:
            return self._at_rays(haloes)
        tables = self._tables_like(haloes.x)
        allowed = (self.accuracy * self.pixels) ** 2
        haloes, mended, summed, transformed = self._by_error(haloes, tables)
        number = _needed(mended, MENDED_SHARE * allowed)
        if int(haloes.mask[:, number:].sum(dim=1).max()) < FEWEST_TO_TRANSFORM:
            number = haloes.x.shape[1]
        heavy, light = haloes.columns(slice(number)), haloes.columns(slice(number, None))
        field = torch.stack(tnfw_deflection(tables.x, tables.y, tnfw_coefficients(heavy)))  # (2, B, G^2)
        if light.x.shape[1]:
            field += self._transform(light, tables)
        deflection = interpolate(field.unflatten(-1, (self.nodes, self.nodes)), tables.taps)
        squares = []
        if sharp := _needed(transformed[:, number:], TRANSFORMED_SHARE * allowed):
            squares.append(self._left_out(light.columns(slice(sharp)), tables.cores, self.pixels))
        if heaviest := _needed(summed[:, :number], SUMMED_SHARE * allowed):
            squares.append(self._smoothed_out(heavy.columns(slice(heaviest)), tables.taps))
        return deflection + _add_up(squares, len(haloes.x), self.pixels) if squares else deflection

    def _at_rays(self, haloes: Haloes) -> Tensor:
        """The sum over haloes (B, H) at every ray, (2, B, S P^2) [arcsec]."""
        rays_x, rays_y = self.rays.to(haloes.x)
        return torch.stack(tnfw_deflection(rays_x, rays_y, tnfw_coefficients(haloes)))

    def _by_error(self, haloes: Haloes, tables: _Tables) -> tuple[Haloes, Tensor, Tensor, Tensor]:
        """Haloes (B, H), those first whose error is largest when they are transformed and have their cores mended.

        Then the squared error of each, summed over the pixels of an image (B, H) [arcsec^2]: so, when it is summed at
        the nodes, and when it is transformed only.
        """
        (radius, _), (tau, _) = (_place(_index(v, nodes), len(nodes)) for v, nodes in self._shapes(haloes))
        errors = torch.stack([tables.mended, tables.summed, tables.transformed])
        error = errors[:, radius, tau.clamp(max=errors.shape[2] - 1)] * _total(haloes)
        outside = (haloes.scale_radius > self.scale_radii[-1]) | (haloes.truncation > 1.001 * self.truncations[-1])
        error.masked_fill_(outside | (haloes.truncation < 0.999 * self.truncations[0]), torch.inf)
        error.masked_fill_(~haloes.mask, 0.0)
        order = error[0].argsort(dim=1, descending=True)
        mended, summed, transformed = error.square().gather(2, order.expand(3, -1, -1))
        return haloes.take(order), mended, summed, transformed

    def _left_out(self, haloes: Haloes, cores: Tensor, pixels: int) -> _Squares:
        """What the transform leaves out in the pixels around haloes (B, H) of an image."""
        image, one = _listed(haloes)
        bins, shares = self._bins(one)
        (row, y), (column, x) = (self._nearest_pixel(v, pixels) for v in (one.y, one.x))
        total = _total(one)
        places, weights = [], []
        for (i, u), (j, v), (bin_, share) in itertools.product(_phases(y), _phases(x), zip(bins, shares)):
            places.append((bin_ * PHASES + i) * PHASES + j)
            weights.append(u * v * share * total)
        values = torch.nn.functional.embedding_bag(
            torch.stack(places, dim=1), cores.flatten(1), per_sample_weights=torch.stack(weights, dim=1), mode="sum"
        )
        return _Squares(values.view(len(image), *cores.shape[1:]), image, row, column)

    def _smoothed_out(self, haloes: Haloes, taps: Tensor) -> _Squares:
        """What interpolation leaves out in the pixels around haloes (B, H)."""
        image, one = _listed(haloes)
        (row, y), (column, x) = (self._nearest_pixel(v, self.pixels) for v in (one.y, one.x))
        centred = replace(one, x=x * self.pixel_scale, y=y * self.pixel_scale)
        centred = Haloes(**{name: tensor[:, None] for name, tensor in vars(centred).items()})
        values = -_by_pixel(self._wrong(centred, centred, taps, SHARP), SHARP)
        return _Squares(values, image, row, column)

    def _nearest_pixel(self, position: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
        """Row or column of the pixel at a position [arcsec], and the way from its centre, in pixels."""
        position = position / self.pixel_scale + (pixels - 1) / 2
        return position.round().long(), position - position.round()

    def _shapes(self, haloes: Haloes) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        return (haloes.scale_radius, self.scale_radii), (haloes.truncation, self.truncations)

    def _transform(self, haloes: Haloes, tables: _Tables) -> Tensor:
        """Deflection at the nodes, (2, B, G^2), by one convolution a bin of scale radius and truncation."""
        batch, side = len(haloes.x), self.nodes + 2 * self.margin
        bins, shares = self._bins(haloes)  # (4, B, H) each
        used = shares.new_zeros(len(self.scale_radii) * len(self.truncations))
        used = used.index_add_(0, bins.flatten(), shares.flatten()).nonzero().flatten()
        place = torch.zeros(len(self.scale_radii) * len(self.truncations), dtype=torch.long, device=bins.device)
        place[used] = torch.arange(len(used), device=bins.device)
        row, row_weights = _spread(haloes.y / self.pixel_scale + (side - 1) / 2)  # (4, B, H)
        column, column_weights = _spread(haloes.x / self.pixel_scale + (side - 1) / 2)
        image = torch.arange(batch, device=bins.device)[:, None] * len(used)
        total = torch.where(haloes.mask, _total(haloes), 0)
        planes = total.new_zeros(batch * len(used) * side**2)
        for bin_, share in zip(bins, shares):
            base = ((image + place[bin_]) * side + row[:, None]) * side + column  # (4, 4, B, H)
            weight = row_weights[:, None] * column_weights * (share * total)
            planes.index_add_(0, base.flatten(), weight.flatten())
        spectrum = torch.fft.rfft2(planes.view(batch, len(used), side, side), s=(self.size, self.size))
        product = (spectrum * tables.templates[:, None, used]).sum(dim=2)  # (2, B, N, N/2+1)
        inside = slice(self.margin, self.margin + self.nodes)
        return torch.fft.irfft2(product, s=(self.size, self.size))[..., inside, inside].flatten(2)

    def _bins(self, haloes: Haloes) -> tuple[Tensor, Tensor]:
        """The bins (2 or 4, B, H) of each halo and its share in each."""
        axes = []
        for values, nodes in self._shapes(haloes):
            first, fraction = _place(_index(values, nodes), len(nodes))
            axes.append([(first, 1 - fraction), (first + 1, fraction)] if len(nodes) > 1 else [(first, 1 - fraction)])
        pairs = [(r * len(self.truncations) + t, u * v) for r, u in axes[0] for t, v in axes[1]]
        return torch.stack([index for index, _ in pairs]), torch.stack([share for _, share in pairs])

    def _tables_like(self, tensor: Tensor) -> _Tables:
        key = (tensor.device, tensor.dtype)
        if key not in self._tables:
            self._tables[key] = self._measured.to(tensor)
        return self._tables[key]

    @cached_property
    def _measured(self) -> _Tables:
        radii, taus = torch.meshgrid(self.scale_radii, self.truncations, indexing="ij")
        unit = _unit_haloes(radii.reshape(-1, 1), taus.reshape(-1, 1))
        index = torch.fft.fftfreq(self.size, 1 / self.size, dtype=torch.float64) * self.pixel_scale
        offset_y, offset_x = (v.reshape(1, -1) for v in torch.meshgrid(index, index, indexing="ij"))
        templates = [
            torch.fft.rfft2(torch.stack(tnfw_deflection(offset_x, offset_y, one)).view(2, self.size, self.size))
            for one in tnfw_coefficients(unit).split(1, dim=1)
        ]
        taps = _taps(self.offsets)
        cores = self._make_cores(unit, taps)
        return _Tables(
            *_node_grid(self.nodes, self.pixel_scale), taps, torch.stack(templates, dim=1), cores,
            *self._measure(taps, cores),
        )  # fmt: skip

    def _make_cores(self, unit: Haloes, taps: Tensor) -> Tensor:
        """See `_Tables.cores`, from unit haloes (bins, 1)."""
        phases = torch.linspace(-0.5, 0.5, PHASES, dtype=torch.float64)
        y, x = (v.reshape(1, -1).expand(len(unit.x), -1) for v in torch.meshgrid(phases, phases, indexing="ij"))
        shape = {name: tensor.expand(x.shape).reshape(-1, 1) for name, tensor in vars(unit).items()}
        haloes = replace(Haloes(**shape), x=x.reshape(-1, 1) * self.pixel_scale, y=y.reshape(-1, 1) * self.pixel_scale)
        return -_by_pixel(self._wrong(haloes, self._spread_haloes(haloes), taps, CORE), CORE)

    def _wrong(self, haloes: Haloes, made: Haloes, taps: Tensor, pixels: int) -> Tensor:
        """Interpolated deflection of `made` (B, H') less the exact one of `haloes` (B, H), (2, B, S P^2)."""
        side = pixels + 2 * REACH
        nodes_x, nodes_y = _node_grid(side, self.pixel_scale)
        field = torch.stack(tnfw_deflection(nodes_x.to(taps), nodes_y.to(taps), tnfw_coefficients(made)))
        rays_x, rays_y, _ = ray_grid(pixels, self.pixel_scale, len(taps))
        exact = torch.stack(tnfw_deflection(rays_x.to(taps), rays_y.to(taps), tnfw_coefficients(haloes)))
        return interpolate(field.unflatten(-1, (side, side)), taps) - exact

    def _measure(self, taps: Tensor, cores: Tensor) -> list[Tensor]:
        """Errors of summed, of transformed and of mended haloes, see `_Tables`."""
        radii, taus = torch.meshgrid(_middles(self.scale_radii), _middles(self.truncations), indexing="ij")
        places = torch.rand(2, PLACES, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.5
        shape = (*radii.shape, PLACES)
        haloes = _unit_haloes(*(v[..., None].expand(shape).reshape(-1, 1) for v in (radii, taus)))
        x, y = (p.expand(shape).reshape(-1, 1) * self.pixel_scale for p in places)
        haloes = replace(haloes, x=x, y=y)
        transformed = self._wrong(haloes, self._spread_haloes(haloes), taps, PATCH)
        wrong = (
            self._wrong(haloes, haloes, taps, PATCH), transformed,
            transformed + _add_up([self._left_out(haloes, cores, PATCH)], len(haloes.x), PATCH),
        )  # fmt: skip
        squared = [w.square().sum(dim=(0, 2)) / len(taps) ** 2 for w in wrong]
        return [s.view(shape).mean(dim=-1).sqrt() for s in squared]

    def _spread_haloes(self, haloes: Haloes) -> Haloes:
        """The haloes (B, 1) as the transform sees them: (B, bins x 16) unit haloes of the bins at nodes."""
        bins, shares = self._bins(haloes)
        (row, row_weights), (column, column_weights) = (_spread(v / self.pixel_scale) for v in (haloes.y, haloes.x))
        weights = (shares[:, None, None] * row_weights[:, None] * column_weights).flatten(0, 2)[..., 0].T
        radii = self.scale_radii[bins // len(self.truncations)][:, None, None].expand(-1, POINTS, POINTS, -1, 1)
        taus = self.truncations[bins % len(self.truncations)][:, None, None].expand_as(radii)
        unit = _unit_haloes(*(v.flatten(0, 2)[..., 0].T for v in (radii, taus)))
        y = row[None, :, None].expand(len(bins), POINTS, POINTS, -1, 1).flatten(0, 2)[..., 0].T * self.pixel_scale
        x = column[None, None].expand(len(bins), POINTS, POINTS, -1, 1).flatten(0, 2)[..., 0].T * self.pixel_scale
        return Haloes(x, y, unit.scale_radius, unit.convergence * weights, unit.truncation, weights != 0)


def _needed(variance: Tensor, allowed: float) -> int:
    """How many of the first haloes have to be treated better, so that the variance (B, H) of the others is allowed."""
    remaining = variance.flip(1).cumsum(1)
    return int((remaining > allowed).sum(dim=1).max())


def _listed(haloes: Haloes) -> tuple[Tensor, Haloes]:
    """Those of padded haloes (B, H) that exist, one after the other (K,), and the image of each."""
    image, number = haloes.mask.nonzero().unbind(dim=1)
    return image, Haloes(**{name: tensor[image, number] for name, tensor in vars(haloes).items()})


def _by_pixel(deflection: Tensor, pixels: int) -> Tensor:
    """Deflections (2, K, S P^2) at rays as (K, P^2, 2 S)."""
    return deflection.unflatten(-1, (-1, pixels**2)).permute(1, 3, 0, 2).flatten(2)


def _add_up(squares: Sequence[_Squares], batch: int, pixels: int) -> Tensor:
    """The sum of squares of pixels, those that lie in the images: (2, B, S P^2)."""
    margin = 2 * max(math.isqrt(square.values.shape[1]) // 2 for square in squares) + 1
    padded = pixels + 2 * margin  # a square that lies outside lies on the padding
    total = squares[0].values.new_zeros(batch * padded**2, squares[0].values.shape[-1])
    for square in squares:
        reach = math.isqrt(square.values.shape[1]) // 2
        steps = torch.arange(-reach, reach + 1, device=total.device) + margin
        row, column = (v.clamp(-reach - 1, pixels + reach)[:, None] + steps for v in (square.row, square.column))
        place = (square.image[:, None, None] * padded + row[:, :, None]) * padded + column[:, None]
        total.index_add_(0, place.flatten(), square.values.flatten(0, 1))
    inside = slice(margin, margin + pixels)
    total = total.view(batch, padded, padded, 2, -1)[:, inside, inside]
    return total.permute(3, 0, 4, 1, 2).flatten(2)


def _phases(offset: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The two tabulated places next to each way from a pixel's centre [pixels], along one axis, with their weights."""
    index = (offset + 0.5) * (PHASES - 1)
    below = index.floor().clamp(0, PHASES - 2)
    return [(below.long(), 1 - (index - below)), (below.long() + 1, index - below)]


def lagrange_weights(fraction: Tensor) -> Tensor:
    """Weights (4, ...) of the nodes -1, 0, 1, 2 in the cubic through them, at fractions (...) from 0 to 1."""
    nodes = torch.arange(1 - REACH, REACH + 1, device=fraction.device).view(-1, *[1] * fraction.ndim)
    weights = []
    for node in nodes:
        others = nodes[nodes.flatten() != node.flatten()]
        weights.append(((fraction - others) / (node - others)).prod(dim=0))
    return torch.stack(weights)


def interpolate(field: Tensor, taps: Tensor) -> Tensor:
    """Values (C, B, k^2 P^2) at the quadrature points of values (C, B, P+4, P+4) at the nodes."""
    points, reach = taps.shape
    pixels = field.shape[-1] - reach + 1
    rows = torch.nn.functional.conv2d(field.reshape(-1, 1, *field.shape[-2:]), taps.view(points, 1, reach, 1))
    both = torch.nn.functional.conv2d(rows.flatten(0, 1)[:, None], taps.view(points, 1, 1, reach))
    return both.reshape(*field.shape[:2], points**2 * pixels**2)


def _offsets(supersampling: int) -> Tensor:
    """Places of the Gauss points in a pixel, (k,), in pixels from its centre."""
    x, _, _ = ray_grid(1, 1.0, supersampling)
    return x[0, :supersampling]


def _taps(offsets: Tensor) -> Tensor:
    """Weights (k, 2 REACH + 1) of the nodes around a pixel's own, for points at these offsets."""
    base, weights = _spread(offsets)
    taps = offsets.new_zeros(len(offsets), 2 * REACH + 1)
    return taps.scatter_(1, (base + REACH).T, weights.T)


def _spread(position: Tensor) -> tuple[Tensor, Tensor]:
    """The nodes (4, ...) around positions in units of the spacing, and their weights."""
    base = position.floor()
    steps = torch.arange(1 - REACH, REACH + 1, device=position.device).view(-1, *[1] * position.ndim)
    return base.long() + steps, lagrange_weights(position - base)


def _node_grid(nodes: int, spacing: float) -> tuple[Tensor, Tensor]:
    x, y, _ = ray_grid(nodes, spacing, 1)
    return x, y


def _geometric(low: float, high: float, number: int) -> Tensor:
    return torch.linspace(math.log(low), math.log(high), number, dtype=torch.float64).exp()


def _middles(nodes: Tensor) -> Tensor:
    return (nodes[1:] * nodes[:-1]).sqrt() if len(nodes) > 1 else nodes


def _index(values: Tensor, nodes: Tensor) -> Tensor:
    """Where values stand among nodes of a geometric series: a whole number at a node, in spite of rounding."""
    if len(nodes) == 1:
        return torch.zeros_like(values)
    first, ratio = float(nodes[0]), float(nodes[1] / nodes[0])
    index = (torch.log(values / first) / math.log(ratio)).nan_to_num().clamp(0, len(nodes) - 1)
    return torch.where((index - index.round()).abs() < 1e-6, index.round(), index)


def _place(index: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """The node below, at most the last but one, and the fraction of the way to the next."""
    below = index.floor().clamp(0, max(0, number - 2))
    return below.long(), index - below


def _total(haloes: Haloes) -> Tensor:
    """Total mass as the deflection times the radius far away, (B, H) [arcsec^2]."""
    return 4 * haloes.convergence * haloes.scale_radius**2 * tnfw_total(haloes.truncation)


def _unit_haloes(scale_radius: Tensor, truncation: Tensor) -> Haloes:
    """Centred haloes whose deflection far away is 1 / radius."""
    convergence = 1 / (4 * scale_radius**2 * tnfw_total(truncation))
    zero = torch.zeros_like(scale_radius)
    return Haloes(zero, zero, scale_radius, convergence, truncation, torch.ones_like(zero, dtype=torch.bool))
