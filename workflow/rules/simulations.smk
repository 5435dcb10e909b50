# Error rate, coverage and power of the inference, on simulated studies and data sets.

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

STEPS |= {
    simulation: dict(
        output=tables_of_rule(simulation),
        params=dict(
            **{name: of_study(*keys) for name, keys in settings.items()},
            runs=of_study("runs"),
            root_seed=ROOT_SEED,
        ),
        where=dict(study=PLAN.of_kind("simulations")),
        resources=needs(light_memory, long_runtime),
    )
    for simulation, settings in SIMULATIONS.items()
}
STEPS |= {
    "calibrate": dict(
        output=dict(table="results/{study}/calibration/{part}.parquet"),
        params=dict(
            part=lambda wildcards: wildcards.part,
            data_sets=of_study("data_sets"),
            root_seed=ROOT_SEED,
        ),
        where=dict(study=PLAN.of_kind("simulations"), part="|".join(PARTS)),
        resources=needs(light_memory, long_runtime),
    )
}
