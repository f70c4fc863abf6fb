"""Section 5: adversarial training on linearly separable Gaussian data, in torch float64."""
