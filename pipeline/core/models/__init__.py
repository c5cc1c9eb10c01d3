"""Models: the Bayesian filter (learn), its weights (foresee), the residual; boosted trees beside it; River's.

Read in this order: kernel, arithmetic, encoding, dense, residual, step, filter, stored, weights, protocol, prequential,
names, trees, attribution, forest, boosted, blended, river_linear, live, classifier, river, named, fingerprint.
"""
