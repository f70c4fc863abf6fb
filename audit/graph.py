"""The dependencies of the statements as a drawing: what rests on nothing above, and each below all that it rests on."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import networkx as nx

from audit.status import Status
from audit.words import title

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 158, 34, 12, 56, 12
_SWEEPS = 24
_MOST_IN_ROW = 7
_LONGEST = 22


def layers(uses: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The ids in rows, each in a later row than all that it uses, and in a row near to them.

    A row is ordered by the mean place of the neighbours in the other rows (Sugiyama's barycentres), again and again.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(uses)
    graph.add_edges_from((used, name) for name, those in uses.items() for used in those if used in uses)
    found = [part for row in nx.topological_generations(graph) for part in _broken(sorted(row, key=list(uses).index))]
    for sweep in range(_SWEEPS):
        place = {name: (k + 0.5) / len(row) for row in found for k, name in enumerate(row)}
        near = graph.predecessors if sweep % 2 == 0 else graph.successors
        for row in found:
            means = {name: _mean([place[one] for one in near(name)], place[name]) for name in row}
            row.sort(key=lambda name: means[name])
    return found


def _broken(row: list[str]) -> list[list[str]]:
    """A long row as several: statements that do not use each other may stand in any order."""
    parts = -(-len(row) // _MOST_IN_ROW)
    return [row[k::parts] for k in range(parts)]


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def draw(rows: Iterable[Mapping[str, Any]], statuses: Mapping[str, Status]) -> str:
    """An SVG that a page embeds: each statement a link to its place there, coloured by the page's style sheet."""
    rows = list(rows)
    uses = {row["statement"]: [used for used in row["uses"] if used in statuses] for row in rows}
    placed = layers(uses)
    width = max(map(len, placed)) * (_WIDTH + _GAP_X) - _GAP_X + 2 * _MARGIN
    height = len(placed) * (_HEIGHT + _GAP_Y) - _GAP_Y + 2 * _MARGIN
    at = {}
    for k, row in enumerate(placed):
        step = (width - 2 * _MARGIN) / len(row)
        for j, name in enumerate(row):
            at[name] = (_MARGIN + (j + 0.5) * step, _MARGIN + k * (_HEIGHT + _GAP_Y) + _HEIGHT / 2)
    edges = [_edge(at[used], at[name], used, name) for name, those in uses.items() for used in those]
    nodes = [_node(row, at[row["statement"]], statuses[row["statement"]]) for row in rows]
    head = (
        f'<svg class="graph" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="group" '
        f'aria-label="Which statement rests on which: {len(nodes)} statements, {len(edges)} dependencies">'
    )
    return "\n".join([head, '<g class="edges" aria-hidden="true">', *edges, "</g>", *nodes, "</svg>"])


def _edge(start: tuple[float, float], end: tuple[float, float], used: str, name: str) -> str:
    (x0, y0), (x1, y1) = start, end
    y0, y1 = y0 + _HEIGHT / 2, y1 - _HEIGHT / 2
    bend = (y1 - y0) / 2
    path = f"M{x0:.1f},{y0:.1f}C{x0:.1f},{y0 + bend:.1f} {x1:.1f},{y1 - bend:.1f} {x1:.1f},{y1:.1f}"
    return f'<path d="{path}" data-from="{used}" data-to="{name}"/>'


def _node(row: Mapping[str, Any], centre: tuple[float, float], status: Status) -> str:
    name, (x, y) = row["statement"], centre
    label = _short(name)
    words = f"{title(name)}, {row['title']}: {row['verdict']}; {status.words}"
    return (
        f'<a href="#{name}" class="node {row["verdict"]} {status.name}" data-id="{name}" aria-label="{escape(words)}">'
        f"<title>{escape(words)}</title>"
        f'<rect x="{x - _WIDTH / 2:.1f}" y="{y - _HEIGHT / 2:.1f}" width="{_WIDTH}" height="{_HEIGHT}" rx="7"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{escape(label)}</text></a>'
    )


def _short(name: str) -> str:
    """A name that fits into its box."""
    shown = title(name).partition(" of a later")[0]
    kind, _, rest = shown.partition(": ")
    text = rest if rest else kind
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
