"""The problem catalogue: what to foresee, declared in TOML.

Read in this order: declaration (the structs, with every key's description), expression (`where` and `yes`),
durations, parse (TOML to structs, every mistake at once).
"""
