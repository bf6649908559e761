"""What the record of the origin, the report and the archive hold."""

import json

RESULT_PARAMS = ("depends_on", "code")  # what results depend on besides files


def get_shown_figures(wildcards) -> list[str]:
    """Figures of an experiment, PNG: those that a run makes, and interpretations that were made."""
    folder = f"results/{wildcards.experiment}/figures"
    wanted = get_wanted(wildcards.experiment, FIGURES)
    made = [
        name
        for name in f"{INTERPRETATIONS} {DETECTIONS}".split()
        if Path(folder, f"{name}.png").is_file()
    ]
    return [f"{folder}/{name}.png" for name in [*wanted, *made]]


def get_attested(wildcards) -> dict[str, str | list[str]]:
    """Results whose origin is recorded, of an experiment or of the physics of AI, and the rounds behind them."""
    if wildcards.attested == "physics_ai":
        figures = get_illustrations(*ANALYSES, *IMAGE_ANALYSES)
        rounds = [box for each in RUN for box in get_boxes(of(wildcards, each))]
        return {"rounds": rounds, "figures": figures}
    experiment = of(wildcards, wildcards.attested)
    figures = get_shown_figures(experiment)
    return {
        "rounds": get_boxes(experiment),
        "summary": f"results/{wildcards.attested}/summary.txt",
        "figures": figures,
        "vector_figures": [str(Path(file).with_suffix(".pdf")) for file in figures],
    }


def get_attested_experiment(wildcards) -> str:
    """The option that names the experiment file, where the results are those of one."""
    if wildcards.attested not in EXPERIMENTS:
        return ""
    return f"--experiment {get_file(of(wildcards, wildcards.attested))}"


def of(wildcards, experiment: str):
    """The wildcards of an experiment's files."""
    return type(wildcards)(fromdict={"experiment": experiment})


def get_jobs(wildcards, input) -> str:
    """The jobs behind files, back to what no rule makes, as JSON; the shards of a draw as one job."""
    for experiment in {wildcards.attested} & set(EXPERIMENTS) or RUN:
        get_last_round(of(wildcards, experiment))  # before it the jobs cannot be known
    jobs: dict[str, dict] = {}
    waiting, made = list(input), set()
    while waiting:
        file = waiting.pop(0)
        job = None if file in made else get_job(file, type(wildcards))
        if job is None:
            continue
        waiting += job["inputs"]
        made |= set(job["outputs"])
        key = str(job["inputs"]) if job["rule"] == "simulate" else file
        jobs.setdefault(key, job | {"outputs": []})["outputs"] += job["outputs"]
    for job in jobs.values():
        for side in ("inputs", "outputs"):
            job[side] = as_arguments(job[side]).split()
    return json.dumps(list(jobs.values()), separators=(",", ":"))


def get_job(file: str, wildcards_type: type) -> dict | None:
    """The job that makes a file, None for raw data: rule, inputs, outputs, and the params that results depend on."""
    makers = [each for each in workflow.rules if each.is_producer(file)]
    if not makers:
        return None
    maker = makers[0]
    wildcards = wildcards_type(fromdict=maker.get_wildcards(file))
    read = maker.expand_input(wildcards)[0]
    made = maker.expand_output(wildcards)[0]
    params = maker.expand_params(wildcards, read, made, job=None)[0]
    config_file = [params.file] if "file" in params.keys() else []
    return {
        "rule": maker.name,
        "inputs": [*map(str, read), *config_file],
        "outputs": list(map(str, made)),
        "params": {
            name: value for name, value in params.items() if name in RESULT_PARAMS
        },
    }


def get_report_inputs(wildcards) -> dict[str, str | list[str]]:
    """What a report shows besides the figures."""
    folder = f"results/{wildcards.experiment}"
    return {
        "posterior": f"{folder}/posterior.h5",
        "observation": f"{folder}/observation.h5",
        "box": get_boxes(wildcards)[-1],
        "verdict": f"{folder}/verdict.json",
        "energy": f"{folder}/energy.json",
        "ledger": f"{folder}/energy.csv",
        **get_extras(wildcards),
        "figures": get_shown_figures(wildcards),
        "provenance": f"{folder}/provenance.json",
    }


def get_report_options(wildcards, input) -> str:
    """These as options of the command line."""
    return " ".join(f"--{name} {files}" for name, files in input.items())


def get_packed_results(wildcards) -> list[str]:
    """What an archive holds besides the posterior and the record of its origin: no simulations."""
    folder = f"results/{wildcards.experiment}"
    names = "observation.h5 prior.json summary.txt verdict.json energy.csv energy.json report.html"
    figures = get_shown_figures(wildcards)
    return [
        *(f"{folder}/{name}" for name in names.split()),
        *get_diagnostics(wildcards),
        *get_boxes(wildcards),
        get_estimator(wildcards),
        *figures,
        *(str(Path(file).with_suffix(".pdf")) for file in figures),
    ]
