rule learn_galaxies:
    input:
        get_galaxy_files,
    output:
        prior="results/physics_ai/diffusion/prior.pt",
        cost="results/physics_ai/diffusion/costs/learn_galaxies.json",
    log:
        "results/physics_ai/diffusion/logs/learn_galaxies/learn_galaxies.log",
    benchmark:
        "results/physics_ai/diffusion/benchmarks/learn_galaxies/learn_galaxies.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=CONFIG.analyses.diffusion.galaxies.model_dump_json(
            exclude={"samples", "offered"}
        ),
        code=code_digest("darksieve.cli.learn_galaxies"),
    message:
        "Prior of galaxies"
    shell:
        "darksieve learn_galaxies --settings {params.settings:q} --threads {threads} --output {output.prior}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule draw_galaxies:
    input:
        rules.learn_galaxies.output.prior,
    output:
        galaxies="results/physics_ai/diffusion/galaxies.npz",
        cost="results/physics_ai/diffusion/costs/draw_galaxies.json",
    log:
        "results/physics_ai/diffusion/logs/draw_galaxies/draw_galaxies.log",
    benchmark:
        "results/physics_ai/diffusion/benchmarks/draw_galaxies/draw_galaxies.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        number=CONFIG.analyses.diffusion.galaxies.offered,
        code=code_digest("darksieve.cli.draw_galaxies"),
    message:
        "Galaxies drawn from their prior"
    shell:
        "darksieve draw_galaxies --prior {input} --number {params.number} --threads {threads}"
        " --output {output.galaxies} --cost {output.cost} 2>&1 | tee {log}"


rule analyse:
    input:
        unpack(get_analysis_inputs),
    output:
        result="results/physics_ai/{analysis}/result.json",
        cost="results/physics_ai/{analysis}/costs/analyse.json",
    log:
        "results/physics_ai/{analysis}/logs/analyse/analyse.log",
    benchmark:
        "results/physics_ai/{analysis}/benchmarks/analyse/analyse.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=get_settings,
        options=get_analysis_options,
        code=get_analysis_code,
    message:
        "Analysis: {wildcards.analysis}"
    shell:
        "darksieve analyse {wildcards.analysis} --settings {params.settings:q} {params.options} --output {output.result}"
        " --cost {output.cost} 2>&1 | tee {log}"


rule analyse_images:
    input:
        unpack(get_image_inputs),
    output:
        result="results/physics_ai/{image_analysis}/{experiment}/result.json",
        cost="results/physics_ai/{image_analysis}/{experiment}/costs/analyse_images.json",
    log:
        "results/physics_ai/{image_analysis}/{experiment}/logs/analyse_images/analyse_images.log",
    benchmark:
        "results/physics_ai/{image_analysis}/{experiment}/benchmarks/analyse_images/analyse_images.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=60,
    params:
        file=get_file,
        store=CONFIG.simulation_store,
        options=get_image_options,
        settings=get_settings,
        depends_on=depends_on("analyse_images"),
        code=get_analysis_code,
    message:
        "Analysis of the images of {wildcards.experiment}: {wildcards.image_analysis}"
    shell:
        "darksieve analyse_images {wildcards.image_analysis} --experiment {params.file} --store {params.store}"
        " --threads {threads} --settings {params.settings:q} {params.options}"
        " --output {output.result} --cost {output.cost} 2>&1 | tee {log}"


rule illustrate:
    input:
        "results/physics_ai/{case}/result.json",
    output:
        pdf="results/physics_ai/{case}/figures/{illustration}.pdf",
        png=report(
            "results/physics_ai/{case}/figures/{illustration}.png",
            caption="../report/illustration.rst",
            category="physics of AI",
            subcategory="{case}",
            labels={"result": "{illustration}"},
        ),
    log:
        "results/physics_ai/{case}/logs/illustrate/{illustration}.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        what=get_illustration,
        code=get_illustration_code,
    message:
        "Figure of {wildcards.case}: {wildcards.illustration}"
    shell:
        "darksieve illustrate {params.what} --result {input} --pdf {output.pdf} --png {output.png} 2>&1 | tee {log}"


rule ising:
    input:
        get_illustrations("ising"),
    localrule: True


rule hopfield:
    input:
        get_illustrations("hopfield"),
    localrule: True


rule boltzmann:
    input:
        get_illustrations("boltzmann"),
    localrule: True


rule memory:
    input:
        get_illustrations("memory"),
    localrule: True


rule arcs:
    input:
        get_illustrations("arcs"),
    localrule: True


rule scinet:
    input:
        get_illustrations(*SCINET),
    localrule: True


rule wide_networks:
    input:
        get_illustrations("wide_networks"),
    localrule: True


rule interacting_theory:
    input:
        get_illustrations("interacting_theory"),
    localrule: True


rule lattice_field:
    input:
        get_illustrations("lattice_field"),
    localrule: True


rule learned_dynamics:
    input:
        get_illustrations("learned_dynamics"),
    localrule: True


rule convergence_theory:
    input:
        get_illustrations("convergence_theory"),
    localrule: True


rule summary_theory:
    input:
        get_illustrations("summary_theory"),
    localrule: True


rule embedding_width:
    input:
        get_illustrations("embedding_width"),
    localrule: True


rule survey:
    input:
        results=[f"results/physics_ai/{case}/result.json" for case in CASES],
        figures=[
            f"results/physics_ai/{case}/figures/{figures.split()[0]}.png"
            for case, figures in CASES.items()
        ],
    output:
        report(
            "results/physics_ai/overview.html",
            caption="../report/overview.rst",
            category="physics of AI",
        ),
    log:
        "results/physics_ai/logs/survey/survey.log",
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cases=list(CASES),
        code=code_digest("darksieve.cli.survey"),
    message:
        "Overview of the physics of AI"
    shell:
        "darksieve survey --cases {params.cases} --results {input.results} --figures {input.figures}"
        " --output {output} 2>&1 | tee {log}"


rule diffusion:
    input:
        get_illustrations(*DIFFUSION),
    localrule: True


rule physics_ai:
    input:
        get_illustrations(*ANALYSES, *IMAGE_ANALYSES),
        "results/physics_ai/overview.html",
        "results/physics_ai/provenance.json",
    localrule: True
