# The rules of all steps in STEPS, which the other files have filled.

for name, its in STEPS.items():
    code = its.get("script", name)
    folder = project.script(code).parent.name

    rule:
        name:
            name
        input:
            **its.get("input", {}),
        output:
            **its["output"],
        log:
            log_of(name, its["output"]),
        wildcard_constraints:
            **its.get("where", {}),
        group:
            batch(its["group"]) if "group" in its else None
        localrule: its.get("local", False)
        conda:
            f"../../envs/{its.get('environment', 'analysis')}.yaml"
        threads: its.get("threads", 1)
        resources:
            **its.get("resources", needs(heavy_memory, long_runtime)),
            **({"turn": 1} if "group" in its else {}),
        params:
            **{"step": step(code)} | its.get("params", {}),
        script:
            f"../../scripts/{folder}/{code}.py"
