# Power of the bias tests on simulated studies, and every method of inference on data sets of a known truth.

STEPS |= {
    "simulate_power": dict(
        output=tables_of_rule("simulate_power"),
        params=dict(
            **{name: of_study(name) for name in ("runs", "attributes")},
            **section("power", "members", "odds_ratios", "prevalences"),
            images=of_study("power", "samples"),
            root_seed=ROOT_SEED,
        ),
        where=dict(study=PLAN.of_kind("simulations")),
        resources=needs(light_memory, long_runtime),
    ),
    "calibrate": dict(
        output=dict(table="results/{study}/calibration/{part}.parquet"),
        params=dict(
            part=lambda wildcards: wildcards.part,
            data_sets=of_study("data_sets"),
            root_seed=ROOT_SEED,
        ),
        where=dict(study=PLAN.of_kind("simulations"), part="|".join(PARTS)),
        resources=needs(light_memory, long_runtime),
    ),
}
