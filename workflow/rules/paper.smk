rule quote:
    input:
        numbers=SOURCES[-1],
        files=get_quoted_files,
    output:
        numbers="results/paper/numbers.json",
        costs="results/paper/costs.json",
    log:
        "results/paper/logs/quote/quote.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        files=get_paper_record,
        code=code_digest("darksieve.cli.quote"),
    message:
        "Numbers of the paper"
    shell:
        "darksieve quote --numbers {input.numbers} --files {params.files:q}"
        " --output {output.numbers} --costs {output.costs} 2>&1 | tee {log}"


rule typeset:
    input:
        sources=SOURCES[:-1],
        numbers="results/paper/numbers.json",
        costs="results/paper/costs.json",
        figures=get_figure_files,
    output:
        pdf=report(
            "results/paper/paper.pdf", caption="../report/paper.rst", category="paper"
        ),
        pages=directory("results/paper/pages"),
    log:
        "results/paper/logs/typeset/typeset.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        names=get_figure_names,
        code=code_digest("darksieve.cli.typeset"),
    message:
        "The paper"
    shell:
        "darksieve typeset --sources {input.sources} {input.numbers} {input.costs} --names {params.names}"
        " --figures {input.figures} --output {output.pdf} --pages {output.pages} 2>&1 | tee {log}"


rule figures:
    input:
        get_figures_of_all,
    localrule: True


rule paper:
    input:
        "results/paper/paper.pdf",
        "results/paper/numbers.json",
        "results/paper/costs.json",
        get_quoted_files,  # so that one that was deleted is made anew
        get_figure_files,
    localrule: True
