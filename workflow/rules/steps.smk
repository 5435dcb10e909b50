# The rules of all steps in STEPS, which the other files have filled.

for name, entry in STEPS.items():
    code = entry.get("script", name)
    folder = project.script(code).parent.name

    rule:
        name:
            name
        input:
            **entry.get("input", {}),
        output:
            **entry["output"],
        log:
            log_of(name, entry["output"]),
        wildcard_constraints:
            **entry.get("where", {}),
        group:
            batch(entry["group"]) if "group" in entry else None
        localrule: entry.get("local", False)
        conda:
            f"../../envs/{entry.get('environment', 'analysis')}.yaml"
        threads: entry.get("threads", 1)
        resources:
            **entry.get("resources", needs(heavy_memory, long_runtime)),
            **({"turn": 1} if "group" in entry else {}),
        params:
            **{"step": step(code)} | entry.get("params", {}),
        script:
            f"../../scripts/{folder}/{code}.py"
