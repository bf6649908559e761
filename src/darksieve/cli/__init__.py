"""The command line: one verb a stage of the workflow; each imports its stage only when it is called."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from darksieve import __version__
from darksieve.problem.errors import DarksieveError

__all__ = ["VERBS", "main"]

VERBS = {
    "check": "check experiment files and their simulators, and make nothing",
    "download": "bring a registered data file, from its public origin or a mirror, and verify it",
    "observe": "make the mock or read the files of an observation: observation.h5",
    "declare": "write the parameters with their priors, units and labels: prior.json",
    "plan": "say which simulations are in the store and which must be made: plan.json",
    "simulate": "make one shard of simulations, or find it in the store: a manifest",
    "train": "train the ratio estimator of a round: estimator.pt, history.csv",
    "truncate": "find the box of the next round: box.json",
    "audit": "say whether the rounds cut off what should have been kept: truncation.json",
    "spread": "how far the networks of an ensemble lie from each other: spread.json",
    "sample": "draw the posteriors of the observation: posterior.h5",
    "combine": "the posterior of parameters that many observations share: combined.h5, combination.json",
    "calibrate": "check the marginal posteriors on fresh simulations, and the observation among these: JSON files",
    "calibrate_joint": "compare joint posteriors of fresh simulations with the truths: joint.json, local.json",
    "predict": "compare data simulated from the posterior with the observation: JSON and HDF5",
    "refer": "infer the posterior by a likelihood-based method: reference/<method>.h5",
    "compare": "compare the posterior with those of likelihood-based methods: reference.json",
    "rank": "order models of one observation by their evidence: JSON and a table",
    "account": "sum up what all jobs cost in time and energy: energy.csv, energy.json",
    "judge": "one verdict from all diagnostics, yes, no or undecided: verdict.json",
    "plot": "draw one figure: PDF and PNG",
    "summarise": "the posteriors and the verdicts as a table: summary.txt",
    "attest": "write down which job made which file, with checksums, versions and seeds: provenance.json",
    "trace": "show what a result rests on: the jobs and files behind it, down to raw data, with checksums",
    "report": "write one page of an experiment, with its figures and where they come from: report.html",
    "pack": "pack an analysis with all that describes it, without the store: archive.zip",
    "demand": "fail where a verdict is no, and say what failed",
    "probe": "what the network's summaries hold, and where among them the observation lies: summary_space.json",
    "attribute": "which pixels of the observation move the log-ratios: attribution.json",
    "detect": "whether attributions point at a subhalo, and where one could be found: subhalo.json",
    "learn_galaxies": "train a diffusion model of galaxies, the prior of lensed sources: prior.pt",
    "draw_galaxies": "draw galaxies from that prior, as sources of lenses: galaxies.npz",
    "analyse": "hold a system of the physics of AI to its exact answers: result.json",
    "analyse_images": "put the physics of AI to work on an experiment's images: result.json",
    "illustrate": "draw one figure of an analysis: PDF and PNG",
    "survey": "write the page of all analyses, with what is published beside what was measured: overview.html",
    "quote": "read the numbers and tables of the paper from result files: numbers.json, costs.json",
    "typeset": "make the paper: PDF and its pages as PNG",
    "store": "list, verify and clean the simulation store",
    "schema": "write the JSON schemas and the table of config keys",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit status is 0, 1 for a mistake told in one line, or 2 for wrong arguments."""
    # read when torch is loaded: threads that wait sleep, or training on shared cores takes twenty times as long
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="darksieve",
        description="Simulation-based inference for dark matter and dark energy, stage by stage. "
        "`snakemake --cores all` runs all stages in their order.",
    )
    parser.add_argument("--version", action="version", version=f"darksieve {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="verb", required=True)
    for verb, text in VERBS.items():
        subparser = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".")
        if verb in given[:1]:
            importlib.import_module(f"darksieve.cli.{verb}").add_arguments(subparser)
            subparser.add_argument("--cost", type=Path, help="what this cost in time and energy (JSON), written")
    options = parser.parse_args(given)
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")  # by the Lightning that swyft needs
    logging.basicConfig(format=f"%(asctime)s {options.verb}: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("darksieve").setLevel(logging.INFO)
    run = importlib.import_module(f"darksieve.cli.{options.verb}").run
    try:
        if options.cost is None:
            run(options)
        else:
            _run_measured(run, options)
        sys.stdout.flush()
    except BrokenPipeError:  # who read a listing has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except DarksieveError as error:
        print(f"darksieve {options.verb}: error: {error}", file=sys.stderr)
        return 1
    return 0


def _run_measured(run: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> None:
    """Run a verb and, if it ends well, write down what this process cost."""
    from darksieve.cli.arguments import write_json
    from darksieve.diagnostics.counters import Meter

    meter = Meter()
    run(options)
    write_json(options.cost, {"verb": options.verb, "ended": time.time(), **asdict(meter.read())})
