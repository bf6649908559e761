rule simulate:
    input:
        data=get_data_files,
        box=get_box_before,
    output:
        "results/{experiment}/{draw}/shard-{shard}.json",
    log:
        "results/{experiment}/logs/simulate/{draw}-shard-{shard}.log",
    benchmark:
        "results/{experiment}/benchmarks/simulate/{draw}-shard-{shard}.tsv"
    priority: 1
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        options=get_options_before,
        purpose=get_purpose,
        rows=get_rows,
        depends_on=depends_on("simulate"),
    message:
        "Simulations of {wildcards.experiment}, {wildcards.draw}, shard {wildcards.shard}: {params.rows}"
    shell:
        "darksieve simulate --experiment {params.file} --store {params.store} --threads {threads} {params.options}"
        " --purpose {params.purpose} --shard {wildcards.shard} --output {output} 2>&1 | tee {log}"
