rule account:
    input:
        get_costs,
    output:
        table="results/{experiment}/energy.csv",
        sums="results/{experiment}/energy.json",
    log:
        "results/{experiment}/logs/account/account.log",
    benchmark:
        "results/{experiment}/benchmarks/account/account.tsv"
    priority: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        costs=get_cost_arguments,
        watts_per_core=CONFIG.energy.watts_per_core,
        watts_per_gpu=CONFIG.energy.watts_per_gpu,
        code=code_digest("darksieve.cli.account"),
    message:
        "Time and energy of {wildcards.experiment}"
    shell:
        "darksieve account --costs {params.costs} --watts-per-core {params.watts_per_core} --watts-per-gpu {params.watts_per_gpu}"
        " --table {output.table} --output {output.sums} 2>&1 | tee {log}"
