# Error rate, coverage and power of the bias index, on simulated studies.


rule simulate_null:
    output:
        **tables_of_rule("simulate_null"),
    log:
        f"{LOG}/simulate_null.log",
    wildcard_constraints:
        study=PLAN.of_kind("simulations"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory, long_runtime),
    params:
        step=step("simulate_null"),
        runs=of_study("runs"),
        images=of_study("samples"),
        attributes=of_study("attributes"),
        groups=of_study("groups"),
        resamples=of_study("resamples"),
        seed=SEED,
    script:
        "../../scripts/forensics/simulate_null.py"


rule simulate_coverage:
    output:
        **tables_of_rule("simulate_coverage"),
    log:
        f"{LOG}/simulate_coverage.log",
    wildcard_constraints:
        study=PLAN.of_kind("simulations"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory, long_runtime),
    params:
        step=step("simulate_coverage"),
        runs=of_study("runs"),
        images=of_study("samples"),
        members=of_study("members"),
        resamples=of_study("resamples"),
        seed=SEED,
    script:
        "../../scripts/forensics/simulate_coverage.py"


rule simulate_power:
    output:
        **tables_of_rule("simulate_power"),
    log:
        f"{LOG}/simulate_power.log",
    wildcard_constraints:
        study=PLAN.of_kind("simulations"),
    conda:
        "../../envs/analysis.yaml"
    resources:
        **needs(light_memory, long_runtime),
    params:
        step=step("simulate_power"),
        runs=of_study("runs"),
        images=of_study("power", "samples"),
        members=of_study("power", "members"),
        odds_ratios=of_study("power", "odds_ratios"),
        prevalences=of_study("power", "prevalences"),
        attributes=of_study("attributes"),
        seed=SEED,
    script:
        "../../scripts/forensics/simulate_power.py"
