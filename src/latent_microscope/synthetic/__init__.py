"""Generated data with a known truth: people, demo faces, demo objects and simulated annotators."""
