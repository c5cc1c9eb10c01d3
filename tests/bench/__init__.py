"""Benchmarks, as ratios within one run: `python -m tests.bench throughput`.

Reading order: `streams` (the events), `servers` (Kafka and Redis, and what they cost), `metering` (how a run is
measured), then what is measured: `worker` (Forestall's own processes, by `job`), `cores` (the same cores without
servers), `counts` (what others need for a count, by the programs in `peers`); `throughput` (the table of systems),
`latency`, `memory`, `queue`; `tables` and `page` show it. How well is foreseen, on the shipped `samples`: `foresight`,
`ablation`, `notices` (how often they pay), and live on many `partitions`.
"""
