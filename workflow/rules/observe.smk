rule download:
    output:
        "data/observations/{file}",
    log:
        "results/logs/download/{file}.log",
    wildcard_constraints:
        file="|".join(map(re.escape, REGISTRY)),
    localrule: True
    params:
        sha256=get_sha256,
        mirror=get_mirror,
    message:
        "Getting {wildcards.file}"
    shell:
        "darksieve download {wildcards.file} --output {output} {params.mirror} 2>&1 | tee {log}"


rule declare:
    input:
        data=get_data_files,
    output:
        prior="results/{experiment}/prior.json",
        cost="results/{experiment}/costs/declare/declare.json",
    log:
        "results/{experiment}/logs/declare/declare.log",
    priority: 2
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        file=get_file,
        depends_on=depends_on("declare"),
    message:
        "Parameters of {wildcards.experiment}"
    shell:
        "darksieve declare --experiment {params.file} --output {output.prior} --cost {output.cost} 2>&1 | tee {log}"


rule observe:
    input:
        data=get_data_files,
    output:
        observation="results/{experiment}/observation.h5",
        cost="results/{experiment}/costs/observe/observe.json",
    log:
        "results/{experiment}/logs/observe/observe.log",
    benchmark:
        "results/{experiment}/benchmarks/observe/observe.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        file=get_file,
        depends_on=depends_on("observe"),
    message:
        "Observation of {wildcards.experiment}"
    shell:
        "darksieve observe --experiment {params.file} --output {output.observation} --cost {output.cost} 2>&1 | tee {log}"
