"""Broken experiment files: each gives one line that names the place, and none gets as far as a job."""

import copy
import json

import jsonschema
import pytest
import yaml

from darksieve.problem.config import ExperimentConfig, WorkflowConfig
from darksieve.problem.errors import DarksieveError
from darksieve.problem.experiment import read_workflow_config
from darksieve.problem.preflight import check_alternatives, load_checked
from darksieve.problem.reference import config_reference

DELETE = object()

BROKEN = {
    "unknown key": (("simulater",), {}, "did you mean 'simulator'"),
    "unknown nested key": (("rounds", "simulation"), 100, "did you mean 'simulations'"),
    "no simulator": (("simulator",), DELETE, "simulator: Field required"),
    "no prior": (("prior",), DELETE, "prior: Field required"),
    "no observation": (("observation",), DELETE, "observation: Field required"),
    "empty prior": (("prior",), {}, "prior"),
    "bounds the wrong way round": (("prior", "intercept"), {"uniform": [3, -3]}, "low must be below high"),
    "bounds with one edge": (("prior", "intercept"), {"uniform": [3]}, "prior.intercept.uniform"),
    "prior of two kinds": (("prior", "intercept", "normal"), [0, 1], "exactly one of"),
    "prior of no kind": (("prior", "intercept"), {"unit": "m"}, "exactly one of"),
    "log-uniform below zero": (("prior", "intercept"), {"log_uniform": [-1, 1]}, "above zero"),
    "normal of no width": (("prior", "slope"), {"normal": [0, 0]}, "standard deviation must be above zero"),
    "bounds of a uniform prior": (("prior", "intercept", "bounds"), [0, 1], "bounds belong to a normal prior"),
    "text for a number": (("rounds", "simulations"), "many", "rounds.simulations"),
    "zero simulations": (("rounds", "simulations"), 0, "greater than or equal to 1"),
    "zero rounds": (("rounds", "maximum"), 0, "rounds.maximum"),
    "threshold above one": (("rounds", "threshold"), 2.0, "rounds.threshold"),
    "shard of few simulations": (("rounds", "shard"), 10, "greater than or equal to 64"),
    "timeout of no time": (("simulator", "timeout"), 0, "simulator.timeout"),
    "all simulations may fail": (("simulator", "failures_allowed"), 1.0, "simulator.failures_allowed"),
    "early simulations and budget": (
        ("rounds",),
        {"budget": 9000, "early_simulations": [100]},
        "exclude each other",
    ),
    "too few simulations to validate": (("rounds", "simulations"), 10, "fewer than 2 for validation"),
    "budget below the rounds": (("rounds", "budget"), 9, "fewer than 2 for validation"),
    "negative seed": (("seed",), -1, "seed"),
    "unknown embedding": (("network",), {"embedding": "transformer"}, "network.embedding"),
    "zero epochs": (("training", "epochs"), 0, "training.epochs"),
    "validation of everything": (("training", "validation_fraction"), 1.0, "training.validation_fraction"),
    "unknown device": (("training", "device"), "tpu", "training.device"),
    "marginal of an unknown parameter": (("marginals", "one_dimensional"), ["slop"], "did you mean 'slope'"),
    "no marginal": (("marginals", "one_dimensional"), [], "say `all`"),
    "pair of an unknown parameter": (("marginals", "two_dimensional"), [["slope", "mass"]], "'mass'"),
    "pair of three": (("marginals", "two_dimensional"), [["slope", "intercept", "slope"]], "two_dimensional"),
    "pair of one parameter": (("marginals", "two_dimensional"), [["slope", "slope"]], "twice"),
    "joint posterior of a network that cannot": (("network",), {"class": "a:B"}, "leave out network.class"),
    "mock without a value": (("observation", "mock", "parameters"), {"slope": 1.0}, "no value for intercept"),
    "mock of an unknown parameter": (("observation", "mock", "parameters", "tilt"), 1.0, "'tilt' has no prior"),
    "mock outside its prior": (("observation", "mock", "parameters", "intercept"), 7.0, "outside its prior"),
    "mock and file": (("observation", "file"), "x.h5", "exactly one of mock, file and from_simulator"),
    "no data file": (("observation",), {"file": "absent.h5"}, "no file absent.h5"),
    "class of no form": (("simulator", "class"), "Line", "package.module:Class"),
    "class in no file": (("simulator", "class"), "absent.py:Line", "no file absent.py"),
    "class in no module": (("simulator", "class"), "darksieve.absent:Line", "cannot be imported"),
    "no such class": (("simulator", "class"), "darksieve.simulators.lens:Lens", "it defines"),
    "option that does not exist": (("simulator", "options", "colour"), "red", "options do not fit"),
    "parameter that the simulator lacks": (("prior", "tilt"), {"uniform": [0, 1]}, "'tilt' has no prior|no value|tilt"),
    "parameter without a prior": (("prior", "slope"), DELETE, "slope"),
}


def edited(record, keys, value):
    record = copy.deepcopy(record)
    place = record
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    if value is DELETE:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return record


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_experiment_gives_one_clear_line(fault, line_record, tmp_path):
    keys, value, message = BROKEN[fault]
    record = edited(line_record, keys, value)
    path = tmp_path / "line.yaml"
    path.write_text(yaml.safe_dump(record))
    with pytest.raises(DarksieveError, match=message) as raised:
        load_checked([str(path)], tmp_path, tmp_path, tmp_path / "stamps")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_the_unbroken_experiment_passes_and_is_not_checked_twice(line_record, load_record, tmp_path):
    load_record(line_record)
    arguments = ([str(tmp_path / "line.yaml")], tmp_path, tmp_path, tmp_path / "stamps")
    assert list(load_checked(*arguments)) == ["line"]
    stamps = list((tmp_path / "stamps").iterdir())
    load_checked(*arguments)
    assert list((tmp_path / "stamps").iterdir()) == stamps


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2\n", "", "\x00"])
def test_files_that_hold_no_mapping_are_refused(text, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(DarksieveError, match=r"broken\.yaml"):
        load_checked([str(path)], tmp_path, tmp_path, tmp_path / "stamps")


def test_unknown_experiment_lists_what_there_is(repository, tmp_path):
    with pytest.raises(DarksieveError, match="lens-mock"):
        load_checked(["lens-mook"], repository / "config/experiments", repository, tmp_path)


def test_two_experiments_of_one_name_are_refused(line_record, load_record, tmp_path):
    load_record(line_record)
    path = str(tmp_path / "line.yaml")
    with pytest.raises(DarksieveError, match="two experiments"):
        load_checked([path, path], tmp_path, tmp_path, tmp_path / "stamps")


@pytest.mark.parametrize(
    ("record", "message"),
    [({}, "experiments"), ({"experiments": []}, "experiments"), ({"experiments": ["a"], "stor": "x"}, "unknown key")],
)
def test_broken_workflow_config_gives_one_clear_line(record, message):
    with pytest.raises(DarksieveError, match=message):
        read_workflow_config(record)


SCHEMA_FAULTS = [
    fault for fault in BROKEN
    if fault in {
        "unknown key", "unknown nested key", "no simulator", "empty prior", "bounds with one edge", "zero simulations",
        "zero rounds", "threshold above one", "shard of few simulations", "unknown embedding", "unknown device",
        "text for a number",
    }
]  # fmt: skip


@pytest.mark.parametrize("fault", SCHEMA_FAULTS)
def test_schema_refuses_what_a_schema_can(fault, line_record, repository):
    schema = json.loads((repository / "workflow/schemas/experiment.schema.json").read_text())
    jsonschema.validate(line_record, schema)
    keys, value, _ = BROKEN[fault]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(edited(line_record, keys, value), schema)


def test_schemas_and_reference_are_those_of_the_classes(repository):
    schemas = repository / "workflow/schemas"
    mend = "run `darksieve schema`"
    assert json.loads((schemas / "experiment.schema.json").read_text()) == ExperimentConfig.model_json_schema(), mend
    assert json.loads((schemas / "config.schema.json").read_text()) == WorkflowConfig.model_json_schema(), mend
    assert (repository / "config/README.md").read_text() == config_reference(), mend


@pytest.mark.parametrize(("simulations", "slices"), [(8192, 1), (8193, 2), (20000, 3)])
def test_shards_hold_at_most_the_configured_number_on_average(line, simulations, slices):
    assert line.slices(simulations) == slices


def test_alternatives_need_experiments_with_evidences(line_record, load_record):
    line_record["reference"] = {"methods": ["nested"]}
    experiments = {name: load_record(line_record, name) for name in ("one", "two")}
    check_alternatives({"both": ["one", "two"]}, experiments)
    del line_record["reference"]
    experiments["three"] = load_record(line_record, "three")
    for names, message in (
        (["one"], "names 1 experiment; name two or more"),
        (["one", "four"], "'four' is not among the experiments"),
        (["one", "three"], "three asks for no evidence; say `nested`"),
    ):
        with pytest.raises(DarksieveError, match=f"config: alternatives.both: {message}"):
            check_alternatives({"both": names}, experiments)
