# Functions of quality.smk: paths, params and lists by study.


def attribute_file(wildcards):
    """The attributes as 0/1 columns; none where a study has none."""
    known = "attributes" in parts_of(wildcards.study)
    return f"results/{wildcards.study}/data/attributes.parquet" if known else []


def images_if_any(wildcards):
    return encoded_images(wildcards) if "images" in parts_of(wildcards.study) else []


def study_images(wildcards):
    """The encoded images of a study whose VAEs all see the same ones."""
    folder = "data/test" if STUDIES[wildcards.study]["kind"] == "alignment" else "data"
    return f"results/{wildcards.study}/{folder}/images.npy"


def study_samples(wildcards):
    return str(Path(study_images(wildcards)).parent / "samples.parquet")


def list_lengths(wildcards):
    lists = STUDIES[wildcards.study]["lists"]
    return {name: lists[name] for name in ("creative", "stereotypes")}
