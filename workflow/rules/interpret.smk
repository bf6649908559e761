rule probe:
    input:
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/test/plan.json",
        manifests=get_manifests,
    output:
        record="results/{experiment}/interpret/summary_space.json",
        cost="results/{experiment}/interpret/costs/probe.json",
    log:
        "results/{experiment}/logs/probe/probe.log",
    benchmark:
        "results/{experiment}/benchmarks/probe/probe.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        manifests=get_manifest_arguments,
        depends_on=depends_on("probe"),
    message:
        "Summary space of {wildcards.experiment}"
    shell:
        "darksieve probe --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {params.manifests}"
        " --output {output.record} --cost {output.cost} 2>&1 | tee {log}"


rule attribute:
    input:
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/test/plan.json",
        manifests=get_manifests,
    output:
        record="results/{experiment}/interpret/attribution.json",
        cost="results/{experiment}/interpret/costs/attribute.json",
    log:
        "results/{experiment}/logs/attribute/attribute.log",
    benchmark:
        "results/{experiment}/benchmarks/attribute/attribute.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        manifests=get_manifest_arguments,
        depends_on=depends_on("attribute"),
    message:
        "Attribution of the marginals of {wildcards.experiment}"
    shell:
        "darksieve attribute --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {params.manifests}"
        " --output {output.record} --cost {output.cost} 2>&1 | tee {log}"


rule detect:
    input:
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/test/plan.json",
        manifests=get_manifests,
        training_plan=get_last_plan,
        training_manifests=get_last_manifests,
    output:
        record="results/{experiment}/interpret/subhalo.json",
        cost="results/{experiment}/interpret/costs/detect.json",
    log:
        "results/{experiment}/logs/detect/detect.log",
    benchmark:
        "results/{experiment}/benchmarks/detect/detect.tsv"
    threads: get_training_threads
    resources:
        mem_mb=get_training_memory,
        runtime=get_training_minutes,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        round=get_last_round,
        manifests=get_manifest_arguments,
        training_manifests=lambda wildcards, input: as_arguments(
            input.training_manifests
        ),
        depends_on=depends_on("detect"),
    message:
        "Subhalo of {wildcards.experiment}"
    shell:
        "darksieve detect --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {params.manifests} --round {params.round}"
        " --training-plan {input.training_plan} --training-manifests {params.training_manifests}"
        " --output {output.record} --cost {output.cost} 2>&1 | tee {log}"


rule interpret:
    input:
        get_interpretations,
    localrule: True
