"""What the rules ask: paths, targets, inputs, params, resources; the plan of a run."""
