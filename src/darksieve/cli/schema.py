"""`darksieve schema`: the JSON schemas and the table of keys, from the config classes."""

from __future__ import annotations

import argparse
from pathlib import Path

from darksieve.cli.arguments import whole_file, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--schemas", type=Path, default=Path("workflow/schemas"), help="folder of the schemas")
    parser.add_argument("--readme", type=Path, default=Path("config/README.md"), help="the table of keys")


def run(options: argparse.Namespace) -> None:
    """Write the schemas and the table."""
    from darksieve.problem.config import ExperimentConfig, WorkflowConfig
    from darksieve.problem.reference import config_reference

    write_json(options.schemas / "config.schema.json", WorkflowConfig.model_json_schema())
    write_json(options.schemas / "experiment.schema.json", ExperimentConfig.model_json_schema())
    with whole_file(options.readme) as part:
        part.write_text(config_reference())
