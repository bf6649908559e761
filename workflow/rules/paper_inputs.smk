"""The paper: its figures, and the files that its numbers and tables are read from."""

import json

from darksieve.paper.quotations import Files, load_quotations, needed_files

SOURCES = [
    workflow.source_path(f"../paper/{file}")
    for file in ("paper.typ", "layout.typ", "references.bib", "numbers.yaml")
]
PAPER_FIGURES = {
    "lens": "shrinking residuals ranks attribution energy",
    "reference": "posterior comparison",
    "ring": "residuals",
    "subhalo": "position sensitivity",
    "population": "combination",
    "warm": "combination",
    "rotation": "residuals posterior",
    "dark_energy": "residuals posterior",
}
PAPER_CASES = [
    name if name in ANALYSES else f"{name}/{CONFIG.paper.lens}"
    for name in CONFIG.paper.analyses
]
ILLUSTRATED = 3  # analyses of the paper that are shown


def get_paper_files() -> Files:
    """What the names in the paper stand for; no rule is asked yet."""
    try:
        check_paper(CONFIG.paper, EXPERIMENTS, [*ANALYSES, *IMAGE_ANALYSES])
    except DarksieveError as error:
        sys.exit(f"darksieve: error: {error}")
    roles = CONFIG.paper.roles
    experiments = {
        name: os.path.relpath(EXPERIMENTS[name].path) for name in roles.values()
    }
    return Files(roles, experiments, PAPER_CASES, {})


def get_paper_figures(wildcards) -> dict[str, str]:
    """The figures of the paper, by name in its text."""
    roles = get_paper_files().roles
    shown = {
        f"{role}-{figure}": f"results/{roles[role]}/figures/{figure}.pdf"
        for role, figures in PAPER_FIGURES.items()
        for figure in figures.split()
    }
    for number, case in enumerate(PAPER_CASES[:ILLUSTRATED], start=1):
        figure = (ANALYSES | IMAGE_ANALYSES)[get_analysis_of(case)].split()[0]
        shown[f"analysis-{number}"] = f"results/physics_ai/{case}/figures/{figure}.pdf"
    return shown


def get_figure_files(wildcards) -> list[str]:
    """The files of these figures."""
    return list(get_paper_figures(wildcards).values())


def get_figure_names(wildcards) -> list[str]:
    """Their names, in the same order."""
    return list(get_paper_figures(wildcards))


def get_quoted_files(wildcards) -> list[str]:
    """The files from which the paper's numbers and tables are read."""
    files = get_paper_files()
    quoted = load_quotations(Path(SOURCES[-1])).quoted.values()
    named = [files.path(quotation.file) for quotation in quoted]
    return list(dict.fromkeys([*named, *needed_files(files.roles, files.cases)]))


def get_paper_record(wildcards, input) -> str:
    """Roles, experiments, analyses, and the rule that makes each file, as JSON."""
    files = get_paper_files()
    made = {
        file: rule.name
        for file in input.files
        for rule in workflow.rules
        if rule.is_producer(file)
    }
    return json.dumps(
        {
            "roles": files.roles,
            "experiments": files.experiments,
            "cases": files.cases,
            "rules": made,
        }
    )


def get_figures_of_all(wildcards) -> list[str]:
    """Every figure of the experiments of the run, and those of the paper."""
    return [
        *(file for file in get_results(wildcards) if "/figures/" in file),
        *get_interpretations(wildcards),
        *get_paper_figures(wildcards).values(),
    ]
