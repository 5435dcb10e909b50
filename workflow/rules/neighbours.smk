# Nearest neighbours of standardised latents, from which the plane and the clusters start.


rule find_neighbours:
    input:
        latents=f"{B}/latents.npy",
    output:
        neighbours=f"{B}/neighbours.npy",
        distances=f"{B}/neighbour-distances.npy",
    log:
        f"{LOG}/find_neighbours-{{view}}-seed{{seed}}.log",
    conda:
        "../../envs/analysis.yaml"
    threads: CONFIG["numeric_threads"]
    resources:
        mem_mb=heavy_memory,
        runtime=long_runtime,
    params:
        step=step("find_neighbours"),
        wanted=of_study("clusters", "neighbors"),
    script:
        "../../scripts/forensics/find_neighbours.py"
