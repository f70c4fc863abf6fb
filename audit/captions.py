"""What there is to see in each figure; a figure of trained networks is named by experiment, data and preset."""

from dataclasses import dataclass

_DATA = {
    "mnist": "MNIST",
    "mnist5k": "5,000 images of MNIST",
    "cifar10": "CIFAR-10",
    "digits": "scikit-learn's digits",
}


@dataclass(frozen=True)
class Caption:
    """Of one figure.

    Attributes:
        title: what it shows.
        see: what is to be seen in it.
    """

    title: str
    see: str


_DRAWN = {
    "bit_complexity": Caption(
        "Bits of a weight with which every ball is still certified",
        "They grow like the logarithm of 1/(½ - radius/separation), and hardly with N.",
    ),
    "clean_generalization": Caption(
        "Clean error beside the bound of the repaired form",
        "The network f that memorizes robustly errs no more than f_clean, and both stay below the bound.",
    ),
    "coefficient": Caption(
        "Non-zeros over n d, as n grows",
        "With shared features the curves fall to the line at 1: a memorized point costs one weight a "
        "coordinate. The count of the proof sketch stays far above.",
    ),
    "complexity-ordering-m": Caption(
        "Sizes of clean, memorizing and robust networks",
        "A network robust on all cubes needs a power of ten that grows with d; one that memorizes n points "
        "does not. From the marks on the order is shown.",
    ),
    "flatness_brackets": Caption(
        "Both measures of section 4 between what was found and what is proved",
        "Two small ReLU networks on digits 3 and 8, 4 × 4 pixels, trained at the dotted radius or cleanly; the mean "
        "over 12 images of training lies in the bands, above what was found, below what is proved; at the right it is "
        "the other way round. Near the radius they are apart: flatter is proved there.",
    ),
    "impossibility": Caption(
        "The robust error of whoever has seen N of K cubes",
        "On average no learner is below the solid line, which falls only once N is of the order of K, "
        "exponential in d: the printed form is false.",
    ),
    "joint_training_alignment": Caption(
        "What joint training of all neurons finds",
        "After FGSM training the neurons lie nearer to the noise of the points than after clean training, and "
        "the sample is certified; fresh small-margin points are in error as often.",
    ),
    "loss_change_ratio": Caption(
        "Mean change of the loss over δ times the mean gradient norm",
        "It tends to 1 as δ falls for each loss; at a fixed δ a loss that oscillates faster takes it as near "
        "to 0 as one likes.",
    ),
    "parameters": Caption(
        "Parameters of every construction beside the published bounds",
        "Constructions in colours, along N, d, the memorized share and the ratio of radius and separation. "
        "Published bounds, grey with letters, have no constants: only slopes compare.",
    ),
    "proposition_3_2_ratio": Caption(
        "Robust error of f_adv over that of f_clean",
        "Near 1 while the sample is small against the number of cells, and 0 once it has them all: the "
        "printed form needs a bound on N.",
    ),
    "robust_gap": Caption(
        "The robust generalization gap and the two bounds that hold",
        "Each gap, a diamond, lies below both bars. Right of the line a bound says nothing, as for the "
        "losses that memorize the sample.",
    ),
    "robust_overfitting": Caption(
        "Errors on the sample and on fresh small-margin data",
        "The certified training error is 0 and the error of fresh points under attack 1, for every N, also "
        "where the clean error falls to 0.",
    ),
    "sizes": Caption(
        "Certified networks over the ratio of radius and separation",
        "What is built lies above what any network needs for these points, solid. Published bounds, for the worst "
        "case, have no constants: only slopes compare. Right: growth with N, and what random labels cost.",
    ),
    "theorem_5_1_phase": Caption(
        "Angle between the limit and w*, in degrees",
        "Three routes to it agree. It is small only where α is large, or there are many points against the dimension.",
    ),
    "theorem_5_1_rates": Caption(
        "How fast the linear part turns to its limit",
        "With normalised steps the distance falls like 1/k, with constant ones like 1/log k.",
    ),
    "training_by_stages": Caption(
        "Training by stages: errors and margins on the sample",
        "Within ten steps the certified error is 0 and the least margin positive, and both stay so.",
    ),
    "w1_rate": Caption(
        "Mean transport distance between samples of N points",
        "It falls like N to the power -1/d for d of 3 and more, and not like the printed -1/(d+2), dotted.",
    ),
    "what_breaks_the_stages": Caption(
        "What breaks training by stages",
        "Only the algorithm, and the one with w_0 unfrozen, leave no error under attack; unfrozen, w_0 turns "
        "to the noise.",
    ),
}
_SIZES = {"paper": "at the paper's size", "small": "on a sample of a laptop's size"}
_EXPERIMENTS = {
    "table1": "After adversarial training robust accuracy falls far more from train to test than clean accuracy, "
    "where the claim is reproduced.",
    "figure1": "The dotted line is the radius of training. Memorization shows as a curve that is flat up to it and "
    "steep beyond it on training points, and not so on test points.",
    "figure2": "Left of the dotted line, the radius of training, the curves on training points lie lower from epoch to "
    "epoch where training flattens the loss; the right panel has their means there.",
    "figure3": "Left: the gradient norm near training (local) and test points (global), where a large value is steep. "
    "Right: a mark for each epoch; they rise to the right where the robust gap grows with global flatness.",
    "memorization": "Train beside test: the share that is robust over the radius; the small-margin points that "
    "adversarial training makes robust; the share by distance to the training points; the robust error by width.",
}
_SEEDS = "Bands and bars: one standard deviation over seeds."


def caption(name: str) -> Caption:
    """Of a figure, by the name of its file; its name alone if nobody wrote one."""
    stem = name.rpartition(".")[0]
    if stem in _DRAWN:
        return _DRAWN[stem]
    series = stem.rstrip("0123456789")
    if series in _DRAWN:
        shown = _DRAWN[series]
        return Caption(f"{shown.title}, m = {stem.removeprefix(series)}", shown.see)
    experiment, _, rest = stem.partition("-")
    data, _, preset = rest.partition("-")
    if experiment in _EXPERIMENTS and data in _DATA:
        see = f"{_EXPERIMENTS[experiment]} {_SEEDS}"
        return Caption(f"measured again on {_DATA[data]}, {_SIZES.get(preset, f'preset {preset}')}", see)
    return Caption(stem.replace("_", " "), "")
