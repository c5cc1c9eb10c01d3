"""The invariant: the recorded logs, replayed, give the same bytes.

Read `verify` (the whole), then `replaying` (a core over a recorded log), `emitted` (what was recorded of what
processors emitted, against what the replay emits) and `states` (documents and due times compared).
"""
