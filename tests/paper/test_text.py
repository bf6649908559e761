"""The text of the paper: no result is typed into it, and all that it names is there."""

import re
from pathlib import Path

import pytest

from darksieve.paper.quotations import load_quotations

SOURCE = Path(__file__).resolve().parents[2] / "workflow/paper"
CONVENTIONS = ("68%", "95%", "99%")  # of regions and bands
HYPOTHESES = ("w_0 > -1",)  # what is asked, not what was found


def literals(text):
    """Numbers in the prose of a typst source that are no part of a name, and in mathematics those that stand alone or
    behind a relation."""
    text = re.sub(r"//.*", "", text)
    text = re.sub(r'"[^"]*"|`[^`]*`|@[\w-]+|<[\w-]+>', "", text)
    formulas = re.findall(r"\$[^$]*\$", text)
    prose = re.sub(r"\$[^$]*\$", "", text)
    for convention in CONVENTIONS:
        prose = prose.replace(convention, "")
    found = re.findall(r"(?<!\w)\d[\d.,]*", prose)
    for formula in formulas:
        inside = formula.strip("$ ")
        for hypothesis in HYPOTHESES:
            inside = inside.replace(hypothesis, "")
        found += re.findall(r"(?:^|[=<>≈]|plus\.minus)\s*[-−]?\d[\d.]*", inside)
    return found


@pytest.fixture
def text():
    return (SOURCE / "paper.typ").read_text()


def test_no_result_is_typed_into_the_text(text):
    assert literals(text) == []


@pytest.mark.parametrize(
    "typed",
    [
        "The radius is 1.15 arcsec.",
        "The radius is $1.15$ arcsec.",
        "The mass is $log_10 m = 9.98$.",
        "It is $x plus.minus 0.2$.",
        "It took 6 rounds and 40 000 simulations.",
        "Half of them, 50%, are found.",
    ],
)
def test_a_typed_result_is_found(text, typed):
    assert literals(text + typed)


def test_names_formulas_and_conventions_are_no_results():
    kept = 'Union3 and DESI DR2 in F390W give $w(a) = w_0 + w_a (1 - a)$, 68% regions, #number("a.1") and @lens-2.'
    assert literals(kept) == []


def test_every_number_of_the_list_is_in_the_text_and_the_other_way_round(text):
    quotations = load_quotations(SOURCE / "numbers.yaml")
    assert set(re.findall(r'#(?:number|counted)\("([^"]+)"', text)) == set(quotations.quoted)
    assert set(re.findall(r'#published\("([^"]+)"\)', text)) == set(quotations.published)


def test_every_citation_has_an_entry_and_every_entry_is_cited(text):
    quotations = load_quotations(SOURCE / "numbers.yaml")
    entries = set(re.findall(r"^@\w+\{(\w+),", (SOURCE / "references.bib").read_text(), flags=re.MULTILINE))
    labels = set(re.findall(r"@([\w-]*\w)", text)) & entries
    assert labels | {number.source for number in quotations.published.values()} == entries
