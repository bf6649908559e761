import math

import h5py
import numpy as np
import pytest
import torch
from astropy import units

from darksieve.problem.errors import DarksieveError
from darksieve.problem.simulator import load_simulator, simulate_checked
from darksieve.simulators.lens import StrongLens, haloes_from_mass, sersic_exponent

ALL = {"lens_light": True, "subhalo": True}


def image(simulator, z, generator=None):
    return simulator.simulate(z, generator)["image"]


@pytest.fixture
def kernel_file(tmp_path):
    path = tmp_path / "instrument.h5"
    with h5py.File(path, "w") as file:
        file["psf"] = np.outer([1.0, 3.0, 1.0], [1.0, 3.0, 1.0])
        file["even"] = np.ones((4, 4))
        file["wide"] = np.ones((41, 41))
        file["dark"] = np.zeros((3, 3))
        file["broken"] = np.full((3, 3), np.nan)
        file["exposure"] = np.arange(1.0, 1601.0).reshape(40, 40)
        file["cube"] = np.ones((2, 40, 40))
    return path


def test_parameters_come_in_the_field_s_order():
    assert StrongLens().parameters == (
        "einstein_radius", "slope", "lens_x", "lens_y", "lens_e1", "lens_e2", "shear_1", "shear_2",
        "source_x", "source_y", "source_radius", "source_index", "source_e1", "source_e2", "log10_source_flux",
    )  # fmt: skip
    assert StrongLens(**ALL).parameters[15:] == (
        "light_x", "light_y", "light_radius", "light_index", "light_e1", "light_e2", "log10_light_flux",
        "x_sub", "y_sub", "log10_m_sub",
    )  # fmt: skip


def test_every_parameter_and_the_image_are_described():
    simulator = StrongLens(**ALL, pixel_scale=0.08)
    assert list(simulator.descriptions) == [*simulator.parameters, "image"]
    for description in simulator.descriptions.values():
        units.Unit(description.unit)
        assert description.label
    assert simulator.descriptions["image"].pixel_scale == 0.08


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [{}, {"lens_light": True}, {"subhalo": True}, ALL])
def test_images_are_finite_positive_and_of_the_dtype_of_z(parameters, generator, dtype, options):
    simulator = load_simulator("darksieve.simulators.lens:StrongLens", {"pixels": 32, **options}, None)
    z = parameters(simulator, rows=3, scatter=0.02, dtype=dtype)
    signal = simulate_checked(simulator, z, generator)
    assert signal["image"].shape == (3, 32, 32)
    assert signal["image"].dtype == dtype
    assert (signal["image"] > -1e-6 * signal["image"].amax()).all()
    data = simulator.observe(signal, generator)["image"]
    assert data.dtype == dtype
    assert torch.isfinite(data).all()


@pytest.mark.parametrize("special", [{"lens_e1": 0.0, "lens_e2": 0.0}, {"lens_x": 0.0, "lens_y": 0.0}])
def test_round_and_centred_lenses_are_as_good_as_any(lens_values, parameters, special):
    simulator = StrongLens(pixels=31, supersampling=1, **ALL, fixed=special)
    assert torch.isfinite(image(simulator, parameters(simulator))).all()


def axis_ratio(e1, e2):
    modulus = math.hypot(e1, e2)
    return (1 - modulus) / (1 + modulus), math.atan2(e2, e1) / 2


def sersic_total(radius, index):
    """Total flux of a Sersic profile of central brightness 1."""
    b = sersic_exponent(torch.tensor(index, dtype=torch.float64)).item()
    return 2 * math.pi * index * radius**2 * b ** (-2 * index) * math.gamma(2 * index)


def test_full_image_equals_lenstronomy(lens_values, parameters):
    pytest.importorskip("lenstronomy")
    from lenstronomy.Data.imaging_data import ImageData
    from lenstronomy.Data.psf import PSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel

    pixels, scale = 40, 0.08
    simulator = StrongLens(pixels=pixels, pixel_scale=scale, supersampling=1, psf={"gaussian": 0.15}, **ALL)
    v, plane = lens_values, simulator.plane
    one = torch.ones(1, 1, dtype=torch.float64)
    halo = haloes_from_mass(one, one, 10 ** v["log10_m_sub"] * one, 15.0, 6.0, one > 0, plane)
    radius, alpha = float(halo.scale_radius), float(4 * halo.convergence * halo.scale_radius * (1 - np.log(2)))
    lenses = [
        {"theta_E": v["einstein_radius"], "gamma": v["slope"], "e1": v["lens_e1"], "e2": v["lens_e2"],
         "center_x": v["lens_x"], "center_y": v["lens_y"]},
        {"gamma1": v["shear_1"], "gamma2": v["shear_2"]},
        {"Rs": radius, "alpha_Rs": alpha, "r_trunc": 6 * radius, "center_x": v["x_sub"], "center_y": v["y_sub"]},
    ]  # fmt: skip

    def galaxy(name):
        index = v[f"{name}_index"]
        b = sersic_exponent(torch.tensor(index, dtype=torch.float64)).item()
        theirs = 1.9992 * index - 0.3271
        # both give the profile I_0 exp(-b (R/R_e)^(1/n)): another b_n is another effective radius
        radius = v[f"{name}_radius"] * (theirs / b) ** index
        total = sersic_total(v[f"{name}_radius"], index)
        centre = {f"center_{axis}": v[f"{name}_{axis}"] for axis in "xy"} | {e: v[f"{name}_{e}"] for e in ("e1", "e2")}
        amplitude = 10 ** v[f"log10_{name}_flux"] / total * np.exp(-theirs)
        return {"amp": amplitude, "R_sersic": radius, "n_sersic": index, **centre}

    corner = -(pixels - 1) / 2 * scale
    grid = ImageData(np.zeros((pixels, pixels)), ra_at_xy_0=corner, dec_at_xy_0=corner,
                     transform_pix2angle=np.eye(2) * scale)  # fmt: skip
    kernel = simulator.instrument.psf.numpy()
    model = ImageModel(
        grid, PSF("PIXEL", kernel_point_source=kernel), LensModel(["EPL", "SHEAR", "TNFW"]),
        LightModel(["SERSIC_ELLIPSE"]), LightModel(["SERSIC_ELLIPSE"]),
    )  # fmt: skip
    theirs = model.image(lenses, [galaxy("source")], [galaxy("light")])
    ours = image(simulator, parameters(simulator, dtype=torch.float64))[0].numpy()
    assert np.abs(ours - theirs).max() < 1e-6 * theirs.max()


def test_full_image_equals_caustics_at_the_same_quadrature(lens_values, parameters):
    caustics = pytest.importorskip("caustics")
    simulator = StrongLens(pixels=40, pixel_scale=0.08, psf={"gaussian": 0.15})
    v = lens_values
    q, angle = axis_ratio(v["lens_e1"], v["lens_e2"])
    source_q, source_angle = axis_ratio(v["source_e1"], v["source_e2"])
    b = sersic_exponent(torch.tensor(v["source_index"], dtype=torch.float64)).item()
    effective = 10 ** v["log10_source_flux"] / sersic_total(v["source_radius"], v["source_index"]) * math.exp(-b)
    cosmology = caustics.FlatLambdaCDM(name="cosmology")
    epl = caustics.EPL(
        cosmology=cosmology, name="epl", x0=v["lens_x"], y0=v["lens_y"], q=q, phi=angle, Rein=v["einstein_radius"],
        t=v["slope"] - 1, n_iter=30,
    )  # fmt: skip
    shear = caustics.ExternalShear(
        cosmology=cosmology, name="shear", x0=0.0, y0=0.0, gamma_1=v["shear_1"], gamma_2=v["shear_2"]
    )
    lens = caustics.SinglePlane(cosmology=cosmology, lenses=[epl, shear], name="lens", z_l=0.5, z_s=2.0)
    source = caustics.Sersic(
        name="source", x0=v["source_x"], y0=v["source_y"], q=source_q, phi=source_angle, n=v["source_index"],
        Re=v["source_radius"] / math.sqrt(source_q), Ie=effective,
    )  # fmt: skip
    # caustics traces rays for half a kernel beyond its frame, which thus has to be smaller
    kernel, margin = simulator.instrument.psf.float(), len(simulator.instrument.psf) // 2
    model = caustics.LensSource(
        lens=lens, source=source, pixelscale=0.08, pixels_x=40 - 2 * margin, quad_level=3, psf=kernel
    )
    theirs = model() * 0.08**2  # from surface brightness
    ours = image(simulator, parameters(simulator))[0, margin:-margin, margin:-margin]
    assert (ours - theirs).abs().max() < 1e-5 * theirs.max()


def test_float32_images_equal_float64_images(parameters):
    simulator = StrongLens(pixels=64, **ALL)
    z = parameters(simulator, rows=4, scatter=0.02, dtype=torch.float32)
    wide = image(simulator, z.double())
    assert (image(simulator, z).double() - wide).abs().max() < 2e-5 * wide.max()


def test_supersampling_converges(parameters):
    def at(points):
        simulator = StrongLens(pixels=64, supersampling=points, subhalo=True, fixed={"source_index": 1.0})
        return image(simulator, parameters(simulator, dtype=torch.float64))

    exact = at(13)
    errors = [float((at(points) - exact).abs().max() / exact.max()) for points in (1, 2, 3, 5)]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.005


def test_a_batch_equals_its_single_renders(parameters):
    simulator = StrongLens(pixels=24, **ALL)
    z = parameters(simulator, rows=30, scatter=0.02)
    together = image(simulator, z)
    alone = torch.cat([image(simulator, row) for row in z.split(1)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-5 * float(together.max()))


def test_source_flux_scales_the_image_and_light_adds_to_it(parameters):
    simulator = StrongLens(pixels=24, **ALL)
    z = parameters(simulator, rows=3, dtype=torch.float64)
    source = simulator.parameters.index("log10_source_flux")
    light = simulator.parameters.index("log10_light_flux")
    z[1, source] += 1
    z[2, light] -= 30
    bright = image(simulator, z)
    lens_light = bright[0] - bright[2]
    assert torch.allclose(bright[1] - lens_light, 10 * bright[2], atol=1e-9)


def test_a_heavier_subhalo_perturbs_the_ring_more_and_nearby(parameters):
    simulator = StrongLens(subhalo=True)
    z = parameters(simulator, rows=4, dtype=torch.float64)
    z[:, -1] = torch.tensor([0.0, 8.0, 9.0, 10.0])
    images = image(simulator, z)
    change = (images[1:] - images[0]).abs().amax((1, 2)) / images[0].max()
    assert change[0] < 0.01 < change[1] < change[2]
    row, column = divmod(int((images[3] - images[0]).abs().argmax()), 64)
    assert np.hypot((column - 31.5) * 0.05 - z[0, -3], (row - 31.5) * 0.05 - z[0, -2]) < 0.5


def test_fixed_parameters_leave_the_list_and_keep_the_image(parameters, lens_values):
    free = StrongLens(pixels=20)
    fixed = StrongLens(pixels=20, fixed={"slope": lens_values["slope"], "shear_2": lens_values["shear_2"]})
    assert set(free.parameters) - set(fixed.parameters) == {"slope", "shear_2"}
    assert torch.equal(image(free, parameters(free)), image(fixed, parameters(fixed)))


def test_maps_and_kernels_come_from_files(kernel_file, parameters, generator):
    simulator = StrongLens(
        pixels=20, psf={"file": kernel_file, "dataset": "psf"}, background_rms=0.02,
        exposure_time={"file": kernel_file, "dataset": "exposure"},
    )  # fmt: skip
    assert float(simulator.instrument.psf.sum()) == pytest.approx(1)
    assert simulator.noise.exposure_time[0].tolist() == list(range(411, 431))
    data = simulator.observe(simulator.simulate(parameters(simulator), generator), generator)
    assert torch.isfinite(data["image"]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pixels": 0}, "option pixels: 0"),
        ({"pixels": 12.5}, "option pixels: 12.5"),
        ({"pixel_scale": -0.1}, "option pixel_scale: -0.1"),
        ({"pixel_scale": "0.1"}, "option pixel_scale: '0.1'"),
        ({"supersampling": 0}, "option supersampling: 0"),
        ({"noise_correlation": 0.7}, "option noise_correlation: 0.7"),
        ({"model_error": -0.1}, "option model_error: -0.1"),
        ({"noise_correlation": 0.3, "background_rms": 0.001}, "weaker than that of 5 counts"),
        ({"psf": 0.1}, "option psf"),
        ({"psf": {"gaussian": 0}}, "option psf: gaussian = 0"),
        ({"psf": {"moffat": 1}}, "option psf"),
        ({"psf": {"gaussian": 3.0}}, "larger than the image"),
        ({"psf": {"dataset": "even"}}, "square and odd"),
        ({"psf": {"dataset": "wide"}}, "larger than the image of 32"),
        ({"psf": {"dataset": "dark"}}, "positive"),
        ({"psf": {"dataset": "broken"}}, "not finite"),
        ({"psf": {"dataset": "missing"}}, "no dataset 'missing'"),
        ({"exposure_time": 0}, "option exposure_time"),
        ({"exposure_time": "long"}, "option exposure_time: 'long'"),
        ({"exposure_time": [1.0, 2.0]}, "must be an image"),
        ({"exposure_time": {"dataset": "psf"}}, "option exposure_time: image of 3 x 3"),
        ({"exposure_time": {"dataset": "cube"}}, "option exposure_time: map of shape"),
        ({"background_rms": -0.1}, "at least zero"),
        ({"background_rms": {"file": "nowhere.h5"}}, "option background_rms"),
        ({"redshift_lens": 3.0}, "between us and the source"),
        ({"concentration": 0}, "option concentration"),
        ({"truncation": None}, "option truncation"),
        ({"lens_light": "yes"}, "option lens_light"),
        ({"fixed": {"gamma": 2.0}}, "unknown parameter 'gamma'"),
        ({"fixed": {"x_sub": 2.0}}, "unknown parameter 'x_sub'"),
        ({"fixed": {"slope": "two"}}, "option fixed: slope = 'two'"),
    ],
)
def test_broken_options_give_one_clear_line(kernel_file, options, words):
    for value in options.values():
        if isinstance(value, dict) and "dataset" in value:
            value["file"] = kernel_file
    with pytest.raises(DarksieveError) as error:
        StrongLens(**{"pixels": 32, **options})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_of_the_wrong_width_is_refused(generator):
    with pytest.raises(DarksieveError, match="give a column each of einstein_radius, slope"):
        StrongLens().simulate(torch.zeros(2, 3), generator)


@pytest.mark.parametrize("name", ["lens_e1", "slope", "source_radius", "log10_m_sub"])
def test_a_parameter_that_is_not_a_number_spoils_its_own_image_only(parameters, generator, name):
    simulator = StrongLens(pixels=24, **ALL)
    z = parameters(simulator, rows=3)
    z[1, simulator.parameters.index(name)] = torch.nan
    with pytest.raises(DarksieveError, match="not finite in 1 of 3 simulations"):
        simulate_checked(simulator, z, generator)


POPULATION = {
    "subhaloes": {"mass_range": [1e8, 1e10], "concentration": 15.0, "radius": 2.0},
    "line_of_sight": {"mass_range": [1e8, 1e10], "concentration": 15.0, "radius": 2.0},
    "warm_dark_matter": "half_mode_mass",
}
HALOES = {"sigma_sub_at_1e8": 0.05, "beta": -0.9, "delta_los": 1.0, "log10_m_hm": 6.0}


def test_populations_add_their_parameters_and_fluctuations(parameters, lens_values):
    options = {"pixels": 32, "pixel_scale": 0.1, "supersampling": 2}
    smooth = StrongLens(**options)
    clumpy = StrongLens(**options, **POPULATION, fixed=HALOES)
    free = StrongLens(**options, **POPULATION)
    assert set(free.parameters) - set(smooth.parameters) == set(HALOES)
    z = parameters(smooth, rows=2)
    first, again = (image(clumpy, z, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    other = image(clumpy, z, torch.Generator().manual_seed(4))
    plain = image(smooth, z)
    assert 1e-3 < (first - plain).abs().max() / plain.max() < 0.5
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def test_no_haloes_is_the_smooth_lens(parameters):
    options = {"pixels": 32, "pixel_scale": 0.1, "supersampling": 2}
    empty = StrongLens(**options, **POPULATION, fixed=HALOES | {"sigma_sub_at_1e8": 0.0, "delta_los": 0.0})
    smooth = StrongLens(**options)
    z = parameters(smooth, rows=2)
    difference = image(empty, z, torch.Generator()) - image(smooth, z)
    assert difference.abs().max() < 1e-6 * image(smooth, z).max()


def test_a_population_has_no_likelihood(parameters, generator):
    simulator = StrongLens(pixels=32, subhaloes={}, fixed={"sigma_sub_at_1e8": 0.01, "beta": -0.9})
    signal = {"image": torch.ones(1, 32, 32)}
    with pytest.raises(DarksieveError, match="no likelihood is known"):
        simulator.log_likelihood({"image": torch.ones(32, 32)}, signal)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subhaloes": 3}, "option subhaloes: 3"),
        ({"subhaloes": {"f_sub": 0.1}}, "option subhaloes: f_sub: unknown key"),
        ({"subhaloes": {"mass_range": [1e9, 1e8]}}, "option subhaloes: mass_range"),
        ({"subhaloes": {"concentration": "duffy"}}, "option subhaloes: concentration"),
        ({"subhaloes": {"maximum": 0}}, "option subhaloes: maximum"),
        ({"line_of_sight": {"positions": "host"}}, "option line_of_sight: positions: unknown key"),
        ({"warm_dark_matter": "half_mode_mass"}, "give `subhaloes` or `line_of_sight`"),
        ({"warm_dark_matter": "warm", "subhaloes": {}}, "half_mode_mass or particle_mass"),
        ({"deflection_accuracy": -1.0}, "option deflection_accuracy: -1.0"),
    ],
)
def test_broken_populations_give_one_clear_line(options, words):
    with pytest.raises(DarksieveError) as error:
        StrongLens(pixels=32, **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
