from empirics.gaussian.fgsm import linear_batch, train_linear
from empirics.gaussian.joint import alignment, train_jointly, train_two_layer
from empirics.gaussian.mixed_attack import attacked_margins, blind_attack, mixed_attack
from empirics.gaussian.neurons import StagedRecipe
from empirics.gaussian.patches import PatchRun, patch_sample, train_patches
from empirics.gaussian.samples import LinearData, LinearSample, random_direction
from empirics.gaussian.stages import train_batch_in_stages, train_in_stages
from empirics.gaussian.sweep import sweep_in_stages, sweep_linear

__version__: str

__all__ = [
    # data of section 5
    "LinearData",
    "LinearSample",
    "random_direction",
    # adversarial training
    "linear_batch",
    "train_linear",
    "StagedRecipe",
    "train_in_stages",
    "train_batch_in_stages",
    "sweep_linear",
    "sweep_in_stages",
    "train_jointly",
    "train_two_layer",
    "alignment",
    # patches, of later versions of the paper
    "patch_sample",
    "train_patches",
    "PatchRun",
    # attacks
    "mixed_attack",
    "blind_attack",
    "attacked_margins",
]
