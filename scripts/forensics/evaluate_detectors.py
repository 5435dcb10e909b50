"""Measure how well each score finds the authentic samples of the synthetic ground truth."""

from latent_microscope.forensics.evaluation import detector_scores, detector_table
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import joined
from latent_microscope.step import In, Out, run


def main(*, scores: In, samples: In, detection: Out) -> None:
    """Evaluate each score as a detector of authentic samples.

    A higher score always means "more authentic"; where a low value is the mark (neighbours, norm)
    the negated score is used and named so. Authentic samples are the positives; interpolations are
    the positives, of the negated score, in average_precision_interpolations.

    Args:
        scores: .parquet of all scores, one row a sample.
        samples: .parquet with id and authentic (boolean), the ground truth.
        detection: .parquet, one row a detector: detector, roc_auc, average_precision,
            average_precision_interpolations, f1 (NaN for a detector without a mask), prevalence.
    """
    table = joined(scores, samples, ([], ["authentic"]))
    truth = table["authentic"].to_numpy(dtype=bool)
    masks = {"detect_authentic": table["detected"].to_numpy(dtype=bool)}
    save_table(detection, detector_table(detector_scores(table), masks, truth))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
