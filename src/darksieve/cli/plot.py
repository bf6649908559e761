"""`darksieve plot`: one figure, as PDF and PNG."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from darksieve.cli.arguments import load_prior
from darksieve.cli.output import write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("figure", choices=sorted(FIGURES), help="which figure")
    parser.add_argument("--observation", type=Path, help="observation.h5 (what shows it, or the truth of a mock)")
    parser.add_argument("--posterior", type=Path, help="posterior.h5 (what names parameters)")
    parser.add_argument("--predictive", type=Path, help="predictive.h5 (residuals)")
    parser.add_argument("--diagnostic", type=Path, help="its JSON file (all others but rounds and training)")
    parser.add_argument("--boxes", type=Path, nargs="+", help="box.json of every round (rounds, shrinking)")
    parser.add_argument("--prior", type=Path, help="prior.json (shrinking)")
    parser.add_argument("--reference", type=Path, help="posterior by another method (posterior)")
    parser.add_argument("--histories", type=Path, nargs="+", help="history.csv of every round (training)")
    parser.add_argument("--energy", type=Path, help="energy.json (energy, comparison)")
    parser.add_argument("--combined", type=Path, help="combined.h5 (combination)")
    parser.add_argument("--pdf", type=Path, required=True, help="the figure as PDF, written")
    parser.add_argument("--png", type=Path, required=True, help="the figure as PNG, written")


def run(options: argparse.Namespace) -> None:
    """Draw and save the figure."""
    write_figure(FIGURES[options.figure](options), options.pdf, options.png)


def _observation(options: argparse.Namespace) -> Figure:
    from darksieve.figures.data import observation_figure
    from darksieve.problem.observation import Observation

    return observation_figure(Observation.read(options.observation))


def _residuals(options: argparse.Namespace) -> Figure:
    import h5py

    from darksieve.figures.data import residuals_figure
    from darksieve.problem.observation import Observation

    with h5py.File(options.predictive, "r") as file:
        predictive = {key: {name: item[()] for name, item in group.items()} for key, group in file.items()}
    summary = json.loads(options.diagnostic.read_text())
    return residuals_figure(Observation.read(options.observation), predictive, summary)


def _posterior(options: argparse.Namespace) -> Figure:
    from darksieve.figures.inference import posterior_figure
    from darksieve.inference.posterior import load_posterior
    from darksieve.problem.observation import Observation
    from darksieve.reference.result import load_reference

    reference = None if options.reference is None else load_reference(options.reference)
    truth = Observation.read(options.observation).truth
    return posterior_figure(load_posterior(options.posterior), truth, reference)


def _shrinking(options: argparse.Namespace) -> Figure:
    from darksieve.figures.inference import shrinking_figure
    from darksieve.inference.posterior import load_posterior
    from darksieve.problem.observation import Observation

    boxes = [json.loads(path.read_text()) for path in options.boxes]
    truth = Observation.read(options.observation).truth
    return shrinking_figure(boxes, load_prior(options), load_posterior(options.posterior), truth)


def _position(options: argparse.Namespace) -> Figure:
    from darksieve.figures.data import position_figure
    from darksieve.inference.posterior import load_posterior
    from darksieve.problem.observation import Observation

    return position_figure(Observation.read(options.observation), load_posterior(options.posterior))


def _rounds(options: argparse.Namespace) -> Figure:
    from darksieve.figures.inference import rounds_figure

    return rounds_figure([json.loads(path.read_text()) for path in options.boxes], _titles(options.posterior))


def _training(options: argparse.Namespace) -> Figure:
    from darksieve.figures.inference import training_figure

    histories = []
    for path in options.histories:
        with open(path, newline="") as stream:
            histories.append([{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)])
    return training_figure(histories)


def _coverage(options: argparse.Namespace) -> Figure:
    from darksieve.figures.calibration import coverage_figure

    return coverage_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _ranks(options: argparse.Namespace) -> Figure:
    from darksieve.figures.calibration import ranks_figure

    return ranks_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _average(options: argparse.Namespace) -> Figure:
    from darksieve.figures.calibration import average_figure

    return average_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _misspecification(options: argparse.Namespace) -> Figure:
    from darksieve.figures.calibration import misspecification_figure

    return misspecification_figure(json.loads(options.diagnostic.read_text()))


def _spread(options: argparse.Namespace) -> Figure:
    from darksieve.figures.calibration import spread_figure

    return spread_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _truncation(options: argparse.Namespace) -> Figure:
    from darksieve.figures.calibration import truncation_figure

    return truncation_figure(json.loads(options.diagnostic.read_text()))


def _joint(options: argparse.Namespace) -> Figure:
    from darksieve.figures.calibration import joint_figure

    return joint_figure(json.loads(options.diagnostic.read_text()))


def _energy(options: argparse.Namespace) -> Figure:
    from darksieve.figures.energy import energy_figure

    return energy_figure(json.loads(options.energy.read_text()))


def _comparison(options: argparse.Namespace) -> Figure:
    from darksieve.figures.reference import comparison_figure

    record, energy = (json.loads(path.read_text()) for path in (options.diagnostic, options.energy))
    return comparison_figure(record, energy, _titles(options.posterior))


def _chains(options: argparse.Namespace) -> Figure:
    from darksieve.figures.reference import chains_figure

    return chains_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _combination(options: argparse.Namespace) -> Figure:
    from darksieve.figures.combination import combination_figure
    from darksieve.figures.inference import axis_title
    from darksieve.inference.combination import read_combination
    from darksieve.inference.posterior import load_posterior

    record, posterior = json.loads(options.diagnostic.read_text()), load_posterior(options.posterior)
    titles = {name: axis_title(posterior, name) for name in posterior.labels}
    return combination_figure(read_combination(options.combined), record, titles)


def _summary_space(options: argparse.Namespace) -> Figure:
    from darksieve.figures.interpret import summary_space_figure

    return summary_space_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _layers(options: argparse.Namespace) -> Figure:
    from darksieve.figures.interpret import layers_figure

    return layers_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _attribution(options: argparse.Namespace) -> Figure:
    from darksieve.figures.interpret import attribution_figure

    return attribution_figure(json.loads(options.diagnostic.read_text()), _titles(options.posterior))


def _localisation(options: argparse.Namespace) -> Figure:
    from darksieve.figures.interpret import localisation_figure

    return localisation_figure(json.loads(options.diagnostic.read_text()))


def _sensitivity(options: argparse.Namespace) -> Figure:
    from darksieve.figures.interpret import sensitivity_figure

    return sensitivity_figure(json.loads(options.diagnostic.read_text()))


def _titles(posterior: Path) -> dict[str, str]:
    """Label of each parameter, as LaTeX where there is one."""
    from darksieve.inference.posterior import load_posterior

    labels = load_posterior(posterior).labels
    return {name: f"${label}$" if label else name.replace("_", " ") for name, label in labels.items()}


FIGURES: dict[str, Callable[[argparse.Namespace], Figure]] = {
    "observation": _observation,
    "posterior": _posterior,
    "rounds": _rounds,
    "shrinking": _shrinking,
    "position": _position,
    "training": _training,
    "truncation": _truncation,
    "coverage": _coverage,
    "ranks": _ranks,
    "average": _average,
    "misspecification": _misspecification,
    "spread": _spread,
    "joint": _joint,
    "residuals": _residuals,
    "energy": _energy,
    "comparison": _comparison,
    "chains": _chains,
    "combination": _combination,
    "summary_space": _summary_space,
    "layers": _layers,
    "attribution": _attribution,
    "localisation": _localisation,
    "sensitivity": _sensitivity,
}
