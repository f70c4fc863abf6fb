"""Networks trained on images: data, models, attacks, adversarial training, measures, figures (section 4)."""
