"""The worker's real code over simulated servers, under a seeded scheduler that does everything that can go wrong.

Read `run` (one seed from start to end), `invariants` (what must be true then), `loop` (virtual time, processes),
`faults` and `nemesis` (what goes wrong), `worker`, `consumer` and `group` (a worker process between Kafka and the
product's owner), `broker`, `log` and `producer` (Kafka), `redis`, `clients` and `queue_twin` (Redis), `workload`
and `support` (what comes in, and who works the queue), `mutants` (broken products that must be caught), `seeds`
(many seeds and their report), `test_seeds`.

Not simulated: Faust, aiokafka and redis-py themselves, and the Lua; tests/integration and tests/chaos have these.
"""
