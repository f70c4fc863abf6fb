"""Trained networks: data, training, measures, figures. Needs torch."""

from empirics.fgsm import linear_batch, train_linear
from empirics.joint import alignment, train_jointly, train_two_layer
from empirics.linear_data import LinearData, LinearSample, random_direction
from empirics.mixed_model import blind_attack, mixed_attack
from empirics.stages import Recipe, train_in_stages

__all__ = [
    # data of section 5
    "LinearData",
    "LinearSample",
    "random_direction",
    # adversarial training
    "linear_batch",
    "train_linear",
    "Recipe",
    "train_in_stages",
    "train_jointly",
    "train_two_layer",
    "alignment",
    # attacks
    "mixed_attack",
    "blind_attack",
]
