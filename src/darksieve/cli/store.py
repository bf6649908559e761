"""`darksieve store`: what the simulation store holds, and whether it is sound."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from darksieve.cli.arguments import aligned
from darksieve.problem.errors import DarksieveError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("store", type=Path, help="folder of the store, such as data/simulations")
        if name == "verify":
            action.add_argument("--remove", action="store_true", help="remove them: the next run remakes them")
        if name == "clean":
            action.add_argument(
                "--experiments", type=Path, nargs="*", default=[], help="experiment files whose simulations are kept"
            )
            action.add_argument("--really", action="store_true", help="remove them; without it they are only listed")
        if name == "import":
            action.add_argument(
                "experiment", type=Path, help="experiment file whose simulator.class is ...imported:Imported"
            )
        if name == "export":
            action.add_argument("fingerprint", help="which simulator, as `info` shows it")
            action.add_argument("file", type=Path, help="HDF5 file, written")
        if name in ("clean", "import"):
            action.add_argument("--root", type=Path, default=Path(), help="folder of relative data files")


ACTIONS = {
    "info": "list the simulators whose simulations are stored, how many there are and how large",
    "verify": "read all shards and name those that are damaged",
    "clean": "remove simulations that no named experiment needs; lists them unless told otherwise",
    "import": "take the simulations of an HDF5 file or NumPy archive that an experiment names in place of a simulator",
    "export": "write all simulations of a simulator that went well to one HDF5 file",
}


def run(options: argparse.Namespace) -> None:
    """Do what the action says."""
    {"info": _info, "verify": _verify, "clean": _clean, "import": _import, "export": _export}[options.action](options)


def _import(options: argparse.Namespace) -> None:
    from darksieve.problem.experiment import Experiment
    from darksieve.store.transfer import import_simulations

    train, test = import_simulations(Experiment.load(options.experiment, options.root), options.store)
    print(f"{train} simulations for training and {test} for the calibration are in {options.store}")


def _export(options: argparse.Namespace) -> None:
    from darksieve.store.transfer import export_simulations

    number = export_simulations(options.store, options.fingerprint, options.file)
    print(f"{number} simulations are in {options.file}")


def _info(options: argparse.Namespace) -> None:
    from darksieve.store.inventory import list_simulators

    for line in _table(list_simulators(options.store)):
        print(line)


def _verify(options: argparse.Namespace) -> None:
    from darksieve.store.inventory import verify

    damaged, sound = 0, 0
    for path, message in verify(options.store):
        if message is None:
            sound += 1
            continue
        damaged += 1
        print(message)
        if options.remove:
            shutil.rmtree(path)
            print(f"{path} removed")
    print(f"{sound} shards are sound, {damaged} damaged")
    if damaged and not options.remove:
        raise DarksieveError(
            f"{damaged} damaged shards", where=f"store {options.store}", mend="run again with --remove, then snakemake"
        )


def _clean(options: argparse.Namespace) -> None:
    from darksieve.problem.experiment import Experiment
    from darksieve.store.inventory import remove_simulators

    needed = {Experiment.load(path, options.root).fingerprint for path in options.experiments}
    found = remove_simulators(options.store, needed, really=options.really)
    for line in _table(found):
        print(line)
    size = sum(entry.size for entry in found) / 1e6
    what = "removed" if options.really else "would be removed"
    print(f"{size:.1f} MB {what}; the simulations of {len(needed)} simulators are kept")


def _table(entries: list) -> list[str]:
    rows = [("fingerprint", "simulations", "shards", "files", "MB", "simulator", "parameters")]
    for e in entries:
        parameters = ", ".join(e.parameters[:4]) + (", ..." if len(e.parameters) > 4 else "")
        rows.append((e.fingerprint, str(e.simulations), str(e.shards), str(e.files), f"{e.size / 1e6:.1f}", e.simulator,
                     parameters))  # fmt: skip
    return list(aligned(rows))
