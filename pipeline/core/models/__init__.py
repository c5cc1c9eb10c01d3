"""Models: the Bayesian filter (learn), its weights (foresee), the residual; for backtests boosted trees and River.

Read in this order: kernel, arithmetic, encoding, dense, filter, stored, weights, residual, protocol,
classifier, river, trees, boosted, named, fingerprint.
"""
