"""Pictures of a journey: a value of stages and ways first, a text last (Mermaid, DOT or SVG)."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from attrs import field, frozen

from journeykit.basics.validation import listed, shown
from journeykit.errors import ModelError, named_error
from journeykit.journey.picture.layout import Arrow, Diagram, DiagramNode, Layout, laid_out
from journeykit.journey.picture.svg import COLOURS, NOBODY, svg_of
from journeykit.journey.picture.text_metrics import counted, told, wrapped
from journeykit.journey.placement import Placement
from journeykit.journey.placing_results import Placements
from journeykit.journey.stages import ANY

if TYPE_CHECKING:
    from journeykit.journey.stages import StageGraph, Transition

_SAFE = re.compile(r"[^\w =+\-.,()'!?*/@$^|~]")


def _counts(value: object) -> Mapping[Any, int]:
    if not isinstance(value, Mapping) or not all(type(count) is int and count >= 0 for count in value.values()):
        raise ModelError(f"volumes must be a mapping to whole numbers from 0, found {shown(value)}")
    return dict(value)


@frozen
class Volumes:
    """How many contacts there are on the stages, and how many took each transition.

    Attributes:
        stages: contacts by the name of the stage on which they are.
        moves: moves by the place of the transition in the journey, from 0.
        origins: of transitions that leave several stages, moves by their place and the stage left; a picture shows no
            number beside those of which nothing is said.

    Raises:
        ModelError: for what is no whole number from 0.
    """

    stages: Mapping[str, int] = field(factory=dict, converter=_counts)
    moves: Mapping[int, int] = field(factory=dict, converter=_counts)
    origins: Mapping[tuple[int, str], int] = field(factory=dict, converter=_counts, repr=False)

    def moves_from(self, place: int, way: Transition, source: str) -> int | None:
        """How many contacts took a transition from a stage; None where that is not known."""
        if way.source == source or not self.moves.get(place):
            return self.moves.get(place, 0)
        return self.origins.get((place, source), 0) if any(own == place for own, _ in self.origins) else None

    @classmethod
    def of(cls, found: Any, journey: StageGraph) -> Self:
        """Count what was placed. Contacts who have not entered the journey count nowhere.

        Args:
            found: `Placement`s; the result of `Journey.place_table`, or its ``paths``.
            journey: on which they were placed.

        Raises:
            ModelError: for a placement on another journey.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit.journey import Event, Journey, Transition
            >>> journey = Journey(["new", "buyer"], [Transition(source="new", to="buyer", event="purchase")])
            >>> log = [Event(name, datetime(2026, 1, 1, tzinfo=UTC)) for name in ("visit", "purchase")]
            >>> Volumes.of([journey.place(log, at=datetime(2026, 2, 1, tzinfo=UTC))], journey)
            Volumes(stages={'buyer': 1}, moves={0: 1})
        """
        several = any(not isinstance(way.source, str) or way.source == ANY for way in journey.transitions)
        if isinstance(found, Placements):
            return cls(*found.counts(), found.origins() if several else {})
        if hasattr(found, "column_names"):
            return cls._of_columns(found, several=several)
        made = cls._of_placements(listed(found, "placements or their paths"), journey)
        return made if several else cls(made.stages, made.moves)

    @classmethod
    def _of_columns(cls, paths: Any, *, several: bool) -> Self:
        # A contact who is on a stage has entered it once more often than they left it.
        stages = Counter(_tally(paths, "stage"))
        stages.subtract(_tally(paths, "from_stage"))
        moves = {place: count for place, count in sorted(_tally(paths, "transition").items()) if place >= 0}
        origins: dict[tuple[int, str], int] = {}
        if several:
            pairs = paths.group_by(["transition", "from_stage"]).aggregate([([], "count_all")]).to_pylist()
            found = ((pair["transition"], pair["from_stage"], pair["count_all"]) for pair in pairs)
            origins = {(place, stage): count for place, stage, count in found if place >= 0}
        return cls({stage: stages[stage] for stage in sorted(stages) if stages[stage]}, moves, origins)

    @classmethod
    def _of_placements(cls, placements: Iterable[Placement], journey: StageGraph) -> Self:
        places: dict[Transition, int] = {}
        for place, way in enumerate(journey.transitions):
            places.setdefault(way, place)
        stages, moves, origins = Counter[str](), Counter[int](), Counter[tuple[int, str]]()
        for placement in placements:
            if not isinstance(placement, Placement):
                raise ModelError(f"volumes are counted of Placements or their paths, found {shown(placement)}")
            stages.update([placement.stage] if placement.path else [])
            for before, step in zip((None, *placement.path), placement.path, strict=False):
                if step.transition is not None:
                    if step.transition not in places:
                        raise ModelError(f"the journey has no transition {step.transition.label!r} to {step.stage!r}")
                    moves[places[step.transition]] += 1
                    if before is not None:
                        origins[places[step.transition], before.stage] += 1
        return cls(dict(sorted(stages.items())), dict(sorted(moves.items())), dict(sorted(origins.items())))


def _tally(paths: Any, column: str) -> dict[Any, int]:
    """How often each value is in a column of an Arrow table; missing ones do not count."""
    found = paths.column(column).value_counts().to_pylist()
    return {part["values"]: part["counts"] for part in found if part["values"] is not None}


def diagram_of(journey: StageGraph, counts: Any = None, title: str | None = None) -> Diagram:
    """What there is to draw: a stage that only a transition knows is drawn too.

    Args:
        journey: which.
        counts: `Volumes`, or anything of which they can be counted; None for a picture without numbers.
        title: the text above it.

    Raises:
        ModelError: for counts of a stage or a transition that the journey does not have.
    """
    volumes = counts if counts is None or isinstance(counts, Volumes) else Volumes.of(counts, journey)
    stages = {stage.name: stage for stage in reversed(journey.stages)}
    ends = (name for way in journey.transitions for name in (*way.leaves(()), way.to))
    names = list(dict.fromkeys([*(stage.name for stage in journey.stages), *ends]))
    places = {name: place for place, name in enumerate(names)}
    if volumes is not None:
        _check(volumes, names, len(journey.transitions))
    said = any(stage.final for stage in journey.stages)
    left = {source for way in journey.transitions for source in way.leaves(names)}
    return Diagram(
        title=title,
        nodes=tuple(
            DiagramNode(
                name=name,
                owner=stages[name].owner if name in stages else None,
                first=place == 0,
                # A journey without any transition has no end that is worth a mark.
                final=stages[name].final if said and name in stages else not said and bool(left) and name not in left,
                contacts=None if volumes is None else volumes.stages.get(name, 0),
            )
            for name, place in places.items()
        ),
        arrows=tuple(
            Arrow(
                source=places[source],
                to=places[way.to],
                label=way.label,
                kind="event" if way.event is not None else "rule" if way.when is not None else "time",
                moves=None if volumes is None else volumes.moves_from(place, way, source),
            )
            for place, way in enumerate(journey.transitions)
            for source in way.leaves(names)
        ),
    )


def _check(volumes: Volumes, names: list[str], transitions: int) -> None:
    for name in volumes.stages:
        if name not in names:
            raise ModelError(f"volumes: the journey has no stage {shown(name)}; there is {', '.join(names)}")
    for place in volumes.moves:
        if type(place) is not int or not 0 <= place < transitions:
            raise ModelError(f"volumes: the journey has no transition {shown(place)}; it has {transitions}, from 0")


# Mermaid


def mermaid(diagram: Diagram) -> str:
    """The diagram as Mermaid's text."""
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f'    state "{_mermaid(_caption(node))}" as s{place}' for place, node in enumerate(diagram.nodes)]
    lines += [f"    [*] --> s{place}" for place, node in enumerate(diagram.nodes) if node.first]
    lines += [f"    s{arrow.source} --> s{arrow.to}: {_mermaid(_words(arrow))}" for arrow in diagram.arrows]
    lines += [f"    s{place} --> [*]" for place, node in enumerate(diagram.nodes) if node.final]
    for number, owner in enumerate(diagram.owners):
        colour = COLOURS[number % len(COLOURS)]
        lines.append(f"    classDef o{number} fill:{colour.fill},stroke:{colour.line},color:#1f2937")
        members = (f"s{place}" for place, node in enumerate(diagram.nodes) if node.owner == owner)
        lines.append(f"    class {','.join(members)} o{number}")
    return "\n".join(lines) + "\n"


def _caption(node: DiagramNode) -> str:
    owner = f" ({told(node.owner)})" if node.owner else ""
    return told(node.name) + owner + ("" if node.contacts is None else f", {counted(node.contacts, 'contact')}")


def _words(arrow: Arrow) -> str:
    return told(arrow.label) + ("" if arrow.moves is None else f" ({counted(arrow.moves, 'move')})")


def _mermaid(text: str) -> str:
    """Text that Mermaid shows as it is: what its grammar might read is written as a character code."""
    return _SAFE.sub(lambda found: f"#{ord(found[0])};" if found[0].isascii() else found[0], text)


# DOT


def dot(diagram: Diagram) -> str:
    """The diagram as Graphviz's text."""
    lines = ["digraph journey {", "    rankdir=LR;"]
    if diagram.title:
        lines.append(f"    label={_dot(told(diagram.title))}; labelloc=t;")
    lines.append('    node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12];')
    lines.append('    edge [fontname="Helvetica", fontsize=10, color="#64748b"];')
    for place, node in enumerate(diagram.nodes):
        if node.first:
            lines += ['    start [shape=point, width=0.12, label=""];', f"    start -> s{place};"]
        colour = COLOURS[diagram.owners.index(node.owner) % len(COLOURS)] if node.owner else NOBODY
        more = ", peripheries=2" if node.final else ""
        lines.append(
            f'    s{place} [label={_dot(*_lines(node))}, fillcolor="{colour.fill}", color="{colour.line}"{more}];'
        )
    for arrow in diagram.arrows:
        label = _dot(
            *wrapped(told(arrow.label), 150, 11, most=99), *([] if arrow.moves is None else [f"{arrow.moves:,}"])
        )
        more = ", style=dashed" if arrow.kind == "time" else ""
        if arrow.moves is not None:
            # Graphviz sets a label close to the middle of a line, and takes no notice of its width.
            width = diagram.width(arrow)
            more += f", penwidth={width / 2:.2f}, arrowsize={1 - width / 20:.2f}"
        lines.append(f"    s{arrow.source} -> s{arrow.to} [label={label}{more}];")
    return "\n".join([*lines, "}"]) + "\n"


def _lines(node: DiagramNode) -> list[str]:
    numbers = [] if node.contacts is None else [f"{node.contacts:,}"]
    return [told(node.name), *([told(node.owner)] if node.owner else []), *numbers]


def _dot(*lines: str) -> str:
    """Lines as one quoted text: Graphviz reads escapes and HTML entities in it."""
    return (
        '"' + r"\n".join(line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'
    )


# SVG


@frozen(repr=False)
class Drawing:
    """A picture of a journey: the place of everything, and the SVG of it.

    It shows itself in a notebook; ``str(drawing)`` and ``drawing.svg`` are a whole page of SVG.

    Attributes:
        layout: the stages, the ways and their labels, with their places.

    Example:
        >>> from journeykit.journey import Journey
        >>> str(Journey().draw())[:4]
        '<svg'
    """

    layout: Layout

    @property
    def svg(self) -> str:
        """The picture as SVG, for a file or a page."""
        return svg_of(self.layout)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the SVG to a file, which appears whole or not at all."""
        target = Path(path)
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            beside.write_text(str(self), "utf-8")
            beside.replace(target)
        except OSError as error:
            raise named_error(error, path) from error
        finally:
            beside.unlink(missing_ok=True)

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        layout = self.layout
        return f"Drawing({len(layout.nodes)} stages, {len(layout.arrows)} transitions)"

    def _repr_svg_(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto">{self}</div>'


def drawing(diagram: Diagram, columns: int | None = None) -> Drawing:
    """Place everything, and draw it."""
    return Drawing(laid_out(diagram, columns))
