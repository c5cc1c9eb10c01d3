"""The problem catalogue: what to foresee, declared in TOML.

Read in this order: declaration (the structs), keys (every key with its meaning, default and example), kinds
(how a value is read), expression with tokens and comparison (`where` and `yes`), durations, rules (what must
hold between keys), parse (TOML to structs, every mistake at once) with toml, lines and suggestions, revision
(what makes a problem another problem).
"""
