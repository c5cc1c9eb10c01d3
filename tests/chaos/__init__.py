"""Real faults on real servers, and what must be true afterwards.

Read `__main__` (the command), `schedule` (which faults when, by the seed), `faults` (what each does), `stage`
(servers, workers, events, support), and `invariants` (what must be true once all is quiet).
"""
