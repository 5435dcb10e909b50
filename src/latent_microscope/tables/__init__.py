"""Tables of results: one seed's clusters, biases and behaviour, and summaries over seeds."""
