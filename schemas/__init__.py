"""The contracts of Forestall, as msgspec structs; their JSON Schemas are generated from them.

Read in this order: event (what comes in), answer (what foresee tells learn), trees (what the trainer tells
learn), notice (what learn tells foresee), alert (what goes out), decision (why, or why not), outcome (what came
of it), deadletter (what could not be read).
"""
