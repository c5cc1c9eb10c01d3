"""The action queue in Redis: every change one Lua call; nothing in two states, or in none.

Reading order: `values` (what goes in and out), `keys` (where things lie), `priority` (who comes first),
`common.lua` (how an action moves), `deliver.lua`, `claim.lua`, `change.lua` (the calls that change something),
`queue` (the queue itself), `outcomes` (what the journal is told).
"""
