# Error rate, coverage and power of the bias index, on simulated studies.

# Rule and script -> params and where in the study's config they are.
SIMULATIONS = {
    "simulate_null": {
        "attributes": ["attributes"],
        "groups": ["groups"],
        "images": ["samples"],
    },
    "simulate_coverage": {
        "images": ["samples"],
        "members": ["members"],
    },
    "simulate_power": {
        "attributes": ["attributes"],
        "images": ["power", "samples"],
        "members": ["power", "members"],
        "odds_ratios": ["power", "odds_ratios"],
        "prevalences": ["power", "prevalences"],
    },
}

for simulation, settings in SIMULATIONS.items():

    rule:
        name:
            simulation
        output:
            **tables_of_rule(simulation),
        log:
            f"{LOG}/{simulation}.log",
        wildcard_constraints:
            study=PLAN.of_kind("simulations"),
        conda:
            "../../envs/analysis.yaml"
        resources:
            **needs(light_memory, long_runtime),
        params:
            **{name: of_study(*keys) for name, keys in settings.items()},
            step=step(simulation),
            runs=of_study("runs"),
            root_seed=ROOT_SEED,
        script:
            f"../../scripts/forensics/{simulation}.py"
