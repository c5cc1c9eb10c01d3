"""Benchmarks, as ratios within one run: `python -m tests.bench throughput`. Read throughput first."""
