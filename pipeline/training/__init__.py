"""Fitting boosted trees to answers, beside the processors: what it makes goes to learn as a record of its log.

Read in this order: fitting (LightGBM), trainer (what is kept of the answers, and when trees are fitted).
"""
