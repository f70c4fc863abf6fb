"""The page of a run, read as HTML: all of it is there, leads somewhere, is valid, and says how much was run."""

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from justhtml import JustHTML

from audit.captions import Caption, caption
from audit.markdown import markdown
from audit.names import public_names
from audit.page import page, write_page
from audit.stored import load, save
from tests.page.made_up import content, outcomes, write_made_up
from theory import LATER, LEDGER

# What a page would have to load from elsewhere.
LOADED = re.compile(r'<(?:script|img|link|iframe)\b[^>]*(?:src|href)="(?!data:)([^"]*)"')


def text(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def faults(html: str, folder: Path, content: dict[str, Any]) -> list[str]:
    """What is missing in a page, leads nowhere, or stands there twice."""
    ids = re.findall(r'\sid="([^"]+)"', html)
    found = [f"two {name}" for name in set(ids) if ids.count(name) > 1]
    for target in re.findall(r'href="([^"]+)"', html):
        place, _, anchor = target.partition("#")
        if place.startswith("https://"):
            continue
        if place and not (folder / place).is_file():
            found.append(f"no file {place}")
        elif anchor and anchor not in (ids if not place else anchors(folder / place)):
            found.append(f"no place {target}")
    found += [f"loads {name}" for name in LOADED.findall(html) if not (folder / name).is_file()]
    rows = [*content["verdicts"], *content["later"]]
    for row in rows:
        article = re.search(rf'<article [^>]*id="{re.escape(row["statement"])}".*?</article>', html, re.DOTALL)
        if article is None:
            found.append(f"no statement {row['statement']}")
            continue
        found += [f"{row['statement']}: {what}" for what in _missing(row, article.group())]
    found += [
        f"no name {name.name}" for name in public_names() if f'data-part="{name.package}.{name.name}"' not in html
    ]
    return found


@cache
def anchors(path: Path) -> list[str]:
    return re.findall(r'\sid="([^"]+)"', path.read_text(encoding="utf-8"))


def _missing(row: dict[str, Any], article: str) -> list[str]:
    parts = {
        "snippet": (1 if row["witness"] else 0, article.count('<div class="snippet">')),
        "output": (1 if row["witness"] and row["witness"]["output"] else 0, article.count('<pre class="output"')),
        "figures": (len(row["figures"]), len(re.findall(r"<figcaption><b>.+?</b> \S.+</figcaption>", article))),
        "proofs": (len(row["proofs"]), article.count('<code class="coq">')),
        "bounds": (len(row["formulas"]), article.count('<math display="block"')),
        "tests": (len(row["tests"]), len(re.findall(r"<td><code>tests/", article))),
    }
    return [f"{name}, {there} for {wanted}" for name, (wanted, there) in parts.items() if wanted != there]


class Nesting(HTMLParser):
    """Elements that are not closed by their own tags in order, and attributes that stand twice."""

    VOID = ("meta", "input", "img", "br", "wbr", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"{tag} {name} twice" for name in {*names} if names.count(name) > 1]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Only in SVG."""

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop() if self.open else "nothing"
        if opened != tag:
            self.faults.append(f"</{tag}> closes {opened}")


def invalid(html: str) -> list[str]:
    nesting = Nesting()
    nesting.feed(html)
    return [*nesting.faults, *nesting.open, *(error.code for error in JustHTML(html, collect_errors=True).errors)]


def test_all_of_it_is_there_and_leads_somewhere(report: Path, whole: dict[str, Any]) -> None:
    assert faults(text(report), report, whole) == []
    rows = [*whole["verdicts"], *whole["later"]]
    assert len(rows) == len(LEDGER) + len(LATER)
    assert text(report).count('<div class="snippet">') == sum(row["verdict"] in ("repaired", "refuted") for row in rows)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('repaired" id="theorem-3.3"', 'repaired" id="theorem-3.9"', "no statement theorem-3.3"),
        ('href="#theorem-3.3"', 'href="#theorem-9.9"', "no place #theorem-9.9"),
        ('<div class="snippet">', "<div>", "snippet, 0 for 1"),
        ('src="coefficient.png"', 'src="gone.png"', "loads gone.png"),
        ('src="coefficient.png"', 'src="https://elsewhere.org/a.png"', "loads https://elsewhere.org/a.png"),
        ('id="graph"', 'id="items"', "two items"),
        ('data-part="theory.separation"', "", "no name separation"),
        ('<math display="block"', "<math", "bounds"),
    ],
)
def test_what_is_missing_would_be_noticed(
    report: Path, whole: dict[str, Any], before: str, after: str, fault: str
) -> None:
    """The planted faults."""
    html = text(report)
    assert before in html
    assert any(fault in one for one in faults(html.replace(before, after, 1), report, whole))


def test_the_page_is_valid_and_needs_nothing_from_elsewhere(report: Path) -> None:
    html = text(report)
    assert invalid(html) == []
    assert not re.search(r"(?:src|@import|url\()\s*=?[\"'(]?\s*(?:https?:)?//", html)


@pytest.mark.parametrize(
    ("before", "after"),
    [("</table>", ""), ("</section>", "</div>"), ("<h2", "</p><h2"), ('href="#items"', 'href="#items" href="#graph"')],
)
def test_invalid_html_would_be_noticed(report: Path, before: str, after: str) -> None:
    """The planted faults."""
    assert invalid(text(report).replace(before, after, 1)) != []


def test_the_page_is_small(report: Path) -> None:
    assert sum(path.stat().st_size for path in report.rglob("*") if path.is_file()) < 15_000_000


def test_each_program_stands_there_with_what_it_printed(report: Path) -> None:
    html = JustHTML(text(report)).to_text()
    for entry in (*LEDGER.values(), *LATER.values()):
        if entry.witness:
            assert f"is False, for {entry.id}" in html
            assert entry.witness.snippet.splitlines()[0] in html


def test_a_refutation_never_passes(report: Path, whole: dict[str, Any]) -> None:
    html = JustHTML(text(report)).to_text()
    assert "broken by its witness, in 3 tests, 2,001 examples" in html
    assert "repaired form: held in 2 tests, 2,000 examples" in html
    assert not re.search(r"\d passed", html + markdown(whole))


def test_a_run_that_was_cut_off_says_so_everywhere(tmp_path: Path, cut_off: dict[str, Any]) -> None:
    save(tmp_path, cut_off)
    state = cut_off["state"]
    assert state.startswith("INTERRUPTED after ")
    html = page(tmp_path, cut_off)
    for first in (html, markdown(cut_off), (tmp_path / "audit.json").read_text()):
        assert state in first.splitlines()[0]
    assert f'<div class="state" role="alert">{state}' in html
    assert "<title>INTERRUPTED" in html
    assert "1 of 2 run; held in 1 test" in html
    assert "1 of 2 run; 1 FAILED: did not hold" in html
    assert "one whole run" not in html


def test_each_test_stands_there_with_what_came_of_it(tmp_path: Path) -> None:
    done, planned = outcomes()
    came = {
        "tests/test_theorem-6.2.py::test_printed[a]": "failed",
        "tests/test_theorem-6.2.py::test_printed[b]": "skipped",
    }
    changed = [replace(one, outcome=came.get(one.name, one.outcome)) for one in done]
    html = page(tmp_path, content(changed, planned))
    rows = re.findall(r"<tr><td><code>(.+?)</code></td><td>.+?</td>\s*<td( class=\"failed\")?>(.+?)</td>", html)
    shown = {name: (bool(marked), words) for name, marked, words in rows if "_theorem-6.2.py" in name}
    assert shown == {
        "tests/test_theorem-6.2.py::test_printed[a]": (True, "FAILED"),
        "tests/test_theorem-6.2.py::test_printed[b]": (False, "skipped"),
        "tests/test_theorem-6.2.py::test_repaired[a]": (False, "holds"),
        "tests/test_theorem-6.2.py::test_repaired[b]": (False, "holds"),
    }
    assert "PARTIAL: 1 of " in html.splitlines()[0]


def test_a_whole_run_says_nothing_of_the_kind(report: Path) -> None:
    assert not re.search("INTERRUPTED|PARTIAL", text(report))
    assert "one whole run" in text(report)


def test_the_page_is_drawn_again_from_what_is_stored(report: Path) -> None:
    before = text(report)
    (report / "index.html").unlink()
    write_page(report, load(report))
    assert text(report) == before


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="make audit"):
        load(tmp_path)
    (tmp_path / "audit.json").write_text(json.dumps({"run": {}}))
    with pytest.raises(ValueError, match="another version"):
        load(tmp_path)


def test_every_figure_of_the_audit_has_a_caption() -> None:
    """Read from the sources of the tests: a figure that nobody describes would be shown with its name alone."""
    root = Path(__file__).parents[2] / "tests" / "audit"
    sources = "".join(path.read_text(encoding="utf-8") for path in root.glob("test_*.py"))
    names = [
        name.replace("{m}", "5") for name in re.findall(r'figure_path\(f?"([^"{]*(?:\{m\})?[^"{]*\.png)"', sources)
    ]
    names += [f"{one}-{data}-small.png" for one in ("figure1", "table1") for data in ("digits", "cifar10", "mnist5k")]
    assert len(names) > 15
    assert [name for name in names if not caption(name).see] == []
    assert caption("of_nothing.png") == Caption("of nothing", "")


def test_figures_have_their_room_before_they_are_loaded(whole: dict[str, Any], tmp_path: Path) -> None:
    """In pixels, of which a point of the drawing in vectors has four thirds."""
    folder = write_made_up(tmp_path, whole)
    (folder / "sizes.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="432pt" height="288pt"></svg>')
    (folder / "coefficient.png").unlink()
    found = re.findall(r'<img src="([^"]+)" (?:width="(\d+)" height="(\d+)" )?', page(folder, whole))
    expected = [("coefficient.png", "", ""), ("figure1-digits-small.png", "640", "480"), ("sizes.svg", "576", "384")]
    assert sorted(found) == expected
