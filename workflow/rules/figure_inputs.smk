"""What each figure shows."""


def get_figure_inputs(wildcards) -> dict[str, str | list[str]]:
    """What a figure shows."""
    folder = f"results/{wildcards.experiment}"
    observation, posterior = f"{folder}/observation.h5", f"{folder}/posterior.h5"
    diagnostic = f"{folder}/diagnostics/{wildcards.figure}.json"
    match wildcards.figure:
        case "observation":
            return {"observation": observation}
        case "posterior":
            shown = {"posterior": posterior, "observation": observation}
            best = get_best_method(wildcards.experiment)
            return shown | (
                {"reference": f"{folder}/reference/{best}.h5"} if best else {}
            )
        case "position":
            return {"posterior": posterior, "observation": observation}
        case "shrinking":
            return {
                "posterior": posterior,
                "observation": observation,
                "prior": f"{folder}/prior.json",
                "boxes": get_boxes(wildcards),
            }
        case "rounds":
            return {"posterior": posterior, "boxes": get_boxes(wildcards)}
        case "energy":
            return {"energy": f"{folder}/energy.json"}
        case "truncation" | "joint" | "misspecification":
            return {"diagnostic": diagnostic}
        case "comparison" | "chains":
            energy = {"energy": f"{folder}/energy.json"}
            return {
                "posterior": posterior,
                "diagnostic": f"{folder}/diagnostics/reference.json",
                **(energy if wildcards.figure == "comparison" else {}),
            }
        case "combination":
            return {
                "posterior": posterior,
                "combined": f"{folder}/combined.h5",
                "diagnostic": diagnostic,
            }
        case "summary_space" | "layers" | "attribution":
            file = (
                "attribution" if wildcards.figure == "attribution" else "summary_space"
            )
            record = f"{folder}/interpret/{file}.json"
            return {"posterior": posterior, "diagnostic": record}
        case "localisation" | "sensitivity":
            return {"diagnostic": f"{folder}/interpret/subhalo.json"}
        case "training":
            histories = [f"{folder}/history.csv" for folder in get_rounds(wildcards)]
            return {"histories": histories}
        case "residuals":
            predictive, diagnostic = (
                f"{folder}/diagnostics/predictive.{suffix}" for suffix in ("h5", "json")
            )
            return {
                "observation": observation,
                "predictive": predictive,
                "diagnostic": diagnostic,
            }
    return {"posterior": posterior, "diagnostic": diagnostic}


def get_figure_options(wildcards, input) -> str:
    """The inputs of a figure as options of the command line."""
    return " ".join(f"--{name} {files}" for name, files in input.items())
