rule plot:
    input:
        unpack(get_figure_inputs),
    output:
        pdf="results/{experiment}/figures/{figure}.pdf",
        png=report(
            "results/{experiment}/figures/{figure}.png",
            caption="../report/figure.rst",
            category="{experiment}",
            labels={"result": "{figure}"},
        ),
    log:
        "results/{experiment}/logs/plot/{figure}.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        options=get_figure_options,
        code=code_digest("darksieve.cli.plot"),
    message:
        "Figure of {wildcards.experiment}: {wildcards.figure}"
    shell:
        "darksieve plot {wildcards.figure} {params.options} --pdf {output.pdf} --png {output.png} 2>&1 | tee {log}"
