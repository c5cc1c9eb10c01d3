"""The pure heart: no I/O, no clock, no dice. The same records give the same bytes.

Read in this order: effects, protocol, catalogue, layout, features, customer, questions, gates, foresee, models,
learn, scores, explain.
"""
