"""What the templates of the sections need beside the tables: selections, counts, summaries.

Each function is named as its template in the folder of templates.
"""

from latent_microscope.report.gather import alignment, figures, forensics, observers

MODULES = (alignment, observers, forensics, figures)
