"""Models: the Bayesian filter (learn), its weights (foresee), the residual, and the River classifier.

Read in this order: kernel, arithmetic, encoding, dense, filter, stored, weights, residual, protocol,
classifier, river, fingerprint.
"""
