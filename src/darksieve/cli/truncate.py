"""`darksieve truncate`: the box of the next round."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from darksieve.cli.arguments import add_experiment, add_prior, load_box, load_experiment, load_prior, write_json
from darksieve.problem.errors import DarksieveError

log = logging.getLogger(__name__)

# sections and keys of an experiment file that the step depends on
READS = ("rounds",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_experiment(parser)
    add_prior(parser)
    parser.add_argument("--profiles", type=Path, required=True, help="profiles.npz of this round")
    parser.add_argument("--box", type=Path, help="box.json of the round before (default: the whole prior)")
    parser.add_argument("--before", type=Path, help="profiles.npz of the round before")
    parser.add_argument("--round", type=int, required=True, help="number of this round, from 1")
    parser.add_argument("--output", type=Path, required=True, help="box.json, written")


def run(options: argparse.Namespace) -> None:
    """Truncate the prior, audit what that did, and say whether the box has settled."""
    from darksieve.diagnostics.audit import audit_round, widen
    from darksieve.inference.profiles import Marginals
    from darksieve.inference.truncation import truncate
    from darksieve.problem.budget import Request, first_request, next_request

    prior, rounds = load_prior(options), load_experiment(options).config.rounds
    box, marginals = load_box(options.box, prior), Marginals.read(options.profiles)
    requests, before = [Request(box, first_request(rounds))], None
    if options.before is not None:
        record = json.loads(options.box.read_text())
        requests = [*map(Request.from_record, record["requests"]), Request(box, record["simulations"])]
        before = requests[-2].box, Marginals.read(options.before)
    audit = audit_round(box, marginals, rounds.threshold, before)
    new, settled = truncate(box, marginals.log_ratios, rounds.threshold, rounds.stop_shrinkage)
    if not audit.passed:
        log.warning("round %d: the audit says no: %s", options.round, audit.failures)
        if rounds.on_violation == "stop":
            raise DarksieveError(
                f"the audit of round {options.round} says no: {audit.failures}", where="rounds.on_violation",
                mend="ask for more simulations, raise rounds.threshold, or say `widen`",
            )  # fmt: skip
        if rounds.on_violation == "widen":
            new, settled = widen(new, box, audit), False
    simulations = next_request(rounds, requests, new, settled)
    log.info("round %d: prior volume %.3g to %.3g%s, %s", options.round, box.volume, new.volume,
             ", settled" if settled else "", "another round" if simulations else "last round")  # fmt: skip
    record = {
        "round": options.round,
        "converged": settled,
        "simulations": simulations,
        "requests": [request.to_record() for request in requests],
        "audit": audit.record,
        **new.to_record(prior),
    }
    write_json(options.output, record)
