# Tables of a study, as declared: mean and standard deviation over seeds, baselines, published values.

for table in [declared for declared in registry.tables() if declared.function]:

    rule:
        name:
            table.rule
        input:
            **PLAN.all_of(table.inputs),
        output:
            **tables_of_rule(table.rule),
            **table.more,
        log:
            f"{LOG}/{table.rule}.log",
        wildcard_constraints:
            study=PLAN.where(partial(tables.is_made, table)),
        group:
            batch("tables") if table.heavy else None
        localrule: not table.heavy
        conda:
            "../../envs/analysis.yaml"
        threads: THREADS if table.threads else 1
        resources:
            **needs(heavy_memory if table.heavy else light_memory, batched=table.heavy),
        params:
            **PLAN.all_of(table.params),
            step=step("tabulate", declared=("tables", table.rule)),
        script:
            "../../scripts/tables/tabulate.py"
