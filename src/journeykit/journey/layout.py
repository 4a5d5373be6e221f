"""Where everything stands in a picture of a journey.

Stages stand in rows, in their order, like words on a page. Between the rows are channels, between the columns gaps. A
transition to the next stage is a straight line through a gap; all others leave a stage upwards or downwards and run
along a channel. So three kinds of places never meet: lines go up and down within the columns, or in the lanes at the
left of a gap; labels stand in the rest of the gaps only; and what runs along a channel has a height of its own there.
That no line crosses a stage or a label, and no label another one, follows from it.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from journeykit.errors import ModelError
from journeykit.fields import shown
from journeykit.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME_SIZE, SMALL, LABEL_SIZE = 14, 11.5, 12
"""The sizes of letters: of a stage, of what is written below it, of a transition."""
NAME_LINE, SMALL_LINE, LABEL_LINE = 18, 15, 15
"""The heights of their lines."""
MARGIN = 20
THIN, WIDEST = 1.6, 12.0
"""The width of a line without volume, and of the busiest one."""
_PAGE = 1240, 860

Point = tuple[float, float]


# What is drawn


@frozen
class Node:
    """A stage of a picture.

    Attributes:
        name: of the stage.
        owner: who may speak to a contact there; None for all.
        first: whether contacts enter here.
        final: whether the journey may end here.
        contacts: how many are here; None where no numbers are shown.
    """

    name: str
    owner: str | None
    first: bool
    final: bool
    contacts: int | None


@frozen
class Arrow:
    """A transition of a picture.

    Attributes:
        source: the place of the stage that it leaves, from 0.
        to: the place of the stage to which it leads.
        label: what takes it.
        kind: whether that is an event, a rule, or time.
        moves: how often it was taken; None where no numbers are shown.
    """

    source: int
    to: int
    label: str
    kind: Literal["event", "rule", "time"]
    moves: int | None

    @property
    def back(self) -> bool:
        """Whether it leads to a stage that stands earlier."""
        return self.to < self.source


@frozen
class Diagram:
    """What a picture shows, without any place."""

    title: str | None
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners, in the order of their first stages."""
        return tuple(dict.fromkeys(node.owner for node in self.nodes if node.owner))

    def width(self, arrow: Arrow) -> float:
        """How wide a transition is drawn: in proportion to its moves."""
        if not arrow.moves:
            return THIN
        most = max(other.moves or 0 for other in self.arrows)
        return round(THIN + (WIDEST - THIN) * arrow.moves / most, 2)


# Where it stands


@frozen
class Box:
    """A rectangle: its left upper corner, its width and height; y grows downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2

    def overlaps(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


@frozen
class PlacedNode:
    """A stage and its place; `lines` are those of its name."""

    node: Node
    box: Box
    lines: tuple[str, ...]


@frozen
class PlacedArrow:
    """A transition and its place.

    Attributes:
        arrow: which.
        points: the corners of its line, from the one stage to the other.
        width: of the line.
        lines: those of its label, as far as there is room.
        label: where they stand; the number of moves has a line of its own above them.
        beside: whether the label stands at the right of the line, rather than above it.
    """

    arrow: Arrow
    points: tuple[Point, ...]
    width: float
    lines: tuple[str, ...]
    label: Box
    beside: bool


@frozen
class Layout:
    """A diagram with all its places.

    Attributes:
        diagram: what it shows.
        width: of the picture.
        height: of the picture, its title and legend included.
        title: the lines of its title.
        nodes: the stages.
        arrows: the transitions.
        legend: what is explained below: its kind, its text and where it stands.
    """

    diagram: Diagram
    width: float
    height: float
    title: tuple[str, ...]
    nodes: tuple[PlacedNode, ...]
    arrows: tuple[PlacedArrow, ...]
    legend: tuple[tuple[str, str, Box], ...]


# Text


def told(text: str) -> str:
    r"""A text on one line, without what no picture can hold; emoji that are joined stay so.

    Example:
        >>> print(told("two\nlines\x00"))
        two lines\u0000
    """
    return "".join(char if char == "\u200d" else clean(char) for char in " ".join(text.split()))


_NARROW, _BROAD = frozenset("iljtfrI.,:;|'!()[]{}/\\ \"`"), frozenset("mwMW@%&QOGND+=<>~^#_")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text becomes, in a broad font."""
    return sum(map(_em, text)) * size * (1.1 if bold else 1)


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.38
    if char in _BROAD:
        return 0.84
    if unicodedata.combining(char) or char == "\u200d":
        return 0
    if unicodedata.east_asian_width(char) in "WF" or char > "\u2fff":
        return 1.25 if char > "\uffff" else 1.05
    return 0.7 if char.isupper() else 0.59


def wrapped(text: str, widest: float, size: float, *, most: int, bold: bool = False) -> tuple[str, ...]:
    """A text as lines of about equal length; what does not fit into so many of them is cut.

    Example:
        >>> wrapped("one two three four", 60, 12, most=3)
        ('one two', 'three four')
        >>> wrapped("one two three four", 60, 12, most=1)
        ('one two…',)
    """
    lines = _filled(text, widest, size, bold=bold)
    if len(lines) > most:
        last = lines[most - 1]
        rest = last if len(lines[most]) == 0 else f"{last} {lines[most]}"
        while rest and width_of(f"{rest}…", size, bold=bold) > widest:
            rest = rest[:-1]
        return (*lines[: most - 1], f"{rest.rstrip()}…")
    narrow = widest
    while narrow > size and len(tight := _filled(text, narrow - 6, size, bold=bold)) == len(lines):
        if any(part not in text.split() for line in tight for part in line.split()):
            break
        narrow, lines = narrow - 6, tight
    return tuple(lines)


def _filled(text: str, widest: float, size: float, *, bold: bool) -> list[str]:
    lines: list[str] = []
    for whole in text.split(" "):
        for word in _pieces(whole, widest, size, bold=bold):
            if lines and width_of(f"{lines[-1]} {word}", size, bold=bold) <= widest:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
    return lines


def _pieces(word: str, widest: float, size: float, *, bold: bool) -> Iterator[str]:
    """A word, broken where it is longer than a line: after a sign that divides it, if there is one."""
    while width_of(word, size, bold=bold) > widest:
        end = 1
        while width_of(word[: end + 1], size, bold=bold) <= widest:
            end += 1
        better = max((word.rfind(sign, 0, end) + 1 for sign in "_-./"), default=0)
        end = better if better > end // 2 else end
        yield word[:end]
        word = word[end:]
    yield word


# Routes


@frozen(eq=False)
class _Item:
    """What runs along a channel: over which columns and gaps, how high it is, and how it hangs.

    Columns have the levels 0, 2, 4, ... and the gaps at their right 1, 3, 5, ...
    """

    way: int
    low: int
    high: int
    height: float
    side: Literal["above", "across", "below"]
    """Whether both its ends are above the channel, or below, or one is on each side."""


@frozen(eq=False)
class _Route:
    """How a transition goes."""

    shape: Literal["straight", "loop", "bracket", "arc", "cross", "lane"]
    items: tuple[tuple[int, _Item], ...] = ()
    """With the channel of each."""
    gap: int = 0
    """Where the label stands."""
    lane: int | None = None
    """The gap in which it goes up or down, if it does."""
    on: int = 0
    """Which of the items carries the label."""


def laid_out(diagram: Diagram, columns: int | None = None) -> Layout:
    """Give everything its place.

    Args:
        diagram: what to draw.
        columns: how many stages stand in a row; None for what suits a page.

    Raises:
        ModelError: if there is less than one column.
    """
    count = len(diagram.nodes)
    if columns is not None:
        if type(columns) is not int or columns < 1:
            raise ModelError(f"columns must be a whole number from 1, found {shown(columns)}", field="columns")
        return _Grid(diagram, min(columns, count)).layout()
    if count <= 1:
        return _Grid(diagram, count).layout()
    row = _Grid(diagram, count).layout()
    if count < 4 or row.width <= _PAGE[0]:
        return row
    return min((_Grid(diagram, number) for number in range(3, min(7, count))), key=_Grid.cost).layout()


class _Grid:
    """A layout in the making."""

    def __init__(self, diagram: Diagram, columns: int) -> None:
        self.diagram = diagram
        self.columns = max(columns, 1)
        self.rows = -(-len(diagram.nodes) // self.columns)
        self.widths = [diagram.width(arrow) for arrow in diagram.arrows]
        self.texts = [wrapped(told(arrow.label), 150, LABEL_SIZE, most=4) for arrow in diagram.arrows]
        self.sizes = [self._label_size(place) for place in range(len(diagram.arrows))]
        self.routes = self._routes()

    def _label_size(self, place: int) -> Point:
        moves = self.diagram.arrows[place].moves
        lines = self.texts[place]
        width = max(width_of(line, LABEL_SIZE) for line in lines)
        if moves is not None:
            width = max(width, width_of(f"{moves:,}", LABEL_SIZE, bold=True))
        return width + 4, (len(lines) + (moves is not None)) * LABEL_LINE

    def cell(self, node: int) -> tuple[int, int]:
        """The row and the column of a stage."""
        return divmod(node, self.columns)

    # Which way

    def _routes(self) -> list[_Route]:
        straight: set[int] = set()
        routes = []
        for place, arrow in enumerate(self.diagram.arrows):
            (row, column), (to_row, to_column) = self.cell(arrow.source), self.cell(arrow.to)
            if arrow.source == arrow.to:
                routes.append(self._aside(place, "loop", row + 1, column, "above"))
            elif row == to_row and arrow.to == arrow.source + 1 and arrow.source not in straight:
                straight.add(arrow.source)
                routes.append(_Route("straight", gap=column))
            elif row == to_row:
                channel, side = (row + 1, "above") if arrow.back else (row, "below")
                routes.append(self._arc(place, "arc", channel, column, to_column, side))
            else:
                routes.append(self._between_rows(place, row, column, to_row, to_column))
        return routes

    def _aside(self, place: int, shape: Any, channel: int, column: int, side: Any) -> _Route:
        """A way that bulges into the gap at its right, with the label beside it."""
        height = max(self.sizes[place][1], 14) + 2 * self.widths[place] + 8
        item = _Item(place, 2 * column, 2 * column + 1, height, side)
        return _Route(shape, ((channel, item),), gap=column, lane=column)

    def _arc(self, place: int, shape: Any, channel: int, one: int, other: int, side: Any) -> _Route:
        low, high = min(one, other), max(one, other)
        item = _Item(place, 2 * low, 2 * high, self._height(place), side)
        # In the middle; of two middles the one that is nearer to where the way begins.
        middle = (low + high - 1) // 2 if one < other else (low + high) // 2
        return _Route(shape, ((channel, item),), gap=middle)

    def _height(self, place: int, *, labelled: bool = True) -> float:
        return (self.sizes[place][1] + 3 if labelled else 0) + self.widths[place] + 8

    def _between_rows(self, place: int, row: int, column: int, to_row: int, to_column: int) -> _Route:
        down = to_row > row
        leaving, arriving = (row + 1, to_row) if down else (row, to_row + 1)
        if leaving == arriving and column == to_column:
            return self._aside(place, "bracket", leaving, column, "across")
        if leaving == arriving:
            return self._arc(place, "cross", leaving, column, to_column, "across")
        lane = min(column, to_column)
        if column > lane:
            on, gap = 0, (lane + column) // 2
        elif to_column > lane:
            on, gap = 1, (lane + to_column) // 2
        else:
            # The label stands beside the lane, above the lower of the two lines.
            on, gap = int(down), lane
        items = []
        for number, (channel, end) in enumerate([(leaving, column), (arriving, to_column)]):
            level = 2 * lane + 1
            low, high = min(2 * end, level), max(2 * end, level)
            side: Any = "above" if (number == 0) == down else "below"
            items.append((channel, _Item(place, low, high, self._height(place, labelled=number == on), side)))
        return _Route("lane", tuple(items), gap=gap, lane=lane, on=on)

    # How wide and how high

    @cached_property
    def stubs(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """By channel and column: the ends of ways (0 leaves, 1 arrives) that go up or down there, left to right."""
        found: dict[tuple[int, int], list[tuple[Any, int, int]]] = defaultdict(list)
        for place, (arrow, route) in enumerate(zip(self.diagram.arrows, self.routes, strict=True)):
            for end, node in enumerate((arrow.source, arrow.to)):
                if not route.items:
                    continue
                channel, item = route.items[end if len(route.items) == 2 else 0]
                column = self.cell(node)[1]
                found[channel, column].append((self._turn(route, item, column, end), place, end))
        return {key: [(place, end) for _, place, end in sorted(ends)] for key, ends in found.items()}

    def _turn(self, route: _Route, item: _Item, column: int, end: int) -> tuple[int, float]:
        """Where a way turns to, such that nested ones do not cross: who goes left, shortest first; then the others."""
        left, right = 2 * column - item.low, item.high - 2 * column
        if route.shape == "loop":
            return 1, -1 + 0.5 * end
        return (0, left) if left > 0 else (1, -right)

    @cached_property
    def size(self) -> tuple[float, float]:
        """The width and the height of every stage: the largest that one of them needs."""
        width, height = 88.0, 44.0
        for node, lines in zip(self.diagram.nodes, self.names, strict=True):
            texts = [width_of(line, NAME_SIZE, bold=True) for line in lines]
            texts += [width_of(line, SMALL) for line in small_lines(node)]
            width = max(width, max(texts) + 22)
            height = max(height, len(lines) * NAME_LINE + len(small_lines(node)) * SMALL_LINE + 16)
        for ends in self.stubs.values():
            width = max(width, (len(ends) + 1) * (max(self.widths[place] for place, _ in ends) + 6))
        return width, height

    @cached_property
    def names(self) -> list[tuple[str, ...]]:
        """The lines of the names of the stages."""
        return [wrapped(told(node.name), 150, NAME_SIZE, most=2, bold=True) for node in self.diagram.nodes]

    @cached_property
    def lanes(self) -> dict[int, int]:
        """Which lane a way takes in its gap; the long ones are at the left, the labels of the short at the right."""
        found: dict[int, int] = {}
        taken: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        spans = {}
        for place, route in enumerate(self.routes):
            if route.lane is not None:
                channels = [channel for channel, _ in route.items]
                spans[place] = min(channels), max(channels)
        for place in sorted(spans, key=lambda place: (spans[place][0] - spans[place][1], place)):
            (low, high), gap = spans[place], self.routes[place].lane
            assert gap is not None  # noqa: S101  (only such have a span)
            busy = {lane for start, end, lane in taken[gap] if start <= high and low <= end}
            found[place] = next(lane for lane in range(len(busy) + 1) if lane not in busy)
            taken[gap].append((low, high, found[place]))
        return found

    @cached_property
    def pitch(self) -> float:
        """From one lane to the next."""
        return max((self.widths[place] for place in self.lanes), default=0) + 7

    @cached_property
    def gaps(self) -> list[tuple[float, float, float]]:
        """For each gap: how far its lanes reach, how wide its labels are, how wide it is."""
        found = []
        for gap in range(self.columns):
            here = [place for place, route in enumerate(self.routes) if route.gap == gap]
            lanes = [lane for place, lane in self.lanes.items() if self.routes[place].lane == gap]
            reach = 8 + (max(lanes) + 1) * self.pitch if lanes else 8
            zone = max([*(self.sizes[place][0] for place in here), 24 if gap < self.columns - 1 else 0])
            found.append((reach, zone, reach + zone + 8 + self.head if zone or lanes else 0))
        return found

    @cached_property
    def head(self) -> float:
        """The length of the largest arrow head."""
        return head_of(max(self.widths, default=THIN))

    @cached_property
    def lefts(self) -> list[float]:
        """The left edges of the columns."""
        edges = [MARGIN + 34.0]
        for _, _, width in self.gaps:
            edges.append(edges[-1] + self.size[0] + width)
        return edges

    def zone(self, gap: int) -> tuple[float, float]:
        """Where the labels of a gap stand: the left edge and the width."""
        reach, width, _ = self.gaps[gap]
        return self.lefts[gap] + self.size[0] + reach, width

    # How high

    @cached_property
    def packed(self) -> tuple[list[float], dict[tuple[int, int], float]]:
        """How high every channel is; and for each item of a way in it, how far from the top it begins."""
        heights, offsets = [], {}
        for channel in range(self.rows + 1):
            here = [
                (place, number, item)
                for place, route in enumerate(self.routes)
                for number, (where, item) in enumerate(route.items)
                if where == channel
            ]
            height, found = self._pack(channel, here)
            heights.append(height)
            offsets.update(found)
        return heights, offsets

    def _pack(self, channel: int, here: list[tuple[int, int, _Item]]) -> tuple[float, dict[tuple[int, int], float]]:
        levels = 2 * self.columns + 1
        above = [8 + self.head if channel else 0.0] * levels
        below = [8 + self.head if channel < self.rows else 0.0] * levels
        for place, route in enumerate(self.routes):
            if route.shape == "straight" and self.cell(self.diagram.arrows[place].source)[0] == channel:
                level = 2 * route.gap + 1
                below[level] = max(below[level], self._straight_label(place) - self.size[1] / 2 + 4)
        offsets: dict[tuple[int, int], float] = {}
        order = {"above": 0, "across": 1, "below": 2}
        hanging = []
        for place, number, item in sorted(
            here, key=lambda one: (order[one[2].side], one[2].high - one[2].low, one[0], one[1])
        ):
            stack = below if item.side == "below" else above
            under = max(stack[item.low : item.high + 1])
            stack[item.low : item.high + 1] = [under + item.height] * (item.high + 1 - item.low)
            offsets[place, number] = under
            if item.side == "below":
                hanging.append((place, number, item))
        height = max((top + bottom for top, bottom in zip(above, below, strict=True)), default=0)
        for place, number, item in hanging:
            offsets[place, number] = height - offsets[place, number] - item.height
        return height, offsets

    def _straight_label(self, place: int) -> float:
        """How far the label of a straight way reaches above its line."""
        return self.sizes[place][1] + self.widths[place] / 2 + 3

    # All together

    def cost(self) -> float:
        """How much too large for a page it is, and how ragged its last row."""
        layout, count = self.layout(), len(self.diagram.nodes)
        empty = self.rows * self.columns - count
        return max(layout.width / _PAGE[0], layout.height / _PAGE[1]) * (1 + empty / count / 2)

    def layout(self) -> Layout:
        """All places."""
        width = max(self.lefts[-1] + MARGIN - (self.gaps[-1][2] if not self.gaps[-1][2] else 0), 300.0)
        title = (
            wrapped(told(self.diagram.title), width - 2 * MARGIN, 17, most=3, bold=True) if self.diagram.title else ()
        )
        top = MARGIN + len(title) * 24.0
        heights, offsets = self.packed
        channels: list[float] = []
        y = top
        for channel in range(self.rows + 1):
            channels.append(y)
            y += heights[channel] + (self.size[1] if channel < self.rows else 0)
        boxes = []
        for node in range(len(self.diagram.nodes)):
            row, column = self.cell(node)
            boxes.append(Box(self.lefts[column], channels[row] + heights[row], *self.size))
        ports = {
            (place, end): boxes_left + self.size[0] * (number + 1) / (len(ends) + 1)
            for (_, column), ends in self.stubs.items()
            for boxes_left in [self.lefts[column]]
            for number, (place, end) in enumerate(ends)
        }
        arrows = tuple(
            self._placed(
                place,
                boxes,
                ports,
                [channels[where] + offsets[place, number] for number, (where, _) in enumerate(route.items)],
            )
            for place, route in enumerate(self.routes)
        )
        legend, bottom = self._legend(width, y + 14)
        nodes = tuple(map(PlacedNode, self.diagram.nodes, boxes, self.names))
        return Layout(self.diagram, round(width), round(bottom + MARGIN), title, nodes, arrows, legend)

    def _placed(
        self, place: int, boxes: list[Box], ports: dict[tuple[int, int], float], tops: list[float]
    ) -> PlacedArrow:
        arrow, route, width = self.diagram.arrows[place], self.routes[place], self.widths[place]
        (label_width, label_height), source, to = self.sizes[place], boxes[arrow.source], boxes[arrow.to]
        left, zone = self.zone(route.gap)
        centred = left + (zone - label_width) / 2
        if route.shape == "straight":
            y = source.y + source.height / 2
            label = Box(centred, y - self._straight_label(place), label_width, label_height)
            return PlacedArrow(arrow, ((source.right, y), (to.x, y)), width, self.texts[place], label, beside=False)
        start, end = ports[place, 0], ports[place, 1]
        # A line runs at the foot of its item, the label above it.
        feet = [top + item.height - 4 - width / 2 for top, (_, item) in zip(tops, route.items, strict=True)]
        beside = route.shape in ("loop", "bracket") or (
            route.shape == "lane" and self.cell(arrow.source)[1] == self.cell(arrow.to)[1]
        )
        first_channel, last_channel = route.items[0][0], route.items[-1][0]
        begins = source.bottom if first_channel > self.cell(arrow.source)[0] else source.y
        ends = to.bottom if last_channel > self.cell(arrow.to)[0] else to.y
        if route.lane is None:
            middle: list[Point] = [(start, feet[0]), (end, feet[0])]
        else:
            x = self.lefts[route.lane] + self.size[0] + 8 + (self.lanes[place] + 0.5) * self.pitch
            head = tops[0] + 4 + width / 2
            turns = {
                "loop": (feet[0], head),
                "bracket": (head, feet[0]) if begins < feet[0] else (feet[0], head),
            }
            one, other = turns.get(route.shape, (feet[0], feet[-1]))
            middle = [(start, one), (x, one), (x, other), (end, other)]
        if route.shape in ("loop", "bracket"):
            y = tops[0] + (route.items[0][1].height - label_height) / 2
        else:
            y = feet[route.on] - width / 2 - 3 - label_height
        label = Box(left if beside else centred, y, label_width, label_height)
        points = ((start, begins), *middle, (end, ends))
        return PlacedArrow(arrow, points, width, self.texts[place], label, beside=beside)

    def _legend(self, width: float, y: float) -> tuple[tuple[tuple[str, str, Box], ...], float]:
        placed, x = [], float(MARGIN)
        for kind, text in legend_of(self.diagram):
            long = 34 + width_of(text, SMALL)
            if x > MARGIN and x + long > width - MARGIN:
                x, y = float(MARGIN), y + 24
            placed.append((kind, text, Box(x, y, long, 18)))
            x += long + 16
        return tuple(placed), y + 18 if placed else y


def small_lines(node: Node) -> list[str]:
    """What stands below the name of a stage."""
    owner = wrapped(told(node.owner), 150, SMALL, most=1) if node.owner else ()
    return [*owner, *([] if node.contacts is None else [counted(node.contacts, "contact")])]


def counted(number: int, noun: str) -> str:
    """A number of things in words.

    Example:
        >>> counted(1200, "contact"), counted(1, "stage")
        ('1,200 contacts', '1 stage')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def head_of(width: float) -> float:
    """How long the head of an arrow is."""
    return 7 + width


def legend_of(diagram: Diagram) -> Iterator[tuple[str, str]]:
    """What needs to be explained below a picture: its kind and the words."""
    for number, owner in enumerate(diagram.owners):
        yield f"owner {number}", wrapped(told(owner), 220, SMALL, most=1)[0]
    if diagram.owners and not all(node.owner for node in diagram.nodes):
        yield "nobody", "no owner"
    if diagram.nodes:
        yield "first", "first stage"
    if any(node.final for node in diagram.nodes):
        yield "final", "final stage"
    kinds = {arrow.kind for arrow in diagram.arrows}
    if kinds - {"time"} and "time" in kinds:
        yield "line", "by event or rule"
    if "time" in kinds:
        yield "time", "by time"
    if any(arrow.back for arrow in diagram.arrows):
        yield "back", "way back"
