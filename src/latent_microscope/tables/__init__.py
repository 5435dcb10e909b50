"""Tables of results: one run's clusters, biases and behaviour, and summaries over runs."""
