"""A partition in Redis: documents, due times, position, epoch, outbox; and the commit, one Lua call.

Reading order: `values` (what goes in and out), `interface` (what a store does), `keys` (where things lie),
`commit.lua` (the commit), `read_at.lua` (a read of one state), `partition` (the store in Redis), `memory` (its twin in
plain dictionaries), `groups`, `script`, `connect`.
"""
