"""The page in a real browser, a headless Chromium; where there is none these tests say that they did not run."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from audit.names import public_names
from theory import LATER, LEDGER

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = {"phone": 390, "desk": 1280}
# Rules of axe that are broken are of these kinds, from harmless to grave.
GRAVE = ("serious", "critical")

# Parts of the page with a formula that reaches out of its cell, over what stands beside it.
OUTSIDE = """[...document.querySelectorAll("td > math")].filter(math => {
    const cell = math.parentElement.getBoundingClientRect();
    return [...math.querySelectorAll("*")].some(part => part.getBoundingClientRect().right > cell.right + 1);
}).map(math => math.closest("[data-part]").dataset.part)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(
            "the page was not tested in a browser: there is no chromium here, `apt-get install chromium` adds it"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Any, report: Path) -> Iterator[Callable[..., Any]]:
    """Opens the page from disk; what it complains of, and what it asks for elsewhere, fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(anchor: str = "", folder: Path = report, **settings: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda ask: None if ask.url.startswith("file:") else complaints.append(ask.url))
        page.goto(f"file://{folder}/index.html{anchor}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def shown(page: Any) -> list[str]:
    """The statements that the page shows."""
    return list(
        page.evaluate("[...document.querySelectorAll('article.statement')].filter(a => !a.hidden).map(a => a.id)")
    )


def search(page: Any, words: str) -> None:
    page.fill("#search", words)


def test_two_clicks_from_the_top_to_a_running_witness(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.click("section:has(#items) a:text-is('Theorem 3.3')")
    code = page.locator("[id='theorem-3.3'] .snippet code")
    page.wait_for_function("document.getElementById('theorem-3.3').getBoundingClientRect().top < innerHeight / 2")
    page.click("[id='theorem-3.3'] .snippet button")
    page.wait_for_function(
        "document.getElementById('theorem-3.3').querySelector('.snippet button').textContent != 'Copy'"
    )
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code.text_content(), {})
    assert printed.getvalue() == "0.5625 < 0.5 is False\n"


def test_search_and_filter_show_what_they_find(open_page: Callable[..., Any]) -> None:
    page = open_page()
    everything = [*LEDGER, *LATER]
    assert shown(page) == everything
    search(page, "discontinuity_of_f_adv radius=0.25")
    assert shown(page) == ["theorem-3.3"]
    assert page.text_content("#found") == "1 statements, 0 names"
    search(page, "no such word anywhere")
    assert shown(page) == []
    page.keyboard.press("Escape")
    assert shown(page) == everything
    for verdict in ("checked", "repaired", "refuted", "observed"):
        page.click(f"[data-verdict-filter={verdict}]")
        wanted = [name for name, entry in {**LEDGER, **LATER}.items() if entry.verdict == verdict]
        assert shown(page) == wanted
    # As it is written in the ledger, though it is typeset.
    page.click("[data-verdict-filter='']")
    search(page, "2c depth(f̂) + 15c + 3")
    assert shown(page) == ["theorem-3.3"]


def test_every_public_name_is_found(open_page: Callable[..., Any]) -> None:
    page = open_page()
    names = [f"{name.package}.{name.name}" for name in public_names()]
    found = page.evaluate(
        """names => names.filter(name => {
            const field = document.getElementById("search");
            field.value = name;
            field.dispatchEvent(new Event("input"));
            const part = document.querySelector(`[data-part="${name}"]`);
            return !part.hidden && part.offsetParent !== null;
        })""",
        names,
    )
    assert found == names
    assert len(names) > 100


def test_every_public_name_has_its_place_in_the_reference(open_page: Callable[..., Any], report: Path) -> None:
    page = open_page()
    links = [name.link for name in public_names()]
    assert page.evaluate("[...document.querySelectorAll('.names a')].map(a => a.getAttribute('href'))") == links
    page.click(".names a:text-is('theory.separation')")
    page.wait_for_url("**/api/theory.html#separation")
    assert page.locator("#separation").is_visible()


def test_keys_reach_everything(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("refuted gap flatness")
    page.keyboard.press("Enter")
    first = page.evaluate("document.activeElement.closest('article').id")
    assert first == shown(page)[0]
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    after = page.evaluate("document.activeElement.closest('article').id")
    page.keyboard.press("p")
    assert page.evaluate("document.activeElement.closest('article').id") == first != after
    page.focus("a.node[data-id='theorem-3.3']")
    assert page.locator(".edges path.on").count() > 0
    page.keyboard.press("Enter")
    page.wait_for_url("**#theorem-3.3")


def test_a_link_to_what_is_hidden_shows_it(open_page: Callable[..., Any]) -> None:
    page = open_page()
    search(page, "discontinuity_of_f_adv radius=0.25")
    page.evaluate("location.hash = '#theorem-6.2'")
    page.wait_for_function("!document.getElementById('theorem-6.2').hidden")
    page.evaluate("location.hash = document.querySelector('[id^=coq-]').id")
    page.wait_for_function("document.querySelector('[id^=coq-]').closest('details').open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_is_not_blank(open_page: Callable[..., Any], tmp_path: Path, width: str, scheme: str) -> None:
    page = open_page(viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme)
    for name in ("items", "graph", "theorem-3.3", "theorem-5.2", "data"):
        page.evaluate("name => document.getElementById(name).scrollIntoView({behavior: 'instant'})", name)
        path = tmp_path / f"{name}-{width}-{scheme}.png"
        page.screenshot(path=path)
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors() or ()) > 30, path
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.evaluate("document.images.length") == 3
    assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing_grave(open_page: Callable[..., Any], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(color_scheme=scheme)
    assert grave(Axe().run(page)) == []
    # The planted fault.
    page.evaluate("document.querySelector('label[for=search]').remove(); document.querySelector('img').alt = ''")
    page.evaluate("document.getElementById('search').placeholder = ''; document.documentElement.lang = ''")
    assert grave(Axe().run(page)) != []


def grave(results: Any) -> list[str]:
    """Rules that are broken, and where first."""
    found = [one for one in results.response["violations"] if one["impact"] in GRAVE]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


def test_a_run_that_was_cut_off_is_seen_to_be(
    open_page: Callable[..., Any], cut_off: dict[str, Any], tmp_path: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    from tests.page.made_up import write_made_up

    page = open_page(folder=write_made_up(tmp_path / "cut", cut_off))
    assert page.locator("[role=alert]").is_visible()
    assert page.title().startswith("INTERRUPTED")
    box = page.locator("[role=alert]").bounding_box()
    assert box["y"] < 5
    assert grave(Axe().run(page)) == []


def test_it_is_all_there_on_paper_and_without_scripts(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert not page.locator("nav.tools").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every(box => box.open)")
    assert page.pdf()[:5] == b"%PDF-"
    bare = open_page(java_script_enabled=False)
    assert bare.locator("article.statement").count() == len(LEDGER) + len(LATER)
    assert bare.locator("[id='theorem-3.3'] .snippet").is_visible()
