rule audit:
    input:
        boxes=get_boxes,
    output:
        verdict="results/{experiment}/diagnostics/truncation.json",
        cost="results/{experiment}/costs/audit/audit.json",
    log:
        "results/{experiment}/logs/audit/audit.log",
    priority: 1
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("darksieve.cli.audit"),
    message:
        "Audit of the truncations of {wildcards.experiment}"
    shell:
        "darksieve audit --boxes {input.boxes} --output {output.verdict} --cost {output.cost} 2>&1 | tee {log}"


rule calibrate:
    input:
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/test/plan.json",
        manifests=get_manifests,
    output:
        coverage="results/{experiment}/diagnostics/coverage.json",
        ranks="results/{experiment}/diagnostics/ranks.json",
        normalisation="results/{experiment}/diagnostics/normalisation.json",
        cost="results/{experiment}/costs/calibrate/calibrate.json",
    log:
        "results/{experiment}/logs/calibrate/calibrate.log",
    benchmark:
        "results/{experiment}/benchmarks/calibrate/calibrate.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        depends_on=depends_on("calibrate"),
    message:
        "Calibration of {wildcards.experiment}"
    shell:
        "darksieve calibrate --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {input.manifests}"
        " --coverage {output.coverage} --ranks {output.ranks} --normalisation {output.normalisation}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule calibrate_joint:
    input:
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/test/plan.json",
        manifests=get_manifests,
    output:
        verdict="results/{experiment}/diagnostics/joint.json",
        cost="results/{experiment}/costs/calibrate_joint/calibrate_joint.json",
    log:
        "results/{experiment}/logs/calibrate_joint/calibrate_joint.log",
    benchmark:
        "results/{experiment}/benchmarks/calibrate_joint/calibrate_joint.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        depends_on=depends_on("calibrate_joint"),
    message:
        "Calibration of the joint posterior of {wildcards.experiment}"
    shell:
        "darksieve calibrate_joint --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {input.manifests} --output {output.verdict}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule predict:
    input:
        posterior="results/{experiment}/posterior.h5",
        observation="results/{experiment}/observation.h5",
    output:
        predictive="results/{experiment}/diagnostics/predictive.h5",
        summary="results/{experiment}/diagnostics/predictive.json",
        cost="results/{experiment}/costs/predict/predict.json",
    log:
        "results/{experiment}/logs/predict/predict.log",
    benchmark:
        "results/{experiment}/benchmarks/predict/predict.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        file=get_file,
        depends_on=depends_on("predict"),
    message:
        "Posterior-predictive check of {wildcards.experiment}"
    shell:
        "darksieve predict --experiment {params.file} --threads {threads} --posterior {input.posterior}"
        " --observation {input.observation} --output {output.predictive} --summary {output.summary}"
        " --cost {output.cost} 2>&1 | tee {log}"
