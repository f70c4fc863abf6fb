"""The independent checker on integer networks: it confirms what is true, and nothing that is not."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import load_sample
from constructions.bits.file import write_integer_certificate
from constructions.bits.memorizer import IntegerMemorizer, code_memorizer
from constructions.bits.projection import projection_code_memorizer
from constructions.certificates.file import write_points
from constructions.check.__main__ import main
from constructions.check.files import canonical
from tests.replaced import replaced

Files = tuple[Path, Path, Path]


@pytest.fixture(scope="module", params=["code", "projection"])
def built(request: pytest.FixtureRequest) -> IntegerMemorizer:
    points, labels = load_sample("digits", classes="3,8,9")
    if request.param == "code":
        return code_memorizer(points[:150], labels[:150], radius=0.03)
    return projection_code_memorizer(points[:150], labels[:150], tries=50)


def write(folder: Path, built: IntegerMemorizer) -> Files:
    network, points, claim = folder / "network.json", folder / "points.npz", folder / "certificate.json"
    sample = built.task.sample
    built.save(network)
    write_points(points, built.network, sample.points, sample.labels)
    write_integer_certificate(claim, built.certify(), built.network, sample.points, sample.labels)
    return network, points, claim


@pytest.fixture
def files(tmp_path: Path, built: IntegerMemorizer) -> Files:
    return write(tmp_path, built)


def outcome(files: Files, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = main([str(path) for path in files])
    printed = capsys.readouterr()
    return code, json.loads(printed.out) if printed.out else printed.err


def rewrite(files: Files, change: Any, *, network: Any = None) -> None:
    """Change claim or network, with digests that fit."""
    content = json.loads(files[2].read_bytes())
    if network is not None:
        layers = json.loads(files[0].read_bytes())
        network(layers)
        raw = json.dumps(layers, sort_keys=True, separators=(",", ":")).encode()
        files[0].write_bytes(raw)
        content["network"] = hashlib.sha256(raw).hexdigest()
    change(content)
    own = {key: value for key, value in content.items() if key != "digest"}
    files[2].write_bytes(canonical({**own, "digest": hashlib.sha256(canonical(own)).hexdigest()}))


def test_what_is_certified_is_confirmed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(files, capsys) == (0, {"points": 150, "confirmed": 150, "not confirmed": []})


def test_a_higher_bound_is_not_confirmed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(files, lambda c: c["records"][7].update(lower=np.nextafter(c["records"][7]["lower"], np.inf)))
    code, found = outcome(files, capsys)
    assert (code, found["confirmed"]) == (1, 149)
    assert found["not confirmed"][0].startswith("point 7: certified")


def test_a_larger_radius_is_not_confirmed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(files, lambda c: c.update(radius=1.2 * c["radius"]))
    assert outcome(files, capsys)[0] == 1


def test_a_refutation_that_is_none_is_not_confirmed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.load(files[1])["points"][0].tolist()
    rewrite(files, lambda c: c["records"][0].update(status="refuted", witness=x, lower=None))
    code, found = outcome(files, capsys)
    assert code == 1
    assert found["not confirmed"] == ["point 0: refuted, but the witness is not the point, or is no error"]


def test_another_network_is_not_confirmed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    def change(content: dict[str, Any]) -> None:
        # The last bias of the outputs, past all margins.
        content["layers"][-1]["bias"][-1] = "f" * 200

    rewrite(files, lambda c: None, network=change)
    code, found = outcome(files, capsys)
    assert code == 1
    assert 0 < len(found["not confirmed"]) < 150


def test_a_wrong_ball_is_refuted_and_that_confirmed(
    tmp_path: Path, built: IntegerMemorizer, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = built.task.sample
    codes = sample.codes.copy()
    codes[:3] = (codes[:3] + 1) % 3
    wrong = replaced(built, sample=type(sample)(sample.points, codes, sample.classes))
    certificate = wrong.certify()
    assert [i for i, s in enumerate(certificate.status) if s == "refuted"] == [0, 1, 2]
    assert outcome(write(tmp_path, wrong), capsys) == (0, {"points": 150, "confirmed": 150, "not confirmed": []})


@pytest.mark.parametrize("which", [0, 1, 2])
def test_files_that_were_changed_are_refused(which: int, files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    raw = bytearray(files[which].read_bytes())
    raw[len(raw) // 2] ^= 1
    files[which].write_bytes(bytes(raw))
    assert outcome(files, capsys)[0] == 2


def test_a_network_in_another_form_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files[0].write_text(json.dumps(json.loads(files[0].read_bytes())))
    code, message = outcome(files, capsys)
    assert code == 2
    assert "one form" in message


def test_another_claim_is_not_followed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    def executed(content: dict[str, Any]) -> None:
        content["arithmetic"] = "float64"
        for record in content["records"]:
            record["arithmetic"] = "float64"

    rewrite(files, executed)
    assert outcome(files, capsys)[0] == 1


def test_a_certificate_of_other_points_is_not_written(tmp_path: Path, built: IntegerMemorizer) -> None:
    sample = built.task.sample
    with pytest.raises(ValueError, match="certify again"):
        write_integer_certificate(
            tmp_path / "c.json", built.certify(), built.network, sample.points + 0.1, sample.labels
        )
