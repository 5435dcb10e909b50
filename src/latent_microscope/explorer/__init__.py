"""The explorer: one HTML page with everything that a study says of each of its images."""
