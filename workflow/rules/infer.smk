rule train:
    input:
        observation="results/{experiment}/observation.h5",
        plan="results/{experiment}/round-{round}/plan.json",
        manifests=get_manifests,
        box=get_box_before,
        start=get_estimator_before,
    output:
        estimator="results/{experiment}/round-{round}/estimator.pt",
        profiles="results/{experiment}/round-{round}/profiles.npz",
        history="results/{experiment}/round-{round}/history.csv",
        cost="results/{experiment}/costs/train/round-{round}.json",
    log:
        "results/{experiment}/logs/train/round-{round}.log",
    benchmark:
        "results/{experiment}/benchmarks/train/round-{round}.tsv"
    priority: 1
    threads: get_training_threads
    resources:
        mem_mb=get_training_memory,
        runtime=get_training_minutes,
        gpu=1,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        options=get_options_before,
        manifests=get_manifest_arguments,
        depends_on=depends_on("train"),
    message:
        "Training of {wildcards.experiment}, round {wildcards.round}"
    shell:
        "trap '' TERM USR1; darksieve train --experiment {params.file} --store {params.store} {params.options}"
        " --observation {input.observation} --round {wildcards.round}"
        " --plan {input.plan} --manifests {params.manifests}"
        " --estimator {output.estimator} --profiles {output.profiles} --history {output.history}"
        " --cost {output.cost} 2>&1 | tee {log}"


checkpoint truncate:
    input:
        prior="results/{experiment}/prior.json",
        profiles="results/{experiment}/round-{round}/profiles.npz",
        box=get_box_before,
        before=get_profiles_before,
    output:
        box="results/{experiment}/round-{round}/box.json",
        cost="results/{experiment}/costs/truncate/round-{round}.json",
    log:
        "results/{experiment}/logs/truncate/round-{round}.log",
    benchmark:
        "results/{experiment}/benchmarks/truncate/round-{round}.tsv"
    priority: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        file=get_file,
        options=get_options_before,
        depends_on=depends_on("truncate"),
    message:
        "Truncation of {wildcards.experiment}, round {wildcards.round}"
    shell:
        "darksieve truncate --experiment {params.file} --prior {input.prior} --profiles {input.profiles} {params.options}"
        " --round {wildcards.round} --output {output.box} --cost {output.cost} 2>&1 | tee {log}"


rule sample:
    input:
        estimator=get_estimator,
        plans=get_plans,
        observation="results/{experiment}/observation.h5",
    output:
        posterior="results/{experiment}/posterior.h5",
        cost="results/{experiment}/costs/sample/sample.json",
    log:
        "results/{experiment}/logs/sample/sample.log",
    benchmark:
        "results/{experiment}/benchmarks/sample/sample.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        file=get_file,
        depends_on=depends_on("sample"),
    message:
        "Posterior of {wildcards.experiment}"
    shell:
        "darksieve sample --experiment {params.file} --threads {threads} --estimator {input.estimator}"
        " --observation {input.observation} --plans {input.plans} --output {output.posterior}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule summarise:
    input:
        unpack(get_extras),
        posterior="results/{experiment}/posterior.h5",
        observation="results/{experiment}/observation.h5",
        boxes=get_boxes,
        verdict="results/{experiment}/verdict.json",
        energy="results/{experiment}/energy.json",
    output:
        report(
            "results/{experiment}/summary.txt",
            caption="../report/summary.rst",
            category="{experiment}",
            labels={"result": "summary"},
        ),
    log:
        "results/{experiment}/logs/summarise/summarise.log",
    priority: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        extras=get_extra_options,
        code=code_digest("darksieve.cli.summarise"),
    message:
        "Summary of {wildcards.experiment}"
    shell:
        "darksieve summarise --posterior {input.posterior} --observation {input.observation} --boxes {input.boxes}"
        " --verdict {input.verdict} --energy {input.energy} {params.extras} --output {output} 2>&1 | tee {log}"
