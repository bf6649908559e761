from pathlib import Path

import numpy as np
import pytest
import torch

from darksieve.problem.errors import DarksieveError
from darksieve.simulators.supernovae import ExpansionHistory, read_bao, read_supernovae

FILES = {
    "supernovae": "union3_lcparam_full.txt",
    "supernovae_covariance": "union3_mag_covmat.txt",
    "bao": "desi_dr2_bao_mean.txt",
    "bao_covariance": "desi_dr2_bao_cov.txt",
}
LCDM = {"w0": -1.0, "wa": 0.0}


@pytest.fixture
def options(data_file):
    return {option: data_file(name) for option, name in FILES.items()}


@pytest.fixture
def tensors(options):
    """LambdaCDM, its observation and no randomness."""
    simulator = ExpansionHistory(**options, fixed=LCDM)
    return simulator, {name: torch.from_numpy(x) for name, x in simulator.observed().items()}, torch.Generator()


def omega_m_and_its_error(simulator, x, generator, probe):
    """Of one probe (or both) in flat LambdaCDM, on a grid of Omega_m and h r_d."""
    omega_m, h_rd = np.linspace(0.2, 0.5, 121), np.linspace(90.0, 112.0, 111)
    z = torch.from_numpy(np.stack(np.meshgrid(omega_m, h_rd, indexing="ij"), axis=-1).reshape(-1, 2))
    signal = simulator.simulate(z, generator)
    for name in signal:
        if probe not in (name, "both"):
            signal[name] = x[name].expand_as(signal[name])
    log_density = simulator.log_likelihood(x, signal).numpy().reshape(len(omega_m), -1)
    density = np.exp(log_density - log_density.max()).sum(axis=1)
    mean = np.average(omega_m, weights=density)
    return mean, np.sqrt(np.average((omega_m - mean) ** 2, weights=density))


@pytest.mark.parametrize(
    ("probe", "published", "error"),
    [
        ("bao", 0.2975, 0.0086),  # arXiv 2503.14738: DESI DR2 BAO alone
        ("supernovae", 0.356, 0.027),  # arXiv 2311.12098: Union3 alone
    ],
)
def test_matter_density_of_each_probe_alone_is_the_published_one(tensors, probe, published, error):
    """A tenth of the published error: their samples end and priors differ, the likelihoods do not."""
    mean, deviation = omega_m_and_its_error(*tensors, probe)
    assert mean == pytest.approx(published, abs=0.1 * error)
    assert deviation == pytest.approx(error, rel=0.05)


def test_matter_density_of_both_probes_is_within_one_sigma_of_the_published_ones_combined(tensors):
    """The two measurements are independent: their weighted mean is what both together must give."""
    published, errors = np.array([0.2975, 0.356]), np.array([0.0086, 0.027])
    weights = errors**-2 / (errors**-2).sum()
    mean, deviation = omega_m_and_its_error(*tensors, "both")
    assert abs(mean - weights @ published) < (errors**-2).sum() ** -0.5
    assert deviation == pytest.approx((errors**-2).sum() ** -0.5, rel=0.05)


def test_likelihood_is_that_integrated_over_the_offset(tensors):
    """Differences of ln L between two cosmologies, against a sum over a grid of offsets, to 1e-6."""
    simulator, x, generator = tensors
    table = simulator.supernovae
    z = torch.tensor([[0.3, 100.0], [0.4, 100.0]], dtype=torch.float64)
    signal = simulator.simulate(z, generator)
    signal["bao"] = x["bao"].expand_as(signal["bao"])
    found = simulator.log_likelihood(x, signal).numpy()
    precision, offsets = np.linalg.inv(table.covariance), np.linspace(-60.0, 60.0, 120_001)[:, None]
    expected = []
    for row in signal["supernovae"].numpy():
        residual = table.modulus - row - offsets
        chi_squared = np.einsum("ij,jk,ik->i", residual, precision, residual)
        expected.append(np.logaddexp.reduce(-0.5 * chi_squared))
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], abs=1e-6)


def test_quantities_follow_the_file_whose_last_two_are_in_another_order(tensors):
    """DESI lists the radial distance of the Lyman-alpha forest before the transverse one."""
    simulator, _, generator = tensors
    assert simulator.bao.quantity[-2:] == ("DH_over_rs", "DM_over_rs")
    assert simulator.bao.quantity[1:3] == ("DM_over_rs", "DH_over_rs")
    model = simulator.simulate(torch.tensor([[0.2975, 101.54]]), generator)["bao"][0].double().numpy()
    pull = (model - simulator.bao.distance) / np.sqrt(np.diag(simulator.bao.covariance))
    assert np.abs(pull).max() < 3


def test_noise_has_the_published_covariance(tensors):
    """Of 40,000 draws: elements of a covariance scatter by at most sqrt(2 / n) of the variances, five times that."""
    simulator, x, _ = tensors
    draws = 40_000
    signal = {name: array.expand(draws, -1) for name, array in x.items()}
    observed = simulator.observe(signal, torch.Generator().manual_seed(1))
    for name, covariance in (("bao", simulator.bao.covariance), ("supernovae", simulator.supernovae.covariance)):
        if name == "supernovae":
            total = np.linalg.inv(covariance).sum(axis=0)
            keep = np.eye(len(covariance)) - total / total.sum()  # rows: the weighted mean is taken out
            covariance = keep @ covariance @ keep.T
        noise = (observed[name] - signal[name]).numpy()
        scale = np.sqrt(np.diag(covariance))
        found = noise.T @ noise / draws
        np.testing.assert_allclose(found / np.outer(scale, scale), covariance / np.outer(scale, scale), atol=0.036)


def test_parameters_that_are_fixed_leave(options):
    assert ExpansionHistory(**options).parameters == ("omega_m", "w0", "wa", "h_rd")
    assert ExpansionHistory(**options, fixed={"wa": 0.0}).parameters == ("omega_m", "w0", "h_rd")
    with pytest.raises(DarksieveError, match="option fixed: unknown parameter 'w1'"):
        ExpansionHistory(**options, fixed={"w1": 0.0})
    with pytest.raises(DarksieveError, match=r"option bao: 'x.txt'.*write \{file"):
        ExpansionHistory(**options | {"bao": "x.txt"})


def test_files_that_make_no_sense_are_one_line(options, tmp_path):
    path = {option: Path(value["file"]) for option, value in options.items()}
    with pytest.raises(DarksieveError, match=r"desi_dr2_bao_cov.txt: holds numbers of shape \(169,\), not \(485,\)"):
        read_supernovae(path["supernovae"], path["bao_covariance"])
    with pytest.raises(DarksieveError, match=r"union3_mag_covmat.txt: holds numbers of shape"):
        read_bao(path["bao"], path["supernovae_covariance"])
    broken = tmp_path / "mean.txt"
    broken.write_text(path["bao"].read_text().replace("DV_over_rs", "DV_over_rd"))
    with pytest.raises(DarksieveError, match="unknown quantity 'DV_over_rd'"):
        read_bao(broken, path["bao_covariance"])
    broken.write_text(path["bao"].read_text().replace("7.94", "seven"))
    with pytest.raises(DarksieveError, match=r"mean.txt: is no table of numbers"):
        read_bao(broken, path["bao_covariance"])
    crooked = np.loadtxt(path["bao_covariance"])
    crooked[0, 0] *= -1
    np.savetxt(tmp_path / "cov.txt", crooked)
    with pytest.raises(DarksieveError, match=r"cov.txt: is no covariance"):
        read_bao(path["bao"], tmp_path / "cov.txt")
