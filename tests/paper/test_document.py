"""The paper is typeset from its sources with any numbers, without a network, and equal from equal inputs."""

import json
import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from darksieve.paper.document import typeset
from darksieve.paper.quotations import load_quotations
from darksieve.problem.errors import DarksieveError
from darksieve.problem.paper import PaperConfig

SOURCE = Path(__file__).resolve().parents[2] / "workflow/paper"


@pytest.fixture
def record():
    """What `quote` writes, with one and the same number everywhere."""
    quotations = load_quotations(SOURCE / "numbers.yaml")
    place = {"file": "results/x/y.json", "rule": "z"}
    return {
        "numbers": {name: {"text": "$1.5$", "place": "key", **place} for name in quotations.quoted},
        "published": {name: number.model_dump() for name, number in quotations.published.items()},
        "parameters": {
            role: {"experiment": "x", "mock": role == "lens", "rows": [["$a$"] * (3 + (role == "lens"))], **place}
            for role in PaperConfig().roles
        },
        "comparisons": {
            role: {"experiment": "x", "method": "NUTS", "rows": [["$a$"] * 5], **place}
            for role in ("reference", "rotation", "dark_energy")
        },
        "combinations": {
            role: {"experiment": "x", "rows": [["5", "$b$", "$1$", "$2$"]], **place} for role in ("population", "warm")
        },
        "verdicts": [["x", "yes", "1", "0", "0"]],
        "analyses": [{"case": "ising", "title": "t", "physics": "p", "network": "n", "passed": "1 of 2"}],
        "known": [["t", "m", "k", "$1$"]],
        "not_reached": [["x", "ranks", "why", "$0$", "$1$ to $2$", "no"]],
    }


@pytest.fixture
def folder(record, tmp_path):
    (tmp_path / "numbers.json").write_text(json.dumps(record))
    costs = {
        "posteriors": [["x", "TMNRE", "$1$", "$1$", "$1$", "$1$", "estimated"]],
        "bars": [["x", "speed", "why", "$0$", "$1$ to open", "no"]],
    }
    (tmp_path / "costs.json").write_text(json.dumps(costs))
    Figure(figsize=(3.4, 1.0)).savefig(tmp_path / "figure.pdf", metadata={"CreationDate": None})
    return tmp_path


def make(folder):
    sources = [SOURCE / name for name in ("paper.typ", "layout.typ", "references.bib")]
    text = (SOURCE / "paper.typ").read_text()
    shown = re.findall(r'(?:#shown\(|^  )"(\w+-\w+)"', text, flags=re.MULTILINE)
    figures = dict.fromkeys([*shown, "analysis-1"], folder / "figure.pdf")
    return typeset([*sources, folder / "numbers.json", folder / "costs.json"], figures)


def test_equal_inputs_give_equal_documents_with_pages(folder):
    pdf, pages = make(folder)
    assert pdf.startswith(b"%PDF")
    assert len(pages) > 2
    assert all(page.startswith(b"\x89PNG") for page in pages)
    assert make(folder)[0] == pdf


def test_what_was_not_reached_is_told_from_the_record(folder, record):
    short = len(make(folder)[1])
    record["not_reached"] *= 200
    (folder / "numbers.json").write_text(json.dumps(record))
    assert len(make(folder)[1]) > short


def test_a_number_that_is_absent_is_an_error_of_one_line(folder, record):
    del record["numbers"]["lens.einstein_radius"]
    (folder / "numbers.json").write_text(json.dumps(record))
    with pytest.raises(DarksieveError, match=r"lens\.einstein_radius"):
        make(folder)
