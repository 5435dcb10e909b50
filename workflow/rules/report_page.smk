# The story page: all studies of this run in one job, for each alone would take longer to start than to write.


rule write_report:
    input:
        checks=told_checks,
        tables=told_tables,
        figures=told_figures,
    output:
        page="results/report.html",
        pdf="results/report.pdf",
        pages=[f"results/{study}/report.html" for study in STUDIES],
    log:
        "results/logs/write_report.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=light_memory,
        runtime=short_runtime,
    params:
        step=step("write_report", assets=[CAPTIONS]),
        studies=told_studies,
        captions=CAPTIONS,
    script:
        "../../scripts/report/write_report.py"
