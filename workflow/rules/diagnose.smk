rule audit:
    input:
        boxes=get_boxes,
    output:
        verdict="results/{experiment}/diagnostics/truncation.json",
        cost="results/{experiment}/costs/audit/audit.json",
    log:
        "results/{experiment}/logs/audit/audit.log",
    priority: 1
    localrule: True
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


rule spread:
    input:
        profiles=get_profiles,
    output:
        spread="results/{experiment}/diagnostics/spread.json",
        cost="results/{experiment}/costs/spread/spread.json",
    log:
        "results/{experiment}/logs/spread/spread.log",
    priority: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("darksieve.cli.spread"),
    message:
        "Spread of the ensemble of {wildcards.experiment}"
    shell:
        "darksieve spread --profiles {input.profiles} --output {output.spread} --cost {output.cost} 2>&1 | tee {log}"


rule calibrate:
    input:
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/test/plan.json",
        manifests=get_manifests,
    output:
        coverage="results/{experiment}/diagnostics/coverage.json",
        ranks="results/{experiment}/diagnostics/ranks.json",
        dependence="results/{experiment}/diagnostics/dependence.json",
        average="results/{experiment}/diagnostics/average.json",
        normalisation="results/{experiment}/diagnostics/normalisation.json",
        balance="results/{experiment}/diagnostics/balance.json",
        effective="results/{experiment}/diagnostics/effective.json",
        misspecification="results/{experiment}/diagnostics/misspecification.json",
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
        manifests=get_manifest_arguments,
        depends_on=depends_on("calibrate"),
    message:
        "Calibration of {wildcards.experiment}"
    shell:
        "darksieve calibrate --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {params.manifests}"
        " --coverage {output.coverage} --ranks {output.ranks} --dependence {output.dependence}"
        " --average {output.average} --normalisation {output.normalisation} --balance {output.balance}"
        " --effective {output.effective} --misspecification {output.misspecification}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule calibrate_joint:
    input:
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/test/plan.json",
        manifests=get_manifests,
    output:
        joint="results/{experiment}/diagnostics/joint.json",
        local="results/{experiment}/diagnostics/local.json",
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
        manifests=get_manifest_arguments,
        depends_on=depends_on("calibrate_joint"),
    message:
        "Calibration of the joint posterior of {wildcards.experiment}"
    shell:
        "darksieve calibrate_joint --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {params.manifests}"
        " --joint {output.joint} --local {output.local} --cost {output.cost} 2>&1 | tee {log}"


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


rule combine:
    input:
        data=get_combined_files,
        estimator=get_estimator,
        observation="results/{experiment}/observation.h5",
        plan=get_last_plan,
        manifests=get_last_manifests,
    output:
        combined="results/{experiment}/combined.h5",
        summary="results/{experiment}/diagnostics/combination.json",
        cost="results/{experiment}/costs/combine/combine.json",
    log:
        "results/{experiment}/logs/combine/combine.log",
    benchmark:
        "results/{experiment}/benchmarks/combine/combine.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=get_training_memory,
        runtime=60,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        manifests=get_manifest_arguments,
        depends_on=depends_on("combine"),
    message:
        "Combined posterior of the observations of {wildcards.experiment}"
    shell:
        "darksieve combine --experiment {params.file} --store {params.store} --threads {threads}"
        " --estimator {input.estimator} --observation {input.observation}"
        " --plan {input.plan} --manifests {params.manifests} --output {output.combined} --summary {output.summary}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule judge:
    input:
        get_diagnostics,
    output:
        "results/{experiment}/verdict.json",
    log:
        "results/{experiment}/logs/judge/judge.log",
    priority: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("darksieve.cli.judge"),
    message:
        "Verdict on {wildcards.experiment}"
    shell:
        "darksieve judge --diagnostics {input} --output {output} 2>&1 | tee {log}"


rule demand:
    input:
        verdicts=collect("results/{experiment}/verdict.json", experiment=RUN),
        results=get_results,
    output:
        "results/demanded.json",
    log:
        "results/logs/demand.log",
    localrule: True
    params:
        code=code_digest("darksieve.cli.demand"),
    message:
        "Whether any diagnostic says no"
    shell:
        "darksieve demand --verdicts {input.verdicts} --output {output} 2>&1 | tee {log}"
