"""Benchmarks: ours beside the published way and beside the libraries, each in a process of its own.

A suite is a module with a tuple ``CASES``; ``suites.SUITES`` lists them.
"""
