# Figures of a study, as declared: PNG for screens, PDF for print.

for figure in registry.figures():

    rule:
        name:
            f"plot_{figure.name}"
        input:
            **PLAN.all_of(figure.inputs),
        output:
            png=alone(
                [
                    shown(
                        figures.path(figure, file),
                        "figures",
                        figure,
                        figure.category,
                        figures.labels(figure, title),
                    )
                    for file, title in figure.titles.items()
                ]
            ),
            pdf=alone([figures.path(figure, file, "pdf") for file in figure.titles]),
        log:
            figures.log(figure),
        wildcard_constraints:
            study=PLAN.where(partial(figures.is_drawn, figure)),
        group:
            batch("figures")
        conda:
            f"../../envs/{figure.environment}.yaml"
        resources:
            **needs(MEMORY[figure.memory], batched=True),
        params:
            **PLAN.all_of(figure.params),
            step=step("plot", declared=("figures", figure.name)),
            title=ask(runs.title),
            style=ask(lambda study, at: CONFIG["figures"] | study.words),
        script:
            "../../scripts/figures/plot.py"
