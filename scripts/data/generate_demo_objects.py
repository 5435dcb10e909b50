from latent_microscope.io.artefacts import save_bytes, save_npy
from latent_microscope.seeds import rng
from latent_microscope.step import Out, run
from latent_microscope.synthetic.objects_demo import draw_split, draw_votes, parquet_bytes


def main(
    *,
    train: Out,
    test: Out,
    counts: Out,
    probabilities: Out,
    train_per_class: int = 60,
    test_per_class: int = 20,
    root_seed: int = 0,
) -> None:
    """Draw the demo's ten classes of objects and simulate votes of annotators on them.

    train: .parquet, columns img {bytes, path} and label.
    test: .parquet, the same.
    counts: .npy int64 (n, 10), 47 to 63 simulated votes per test image.
    probabilities: .npy float64 (n, 10), which the votes were drawn from.
    train_per_class: train images of each of the ten classes.
    test_per_class: test images of each of the ten classes.
    """
    parts = ((train, "train", train_per_class), (test, "test", test_per_class))
    for path, split, size in parts:
        images, labels, difficulty = draw_split(size, rng(root_seed, "generate_demo_objects", split))
        save_bytes(path, parquet_bytes(images, labels, split))
    votes, truth = draw_votes(labels, difficulty, rng(root_seed, "generate_demo_objects", "votes"))
    save_npy(counts, votes)
    save_npy(probabilities, truth)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
