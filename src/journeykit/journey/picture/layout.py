"""The place of everything in a picture of a journey.

Stages are in rows, in their order, like words on a page. Between the rows are channels, between the columns gaps. A
transition to the next stage is a straight line through a gap; all others leave a stage upwards or downwards and run
along a channel. So three kinds of places never meet: lines go up and down within the columns, or in the lanes at the
left of a gap; labels are in the rest of the gaps only; and what runs along a channel has a height of its own there.
That no line crosses a stage or a label, and no label another one, follows from it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from journeykit.basics.validation import shown
from journeykit.errors import ModelError
from journeykit.journey.picture.text_metrics import counted, told, width_of, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME_SIZE, SMALL, LABEL_SIZE = 14, 11.5, 12
"""The sizes of letters: of a stage, of what is written below it, of a transition."""
NAME_LINE, SMALL_LINE, LABEL_LINE = 18, 15, 15
"""The heights of their lines."""
TITLE_SIZE, TITLE_LINE = 17, 24
MARGIN = 20
THIN, WIDEST = 1.6, 12.0
"""The width of a line without volume, and of the busiest one."""
_PAGE = 1240, 860

Point = tuple[float, float]


# What is drawn


@frozen
class DiagramNode:
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
        """Whether it leads to an earlier stage."""
        return self.to < self.source


@frozen
class Diagram:
    """What a picture shows, without any place."""

    title: str | None
    nodes: tuple[DiagramNode, ...]
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


# Its place


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
    """A stage and its place; ``lines`` are those of its name."""

    node: DiagramNode
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
        label: their place; the number of moves has a line of its own above them.
        beside: whether the label is at the right of the line, rather than above it.
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
        legend: what is explained below: its kind, its text and its place.
    """

    diagram: Diagram
    width: float
    height: float
    title: tuple[str, ...]
    nodes: tuple[PlacedNode, ...]
    arrows: tuple[PlacedArrow, ...]
    legend: tuple[tuple[str, str, Box], ...]


# Routes


Side = Literal["above", "across", "below"]
"""Whether both ends of a line are above its channel, or below, or one is on each side."""
_ORDER = {"above": 0, "across": 1, "below": 2}


@frozen(eq=False)
class _Item:
    """What runs along a channel: over which columns and gaps, how high it is, and how it hangs.

    Columns have the levels 0, 2, 4, ... and the gaps at their right 1, 3, 5, ...
    """

    low: int
    high: int
    height: float
    side: Side


@frozen(eq=False)
class _Route:
    """How a transition goes."""

    shape: Literal["straight", "loop", "bracket", "arc", "lane"]
    """Through a gap; back to the same stage; to the stage below or above; along one channel; along two."""
    items: tuple[tuple[int, _Item], ...] = ()
    """With the channel of each."""
    gap: int = 0
    """The place of the label."""
    lane: int | None = None
    """The gap in which it goes up or down, if it does."""
    on: int = 0
    """Which of the items carries the label."""
    beside: bool = False
    """Whether the label is beside the lane, rather than above a line."""


def laid_out(diagram: Diagram, columns: int | None = None) -> Layout:
    """Give everything its place.

    Args:
        diagram: what to draw.
        columns: the number of stages in a row; None for what suits a page.

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
                channel = row + 1 if arrow.back else row
                routes.append(self._arc(place, channel, column, to_column, "above" if arrow.back else "below"))
            else:
                routes.append(self._between_rows(place, row, column, to_row, to_column))
        return routes

    def _aside(self, place: int, shape: Literal["loop", "bracket"], channel: int, column: int, side: Side) -> _Route:
        """A way that bulges into the gap at its right, with the label beside it."""
        height = max(self.sizes[place][1], 14) + 2 * self.widths[place] + 8
        item = _Item(2 * column, 2 * column + 1, height, side)
        return _Route(shape, ((channel, item),), gap=column, lane=column, beside=True)

    def _arc(self, place: int, channel: int, one: int, other: int, side: Side) -> _Route:
        low, high = min(one, other), max(one, other)
        item = _Item(2 * low, 2 * high, self._height(place), side)
        # In the middle; of two middles the one that is nearer to where the way begins.
        middle = (low + high - 1) // 2 if one < other else (low + high) // 2
        return _Route("arc", ((channel, item),), gap=middle)

    def _height(self, place: int, *, labelled: bool = True) -> float:
        return (self.sizes[place][1] + 3 if labelled else 0) + self.widths[place] + 8

    def _between_rows(self, place: int, row: int, column: int, to_row: int, to_column: int) -> _Route:
        down = to_row > row
        leaving, arriving = (row + 1, to_row) if down else (row, to_row + 1)
        if leaving == arriving and column == to_column:
            return self._aside(place, "bracket", leaving, column, "across")
        if leaving == arriving:
            return self._arc(place, leaving, column, to_column, "across")
        lane = min(column, to_column)
        if column > lane:
            on, gap = 0, (lane + column) // 2
        elif to_column > lane:
            on, gap = 1, (lane + to_column) // 2
        else:
            # The label is beside the lane, above the lower of the two lines.
            on, gap = int(down), lane
        items = []
        for number, (channel, end) in enumerate([(leaving, column), (arriving, to_column)]):
            level = 2 * lane + 1
            low, high = min(2 * end, level), max(2 * end, level)
            side: Side = "above" if (number == 0) == down else "below"
            items.append((channel, _Item(low, high, self._height(place, labelled=number == on), side)))
        return _Route("lane", tuple(items), gap=gap, lane=lane, on=on, beside=column == to_column)

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

    @cached_property
    def ports(self) -> dict[tuple[int, int], float]:
        """Where the ends of ways leave and enter their stages, if they do so upwards or downwards."""
        found = {}
        for (_, column), ends in self.stubs.items():
            for number, end in enumerate(ends, start=1):
                found[end] = self.lefts[column] + self.size[0] * number / (len(ends) + 1)
        return found

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
        """The place of the labels of a gap: the left edge and the width."""
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
        """Short lines next to their stages, and long ones beyond them, so that nested ones do not cross."""
        levels = 2 * self.columns + 1
        above = [8 + self.head if channel else 0.0] * levels
        below = [8 + self.head if channel < self.rows else 0.0] * levels
        for place, route in enumerate(self.routes):
            if route.shape == "straight" and self.cell(self.diagram.arrows[place].source)[0] == channel:
                level = 2 * route.gap + 1
                below[level] = max(below[level], self._straight_label(place) - self.size[1] / 2 + 4)
        offsets: dict[tuple[int, int], float] = {}
        hanging = []
        for place, number, item in sorted(
            here, key=lambda one: (_ORDER[one[2].side], one[2].high - one[2].low, one[0], one[1])
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
        width = max(self.lefts[-1] + MARGIN, 300.0)
        title = told(self.diagram.title or "")
        heading = wrapped(title, width - 2 * MARGIN, TITLE_SIZE, most=3, bold=True) if title else ()
        heights, offsets = self.packed
        tops, y = [], MARGIN + len(heading) * float(TITLE_LINE)
        for height in heights:
            tops.append(y)
            y += height + self.size[1]
        cells = [self.cell(node) for node in range(len(self.diagram.nodes))]
        boxes = [Box(self.lefts[column], tops[row] + heights[row], *self.size) for row, column in cells]
        arrows = []
        for place, route in enumerate(self.routes):
            begin = [tops[channel] + offsets[place, number] for number, (channel, _) in enumerate(route.items)]
            arrows.append(self._placed(place, boxes, begin))
        legend, bottom = self._legend(width, y - self.size[1] + 14)
        nodes = tuple(map(PlacedNode, self.diagram.nodes, boxes, self.names))
        return Layout(self.diagram, round(width), round(bottom + MARGIN), heading, nodes, tuple(arrows), legend)

    def _placed(self, place: int, boxes: list[Box], tops: list[float]) -> PlacedArrow:
        """A way and its label; `tops` are those of its items."""
        arrow, route, half = self.diagram.arrows[place], self.routes[place], self.widths[place] / 2
        (width, height), (left, zone) = self.sizes[place], self.zone(route.gap)
        source, to = boxes[arrow.source], boxes[arrow.to]
        # A line runs at the foot of its item, the label above it.
        feet = [top + item.height - 4 - half for top, (_, item) in zip(tops, route.items, strict=True)]
        points: tuple[Point, ...]
        if route.shape == "straight":
            feet = [source.y + source.height / 2]
            points = (source.right, feet[0]), (to.x, feet[0])
        else:
            points = self._points(place, source, to, tops[0] + 4 + half, feet)
        y = feet[route.on] - half - 3 - height
        if route.shape in ("loop", "bracket"):
            y = tops[0] + (route.items[0][1].height - height) / 2
        label = Box(left if route.beside else left + (zone - width) / 2, y, width, height)
        return PlacedArrow(arrow, points, 2 * half, self.texts[place], label, route.beside)

    def _points(self, place: int, source: Box, to: Box, head: float, feet: list[float]) -> tuple[Point, ...]:
        """The corners of a line along channels; `head` and `feet` are where it may run."""
        route, start, end = self.routes[place], self.ports[place, 0], self.ports[place, 1]
        begins, ends = (box.bottom if box.bottom <= y else box.y for box, y in ((source, feet[0]), (to, feet[-1])))
        if route.lane is None:
            return (start, begins), (start, feet[0]), (end, feet[0]), (end, ends)
        one, other = feet[0], feet[-1]
        if route.shape == "loop":
            other = head
        elif route.shape == "bracket":
            one, other = (head, feet[0]) if source.y < to.y else (feet[0], head)
        x = self.lefts[route.lane] + self.size[0] + 8 + (self.lanes[place] + 0.5) * self.pitch
        return (start, begins), (start, one), (x, one), (x, other), (end, other), (end, ends)

    def _legend(self, width: float, y: float) -> tuple[tuple[tuple[str, str, Box], ...], float]:
        placed, x = [], float(MARGIN)
        for kind, text in legend_of(self.diagram):
            long = 34 + width_of(text, SMALL)
            if x > MARGIN and x + long > width - MARGIN:
                x, y = float(MARGIN), y + 24
            placed.append((kind, text, Box(x, y, long, 18)))
            x += long + 16
        return tuple(placed), y + 18 if placed else y


def small_lines(node: DiagramNode) -> list[str]:
    """The lines below the name of a stage."""
    owner = wrapped(told(node.owner), 150, SMALL, most=1) if node.owner else ()
    return [*owner, *([] if node.contacts is None else [counted(node.contacts, "contact")])]


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
