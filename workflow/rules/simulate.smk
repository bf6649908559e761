rule clean_store:
    log:
        "results/logs/clean_store.log",
    localrule: True
    params:
        store=CONFIG.simulation_store,
        experiments=[os.path.relpath(e.path) for e in EXPERIMENTS.values()],
        really="--really" if CONFIG.remove else "",
    message:
        "Simulations that no experiment in config needs; `--config remove=true` removes them"
    shell:
        "darksieve store clean {params.store} --experiments {params.experiments} {params.really} 2>&1 | tee {log}"


rule plan:
    input:
        prior="results/{experiment}/prior.json",
        data=get_data_files,
        box=get_box_before,
    output:
        plan="results/{experiment}/{draw}/plan.json",
        cost="results/{experiment}/costs/plan/{draw}.json",
    log:
        "results/{experiment}/logs/plan/{draw}.log",
    priority: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        options=get_options_before,
        depends_on=depends_on("plan"),
    message:
        "Plan of the simulations of {wildcards.experiment}, {wildcards.draw}"
    shell:
        "darksieve plan --experiment {params.file} --prior {input.prior} --store {params.store} {params.options}"
        " --draw {wildcards.draw} --output {output.plan} --cost {output.cost} 2>&1 | tee {log}"


rule simulate:
    input:
        data=get_data_files,
        plan="results/{experiment}/{draw}/plan.json",
    output:
        manifest="results/{experiment}/{draw}/shard-{shard}.json",
        cost="results/{experiment}/costs/simulate/{draw}-shard-{shard}.json",
    log:
        "results/{experiment}/logs/simulate/{draw}-shard-{shard}.log",
    benchmark:
        "results/{experiment}/benchmarks/simulate/{draw}-shard-{shard}.tsv"
    priority: 1
    threads: 1
    resources:
        gpu=get_simulation_gpus,
        mem_mb=get_simulation_memory,
        runtime=get_simulation_minutes,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        depends_on=depends_on("simulate"),
    message:
        "Simulations of {wildcards.experiment}, {wildcards.draw}, shard {wildcards.shard}"
    shell:
        "trap '' TERM USR1; darksieve simulate --experiment {params.file} --store {params.store} --threads {threads}"
        " --plan {input.plan} --shard {wildcards.shard} --output {output.manifest} --cost {output.cost} 2>&1 | tee {log}"
