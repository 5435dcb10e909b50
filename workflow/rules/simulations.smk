# Error rate, coverage and power of the bias index, on simulated studies.

# Rule and script -> params and where in the study's config they are.
SIMULATIONS = {
    "simulate_null": {
        "attributes": ["attributes"],
        "groups": ["groups"],
        "images": ["samples"],
        "resamples": ["resamples"],
    },
    "simulate_coverage": {
        "images": ["samples"],
        "members": ["members"],
        "resamples": ["resamples"],
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
