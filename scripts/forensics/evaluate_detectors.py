from latent_microscope.forensics.evaluation import detector_scores, detector_table
from latent_microscope.io.artefacts import save_table
from latent_microscope.io.inputs import joined
from latent_microscope.step import In, Out, run


def main(*, scores: In, samples: In, detection: Out) -> None:
    """Measure how well each score finds the authentic samples of the synthetic ground truth.

    A higher score means "more authentic"; where a low value is the mark, the score is negated and
    named so. detection: detector, roc_auc, average_precision, average_precision_interpolations (of
    the negated score, interpolations positive), f1 (NaN without a mask), prevalence.
    """
    table = joined(scores, samples, ([], ["authentic"]))
    truth = table["authentic"].to_numpy(dtype=bool)
    masks = {"detect_authentic": table["detected"].to_numpy(dtype=bool)}
    save_table(detection, detector_table(detector_scores(table), masks, truth))


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
