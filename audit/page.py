"""The run as a page: one folder that opens from disk, with nothing from elsewhere."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from audit import graph, mathml
from audit.captions import caption
from audit.names import FOLDER, public_names
from audit.progress import clock
from audit.running import running
from audit.status import LEGEND, statuses
from audit.tables import tables
from audit.terminal import numbered
from audit.words import ROMAN, WHOLE, failures, form_name, form_words, sentences, title, totals, why

NAME = "index.html"
VERDICTS = {
    "checked": "holds as printed",
    "repaired": "false or incomplete as printed, and the repaired form holds",
    "refuted": "false as printed, and no form with the same content is known",
    "observed": "empirical: measured, not proved",
}
_CODE = re.compile(r"`([^`]+)`|\b((?:theory|constructions|empirics)(?:\.\w+)+)")
_REFERRED = re.compile(
    r"\b(?:assumption|claim|complexity|conjecture|corollary|definition|figure|later|proposition|table|theorem)-[\w.-]*\w"
    r"|\b(?:Assumption|Corollary|Figure|Proposition|Table|Theorem) \d(?:\.\d)?(?: \([iv]+\))?"
)


def write_page(folder: Path, content: Mapping[str, Any]) -> None:
    """Writes `index.html` beside the figures."""
    (folder / NAME).write_text(page(folder, content), encoding="utf-8")


def page(folder: Path, content: Mapping[str, Any]) -> str:
    """The page of a run whose figures, and maybe the reference of the code, are in this folder."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows, later = content["verdicts"], content["later"]
    named = {row["statement"] for row in (*rows, *later)}
    names = public_names()
    reference = (folder / FOLDER / "index.html").is_file()
    code_links = {name.at: name.link for name in names} if reference else {}
    environment.filters |= {
        "title": title,
        "why": why,
        "sentences": sentences,
        "clock": clock,
        "capitalize_first": capitalized,
        "lower_first": lambda text: text[:1].lower() + text[1:],
        "display": lambda text: Markup(mathml.display(text)),
        "typeset": lambda text: Markup(running(text)),
        "prose": partial(prose, named=named, links=code_links),
        "code_link": partial(code_link, links=code_links),
    }
    found = {**statuses(rows), **statuses(later)}
    in_paper = numbered(rows)
    shown = {row["statement"] for row in in_paper}
    return environment.get_template("index.html").render(
        content=content,
        run=content["run"],
        whole=content["state"] == WHOLE,
        state=content["state"],
        groups=(
            ("items", "The numbered items", in_paper),
            (
                "others",
                "What the paper defines, assumes and claims besides",
                [r for r in rows if r["statement"] not in shown],
            ),
            ("later", "Later versions of the paper, read from notes", later),
        ),
        statements=[*rows, *later],
        graph=Markup(graph.draw(rows, found)),
        legend=LEGEND,
        statuses=found,
        used_by=_users([*rows, *later]),
        verdicts=VERDICTS,
        totals=totals(rows),
        failures=failures([*rows, *later]),
        form_name=form_name,
        form_words=form_words,
        known=lambda row: tuple(formula["text"] for formula in row["formulas"]),
        caption=caption,
        picture=partial(picture, folder),
        room=partial(room, folder),
        tables=tables(content),
        names=names,
        reference=f"{FOLDER}/index.html" if reference else "",
    )


def capitalized(text: str) -> str:
    """As a sentence begins; a symbol such as f_adv stays what it is."""
    return text if text[1:2] in ("_", "^", "(") else text[:1].upper() + text[1:]


def picture(folder: Path, name: str) -> str:
    """The file to show: the same figure in vectors where the run drew it so."""
    drawn = Path(name).with_suffix(".svg")
    return drawn.name if (folder / drawn).is_file() else name


def room(folder: Path, name: str) -> Markup:
    """The room that a figure takes, in pixels, as attributes: nothing below moves when it is loaded."""
    path = folder / picture(folder, name)
    if not path.is_file():
        return Markup("")
    if path.suffix == ".svg":
        # matplotlib counts in points, 72 an inch, of 96 pixels.
        found = re.search(r'<svg [^>]*\bwidth="([\d.]+)pt" height="([\d.]+)pt"', path.read_text(encoding="utf-8"))
        width, height = (float(number) * 96 / 72 for number in found.groups()) if found else (0.0, 0.0)
    else:
        with Image.open(path) as image:
            width, height = image.size
    return Markup('width="{:.0f}" height="{:.0f}"').format(width, height) if width else Markup("")


def _users(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {row["statement"]: [] for row in rows}
    for row in rows:
        for used in row["uses"]:
            found[used].append(row["statement"])
    return found


def code_link(name: str, links: Mapping[str, str]) -> Markup:
    """A dotted name, with a link if the reference has it, or the class that it is an attribute of."""
    owner = name if name in links else name.rpartition(".")[0]
    if owner in links:
        return Markup('<a class="code" href="{}">{}</a>').format(links[owner], name)
    return Markup("<code>{}</code>").format(name)


def prose(text: str, known: tuple[str, ...] = (), *, named: set[str], links: Mapping[str, str]) -> Markup:
    """Text of the ledger with its formulas typeset, its code as code, and its references as links."""
    return Markup("").join(_parts(text, known, named, links))


def _parts(text: str, known: tuple[str, ...], named: set[str], links: Mapping[str, str]) -> Iterator[Markup]:
    at = 0
    for found in _CODE.finditer(text):
        yield from _references(text[at : found.start()], known, named)
        yield code_link(found[1] or found[2], links)
        at = found.end()
    yield from _references(text[at:], known, named)


def _references(text: str, known: tuple[str, ...], named: set[str]) -> Iterator[Markup]:
    at = 0
    for found in _REFERRED.finditer(text):
        name = _id_of(found.group())
        if name not in named:
            continue
        yield Markup(running(text[at : found.start()], known))
        yield Markup('<a href="#{}">{}</a>').format(name, found.group() if " " in found.group() else title(name))
        at = found.end()
    yield Markup(running(text[at:], known))


def _id_of(text: str) -> str:
    """Of "Corollary 3.4 (i)" or of the id itself."""
    kind, _, rest = text.partition(" ")
    if not rest:
        return text
    number, _, part = rest.partition(" ")
    part = part.strip("()")
    return f"{kind.lower()}-{number}" + (f"-{part}" if part in ROMAN else "")
