"""Models: the Bayesian filter (learn), its weights (foresee), the residual, and the River classifier over them."""
