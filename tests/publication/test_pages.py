"""Pages read well in a real browser, on a telephone and on a desk, and load nothing."""

import numpy as np
import pytest
from PIL import Image

from darksieve.diagnostics.bars import bar, summarise_bars
from darksieve.inference.posterior import MarginalSamples, Posterior
from darksieve.publication.overview import SYSTEMS, write_overview
from darksieve.publication.report import Results, leading_comment, write_report

WIDTHS = (390, 1440)


def make_report(folder, provenance):
    generator = np.random.default_rng(1)
    names = ("einstein_radius", "log10_m_sub")
    marginals = {(n,): MarginalSamples((n,), generator.normal(1, 0.1, (500, 1)), np.zeros(500)) for n in names}
    attributes = {"experiment": "my", "rounds": 2, "simulations": 7, "simulations_reused": 2}
    entry = {"name": "ranks", "passed": False, "undecided": False, "statistic": 0.004, "expected_range": [0.01, 1.0]}
    cost = {"cpu_seconds": 60.0, "gpu_seconds": 0.0, "kwh": 1e-4, "method": "estimated", "peak_memory_gb": 1.0}
    row = {"rule": "train", "what": "round-1", "wall_seconds": "1.5", "cpu_seconds": "2.5", "gpu_seconds": "0",
           "kwh": "1e-5", "method": "estimated"}  # fmt: skip
    results = Results(
        posterior=Posterior(marginals, None, {"einstein_radius": "arcsec"}, {}, attributes),
        truth=dict.fromkeys(names, 1.05),
        box={"converged": True},
        verdict={
            "verdict": "no",
            "false_alarm": 0.1,
            "diagnostics": [{**entry, "meaning": "p-value < 1 & so on " * 9}],
        },
        energy={"posterior": cost, "diagnostics": cost, "overhead": None},
        ledger=[row, row],
    )
    figures = [folder / f"{name}.png" for name in ("posterior", "coverage")]
    for figure in figures:
        Image.new("RGB", (1400, 300), "navy").save(figure)
    page = write_report(results, figures, (folder / "my.yaml").read_text(), provenance, None)
    path = folder / "report.html"
    path.write_text(page)
    return path


def make_overview(folder):
    figure = folder / "binder.png"
    Image.new("RGB", (1400, 300), "navy").save(figure)
    bars = {
        name: bar(2.27, 2.2, None, "where cumulants cross, of all lattices " * 4) for name in SYSTEMS["ising"].known
    }
    path = folder / "overview.html"
    path.write_text(write_overview(["ising"], [summarise_bars(bars)], [figure]))
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_report_reads_well(browser, run_folder, provenance, width):
    assert browser.faults(make_report(run_folder, provenance), width) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_overview_reads_well(browser, tmp_path, width):
    assert browser.faults(make_overview(tmp_path), width) == []


def test_browser_sees_every_fault(browser, tmp_path):
    page = tmp_path / "faulty.html"
    page.write_text(
        "<img alt='lost' src='lost.png'><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>"
        "<div style='width:3000px'>x</div>"
        "<table><tr><td>1</td></tr></table><script>console.error('oh')</script>"
    )
    faults = "\n".join(browser.faults(page, 390))
    for fault in (
        "requests file",
        "lost.png",
        "broken image: lost",
        "without a text",
        "without a head",
        "oh",
        "on 390",
    ):
        assert fault in faults


def test_report_says_what_was_found_and_where_it_comes_from(run_folder, provenance):
    page = make_report(run_folder, provenance).read_text()
    assert page.startswith("<!doctype html>")
    for text in (
        "How steep is the line?", "7 simulations in 2 rounds, settled", "2 of them came from the store, 5 were made",
        "Verdict: <strong>no</strong>", "no in at most 10% of runs", "p-value &lt; 1 &amp; so on", "0.004", "0.01 to 1",
        "1.050", "einstein_radius", "arcsec", "Marginal posteriors (dashed", "3.0</td>", "5.0</td>",
        "c0ffee, with changes that are not committed", "under no version control", "1 of the experiment, 2 of the mock",
        "fingerprint aa", provenance["files"]["my.yaml"], "config 33 code 44",
        provenance["store"]["results/my/round-1"]["digest"],
    ):  # fmt: skip
        assert text in page, text
    assert page.count("data:image/png;base64,") == 2


def test_question_is_the_comment_at_the_head_of_the_file():
    assert leading_comment("# One,\n# two.\nseed: 1  # not this\n# nor this\n") == "One, two."
    assert leading_comment("seed: 1\n") == ""
