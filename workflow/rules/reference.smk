rule refer:
    input:
        data=get_data_files,
        observation="results/{experiment}/observation.h5",
    output:
        samples="results/{experiment}/reference/{method}.h5",
        cost="results/{experiment}/costs/refer/{method}.json",
    log:
        "results/{experiment}/logs/refer/{method}.log",
    benchmark:
        "results/{experiment}/benchmarks/refer/{method}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        file=get_file,
        depends_on=depends_on("refer"),
    message:
        "Reference posterior of {wildcards.experiment} by {wildcards.method}"
    shell:
        "darksieve refer --experiment {params.file} --threads {threads} --method {wildcards.method}"
        " --observation {input.observation} --output {output.samples}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule compare:
    input:
        posterior="results/{experiment}/posterior.h5",
        references=get_references,
    output:
        verdict="results/{experiment}/diagnostics/reference.json",
        cost="results/{experiment}/costs/compare/compare.json",
    log:
        "results/{experiment}/logs/compare/compare.log",
    benchmark:
        "results/{experiment}/benchmarks/compare/compare.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code_digest("darksieve.cli.compare"),
    message:
        "Comparison of {wildcards.experiment} with its references"
    shell:
        "darksieve compare --posterior {input.posterior} --references {input.references}"
        " --output {output.verdict} --cost {output.cost} 2>&1 | tee {log}"


rule rank:
    input:
        references=get_alternatives("reference/nested.h5"),
        observations=get_alternatives("observation.h5"),
    output:
        record="results/alternatives/{alternatives}.json",
        table="results/alternatives/{alternatives}.txt",
        cost="results/alternatives/costs/rank/{alternatives}.json",
    log:
        "results/alternatives/logs/rank/{alternatives}.log",
    benchmark:
        "results/alternatives/benchmarks/rank/{alternatives}.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiments=lambda wildcards: CONFIG.alternatives[wildcards.alternatives],
        code=code_digest("darksieve.cli.rank"),
    message:
        "Evidences of {wildcards.alternatives}"
    shell:
        "darksieve rank --experiments {params.experiments} --references {input.references}"
        " --observations {input.observations} --output {output.record} --table {output.table}"
        " --cost {output.cost} 2>&1 | tee {log}"
