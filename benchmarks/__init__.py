"""Benchmarks: ours against the published code and libraries, each case in a separate process."""
