rule attest:
    input:
        unpack(get_attested),
    output:
        "results/{attested}/provenance.json",
    log:
        "results/{attested}/logs/attest/attest.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        experiment=get_attested_experiment,
        jobs=get_jobs,
        code=code_digest("darksieve.cli.attest"),
    message:
        "Where the results in results/{wildcards.attested} come from"
    shell:
        "darksieve attest {params.experiment} --jobs {params.jobs:q} --output {output} 2>&1 | tee {log}"


rule report:
    input:
        unpack(get_report_inputs),
    output:
        "results/{experiment}/report.html",
    log:
        "results/{experiment}/logs/report/report.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        file=get_file,
        options=get_report_options,
        code=code_digest("darksieve.cli.report"),
    message:
        "Report of {wildcards.experiment}"
    shell:
        "darksieve report --experiment {params.file} {params.options} --output {output} 2>&1 | tee {log}"


rule pack:
    input:
        posterior="results/{experiment}/posterior.h5",
        provenance="results/{experiment}/provenance.json",
        results=get_packed_results,
    output:
        "results/{experiment}/archive.zip",
    log:
        "results/{experiment}/logs/pack/pack.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        file=get_file,
        inputs=["config/config.yaml", "requirements.lock"],
        code=code_digest("darksieve.cli.pack"),
    message:
        "Archive of {wildcards.experiment}"
    shell:
        "darksieve pack --experiment {params.file} --inputs {params.inputs} --provenance {input.provenance}"
        " --posterior {input.posterior} --results {input.results} --output {output} 2>&1 | tee {log}"


rule archive:
    input:
        collect("results/{experiment}/archive.zip", experiment=RUN),
    localrule: True
