"""What is asked of the workflow before it runs: its plan, its rule graph."""
