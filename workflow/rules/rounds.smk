"""The rounds of an experiment: which there are, and what each takes from the one before."""

import json

from darksieve.problem.budget import first_request


def get_from_round_before(wildcards, file) -> list[str]:
    """A file of the round before a draw or a training: none for the first round."""
    if hasattr(wildcards, "round"):
        round_number = int(wildcards.round)
    elif wildcards.draw == "test":
        round_number = get_last_round(wildcards)
    else:
        round_number = int(wildcards.draw.removeprefix("round-"))
    if round_number == 1:
        return []
    return [f"results/{wildcards.experiment}/round-{round_number - 1}/{file}"]


def get_box_before(wildcards) -> list[str]:
    """The box in which simulations are drawn."""
    return get_from_round_before(wildcards, "box.json")


def get_estimator_before(wildcards) -> list[str]:
    """The estimator from whose weights training starts."""
    return get_from_round_before(wildcards, "estimator.pt")


def get_profiles_before(wildcards) -> list[str]:
    """The marginals of the round before, from which this one's may not have jumped away."""
    return get_from_round_before(wildcards, "profiles.npz")


def get_options_before(wildcards, input) -> str:
    """What comes from the round before, as options of the command line."""
    return " ".join(
        f"--{name} {input[name]}"
        for name in ("box", "start", "before")
        if input.get(name)
    )


def get_manifests(wildcards) -> list[str]:
    """Manifests of the shards of a round, or of the calibration."""
    draw = f"round-{wildcards.round}" if hasattr(wildcards, "round") else "test"
    return get_manifests_of(wildcards, draw)


def get_manifests_of(wildcards, draw: str) -> list[str]:
    """Manifests of the shards of a draw: `round-1` and so on, or `test`."""
    experiment = EXPERIMENTS[wildcards.experiment]
    if draw == "test":
        simulations = experiment.config.diagnostics.simulations
    else:
        simulations = get_request(wildcards, int(draw.removeprefix("round-")))
    shards = range(experiment.slices(simulations))
    return [f"results/{wildcards.experiment}/{draw}/shard-{s}.json" for s in shards]


def get_request(wildcards, round_number: int) -> int:
    """Simulations that a round asks for, 0 if there is no such round: the truncation of the one before says it."""
    if round_number == 1:
        return first_request(EXPERIMENTS[wildcards.experiment].config.rounds)
    output = checkpoints.truncate.get(
        experiment=wildcards.experiment, round=round_number - 1
    ).output
    with open(output.box) as stream:
        return json.load(stream)["simulations"]


def get_last_round(wildcards) -> int:
    """Number of the last round; asks the checkpoint after each round whether another one follows."""
    last = 1
    while get_request(wildcards, last + 1):
        last += 1
    return last


def get_rounds(wildcards) -> list[str]:
    """Folders of all rounds."""
    return [
        f"results/{wildcards.experiment}/round-{r}"
        for r in range(1, get_last_round(wildcards) + 1)
    ]


def get_last_plan(wildcards) -> str:
    """The plan of the last round."""
    return f"{get_rounds(wildcards)[-1]}/plan.json"


def get_last_manifests(wildcards) -> list[str]:
    """Manifests of the shards of the last round."""
    return get_manifests_of(wildcards, f"round-{get_last_round(wildcards)}")


def get_boxes(wildcards) -> list[str]:
    """The boxes of all rounds."""
    return [f"{folder}/box.json" for folder in get_rounds(wildcards)]


def get_plans(wildcards) -> list[str]:
    """The plans of all rounds."""
    return [f"{folder}/plan.json" for folder in get_rounds(wildcards)]


def get_profiles(wildcards) -> str:
    """The marginals of the last round."""
    return f"{get_rounds(wildcards)[-1]}/profiles.npz"


def get_estimator(wildcards) -> str:
    """The estimator of the last round."""
    return f"{get_rounds(wildcards)[-1]}/estimator.pt"
