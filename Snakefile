# Truncated marginal neural ratio estimation, from an observation to its posterior and its figures.
from snakemake.utils import min_version

min_version("9.19")


configfile: "config/config.yaml"


# Users who run in containers may choose the operating system; the Python environment is requirements.lock.
container: "docker://python:3.11-slim"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/rounds.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/figure_inputs.smk"
include: "workflow/rules/observe.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/infer.smk"
include: "workflow/rules/diagnose.smk"
include: "workflow/rules/reference.smk"
include: "workflow/rules/account.smk"
include: "workflow/rules/interpret.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/analyses.smk"
include: "workflow/rules/physics_ai.smk"
include: "workflow/rules/paper_inputs.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/publish_inputs.smk"
include: "workflow/rules/publish.smk"


rule all:
    default_target: True
    input:
        get_results,
        "results/demanded.json" if CONFIG.strict else [],
    localrule: True


onsuccess:
    show_summaries()
