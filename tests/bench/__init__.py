"""Benchmarks that print tables; never collected as tests, and nothing in them asserts a time."""
