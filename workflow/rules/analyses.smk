"""The physics of AI: which analyses there are, what they read, and what they show."""

from functools import reduce

ANALYSES = {
    "ising": "thermodynamics snapshots binder slowing",
    "hopfield": "capacity recall phases landscapes modern",
    "boltzmann": "learning machine annealing",
    "scinet/pendulum": "motion latents",
    "scinet/collision": "momentum",
    "scinet/qubits": "tomography",
    "scinet/heliocentric": "orbits",
    "scinet/rotation": "universes galaxies",
    "wide_networks": "kernels cumulants depth",
    "interacting_theory": "teacher score_matching digits",
    "lattice_field": "observables flow fields",
    "learned_dynamics": "trajectories energies halo",
    "diffusion/exact": "process lines densities samplers",
    "diffusion/field": "wiener denoisers",
    "diffusion/galaxies": "drawn statistics",
    "diffusion/sources": "sources accuracy",
    "convergence_theory": "maps couplings",
}
IMAGE_ANALYSES = {
    "memory": "gallery retrieval denoising outliers",
    "arcs": "maps couplings",
    "scinet/images": "answers combinations",
    "diffusion/ring": "ring",
    "summary_theory": "strengths couplings",
    "embedding_width": "kurtosis spread",
}
LEARNED = ("memory", "summary_theory")  # those that take an estimator
CASES = ANALYSES | {
    f"{name}/{experiment}": figures
    for name, figures in IMAGE_ANALYSES.items()
    for experiment in RUN
}
DIFFUSION = [
    name for name in [*ANALYSES, *IMAGE_ANALYSES] if name.startswith("diffusion/")
]
WITH_PRIOR = ["diffusion/galaxies", "diffusion/sources"]
SCINET = [name for name in [*ANALYSES, *IMAGE_ANALYSES] if name.startswith("scinet/")]


wildcard_constraints:
    analysis="|".join(ANALYSES),
    image_analysis="|".join(IMAGE_ANALYSES),
    case="|".join([*ANALYSES, *(f"{name}/[^/]+" for name in IMAGE_ANALYSES)]),


def get_settings(wildcards) -> str:
    """The section of an analysis in config.yaml, as JSON."""
    name = wildcards.get("analysis") or wildcards.image_analysis
    return reduce(getattr, name.split("/"), CONFIG.analyses).model_dump_json()


def get_analysis_code(wildcards) -> str:
    """Digest of the code of an analysis."""
    if name := wildcards.get("analysis"):
        verb = "analyse"
    else:
        name, verb = wildcards.image_analysis, "analyse_images"
    path = ".".join(name.split("/"))
    return code_digest(f"darksieve.cli.{verb}", f"darksieve.physics_ai.{path}.study")


def get_galaxy_files(wildcards) -> list[str]:
    """Images of real galaxies; registered ones are downloaded."""
    images = CONFIG.analyses.diffusion.galaxies.images
    return [images["file"]] if "file" in images else []


def get_analysis_inputs(wildcards) -> dict[str, str | list[str]]:
    """Data files that an analysis reads, and the prior of galaxies."""
    if wildcards.analysis == "scinet/rotation":
        settings = CONFIG.analyses.scinet.rotation
        return {"data": [settings.curves, settings.table]}
    if wildcards.analysis in WITH_PRIOR:
        return {
            "data": get_galaxy_files(wildcards),
            "prior": "results/physics_ai/diffusion/prior.pt",
        }
    return {}


def get_analysis_options(wildcards, input) -> str:
    """The prior of galaxies as an option of the command line."""
    return f"--prior {input.prior}" if wildcards.analysis in WITH_PRIOR else ""


def get_image_inputs(wildcards) -> dict[str, str | list[str]]:
    """What an analysis of images reads: simulations of rounds, and estimators that learned from them,
    or the observation, its posterior and the prior of galaxies."""
    folder = f"results/{wildcards.experiment}"
    if wildcards.image_analysis == "diffusion/ring":
        return {
            "observation": f"{folder}/observation.h5",
            "posterior": f"{folder}/posterior.h5",
            "prior": "results/physics_ai/diffusion/prior.pt",
        }
    draws = {"first": "round-1"}
    if wildcards.image_analysis == "memory":
        draws |= {"last": f"round-{get_last_round(wildcards)}", "test": "test"}
    found: dict[str, str | list[str]] = {}
    for name, draw in draws.items():
        found[f"{name}_plan"] = f"{folder}/{draw}/plan.json"
        found[f"{name}_manifests"] = get_manifests_of(wildcards, draw)
        if draw != "test" and wildcards.image_analysis in LEARNED:
            found[f"{name}_estimator"] = f"{folder}/{draw}/estimator.pt"
    return found


def get_image_options(wildcards, input) -> str:
    """The inputs of an analysis of images as options of the command line."""
    return " ".join(
        f"--{name.replace('_', '-')} {as_arguments([files] if isinstance(files, str) else files)}"
        for name, files in input.items()
    )


def get_analysis_of(case: str) -> str:
    """The analysis of a case, which for one of images also names the experiment."""
    return case if case in ANALYSES else case.rpartition("/")[0]


def get_illustration_code(wildcards) -> str:
    """Digest of the code of an analysis's figures."""
    path = ".".join(get_analysis_of(wildcards.case).split("/"))
    return code_digest("darksieve.cli.illustrate", f"darksieve.figures.{path}")


def get_illustration(wildcards) -> str:
    """The analysis and its figure as arguments of the command line."""
    return f"{get_analysis_of(wildcards.case)} {wildcards.illustration}"


def get_illustrations(*names: str) -> list[str]:
    """Figures of analyses; of those of images, for every experiment of the run."""
    return [
        f"results/physics_ai/{case}/figures/{figure}.{suffix}"
        for case, figures in CASES.items()
        if get_analysis_of(case) in names
        for figure in figures.split()
        for suffix in ("pdf", "png")
    ]
