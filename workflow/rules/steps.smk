# The rules of all steps in STEPS, which the other files have filled. Snakemake evaluates the path of a script again when
# a job runs, and then has the rule's name, but no other variable of the loop: it must follow from `rule` alone.

STEP, LOCAL = needs(heavy_memory, long_runtime), needs(light_memory)

for rule, entry in STEPS.items():

    rule:
        name:
            rule
        input:
            **entry.get("input", {}),
        output:
            **entry["output"],
        log:
            entry.get("log", log_of(rule, entry["output"])),
        wildcard_constraints:
            **entry.get("where", {}),
        group:
            batch(entry["group"]) if "group" in entry else None
        localrule: entry.get("local", False)
        conda:
            f"../../envs/{entry.get('environment', 'analysis')}.yaml"
        threads: entry.get("threads", 1)
        resources:
            **entry.get("resources", LOCAL if "local" in entry else STEP),
            **({"turn": 1} if "group" in entry else {}),
        params:
            **{"step": step(code_of(rule))} | entry.get("params", {}),
        script:
            f"../../scripts/{project.script(code_of(rule)).parent.name}/{code_of(rule)}.py"
