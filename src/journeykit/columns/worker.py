"""A worker decides blocks of contacts; each thread has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.columns.decision_counts import REASONS
from journeykit.columns.drawn_weights import Block, rules_with_draws
from journeykit.columns.history_columns import ChunkHistory
from journeykit.columns.problem_pool import part_for, taken_from
from journeykit.columns.row_collector import RowCollector
from journeykit.engine.data_needs import DATA_NEEDS
from journeykit.kernels import (
    collect_claims,
    collect_derived,
    collect_derived_now,
    collect_problems,
    decide_block,
    decide_now,
    decision_workspace,
)
from journeykit.kernels.interface.codes import BAD
from journeykit.kernels.interface.contact_arrays import ESTIMATES
from journeykit.kernels.interface.decision_arrays import (
    CLAIMS,
    TIMES,
    CandidateArrays,
    DecisionCounts,
    decision_rows,
)
from journeykit.kernels.interface.plain_arrays import plain_workspace

if TYPE_CHECKING:
    from collections.abc import Collection

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.columnar_engine import ColumnarEngine, Moment
    from journeykit.columns.ruleset_arrays import RulesetArrays, ShapeTables
    from journeykit.kernels.interface.contact_arrays import (
        ClaimArrays,
        Contacts,
        QuotaChoiceArrays,
        ScoreArrays,
        TouchArrays,
    )
    from journeykit.kernels.interface.decision_arrays import RowColumns
    from journeykit.kernels.interface.problem_arrays import ProblemPool
    from journeykit.kernels.interface.rules import Rules


BLOCK = 16_384
"""So many claims are settled at a time: few enough to stay in the processor's cache."""


class BlockResult(NamedTuple):
    """What became of a chunk.

    Attributes:
        rows: the answers, the contacts ascending; of their columns those that are asked for.
        fallback: the contacts that the row engine must decide.
        tally: the counts.
    """

    rows: RowColumns
    fallback: np.ndarray
    tally: DecisionCounts

    @property
    def size(self) -> int:
        """How many answers there are."""
        return int(self.rows.used[0])

    @property
    def contact(self) -> np.ndarray:
        """Of each answer, the contact."""
        return self.rows.contact[: self.size]


class Worker:
    """Decides chunks with arrays that it uses again and again; one for each thread.

    Args:
        engine: the playbook as arrays.
        columns: the columns of the table of decisions that are asked for.
        names: by kind of name and label, what a claim is called, as a code.
        keys: by label, the key by which the weight of a claim is drawn; empty where nothing is drawn.
    """

    def __init__(self, engine: ColumnarEngine, columns: Collection[str], names: np.ndarray, keys: np.ndarray) -> None:
        self.engine = engine
        self.most_cells = 1
        self._room: tuple[int, ...] = (-1,) * 7
        self._shapes: Any = None
        # Without draws no claim has a chance, and its column is not made.
        self._columns = columns if engine.explore.draws else [name for name in columns if name != "chance"]
        self._names, self._keys = names, keys
        self._each = (0.0, 0.0, 0.0)

    def _prepare(self, moment: Moment, most_touches: int, most_claims: int, *, estimated: bool) -> None:
        """Make room for contacts with so many touches and claims, unless there is."""
        layout, longest = self.engine.layout, moment.slots.longest
        claims = max(most_claims, 1)
        cells = layout.parts["openings"]["cell_to"] - layout.parts["openings"]["cell_from"]
        widest = max(int(cells.max(initial=1)), self.most_cells)
        paths = moment.plain is not None, estimated
        needed: tuple[int, ...] = (most_touches, claims, longest, widest, moment.most_rules, *paths)
        if all(own <= there for own, there in zip(needed, self._room, strict=True)):
            return
        needed = self._room = tuple(map(max, needed, self._room))
        most_touches, claims, longest, widest, most_rules, is_plain, is_estimated = needed
        # The plain path asks for one row more than a contact can have.
        block = max(BLOCK, claims + 1)
        self.entries = CandidateArrays(
            claim=np.zeros(block, CLAIMS),
            time=np.zeros(max(2 * BLOCK, claims * longest), TIMES),
            used=np.zeros(2, np.int64),
            estimate=np.zeros(block if is_estimated else 0, ESTIMATES),
            risk=np.zeros(block if len(layout.parts["loss"]) else 0),
        )
        # A loser can lose to all winners: at most a quarter of the claims' square for each contact.
        self.rows = decision_rows(block, block * (claims // 4 + 1) + claims**2 // 4 + claims, block * most_rules)
        spans = (most_touches + claims) * widest + 1
        self.workspace = decision_workspace(
            touches=most_touches,
            claims=claims,
            items=claims * longest,
            cells=layout.cells,
            campaigns=len(layout.campaigns.list),
            spans=spans,
            rules=most_rules,
            sides=len(layout.quotas.sides),
        )
        if is_plain:
            self.plain = plain_workspace(
                openings=len(layout.list),
                cells=layout.cells,
                campaigns=len(layout.campaigns.list),
                stages=len(layout.stages.list) + 2,
                spans=spans,
            )

    def decide(
        self,
        chunk: Chunk,
        contacts: Contacts,
        history: TouchArrays,
        shapes: Any,
        scores: ScoreArrays,
        claims: ClaimArrays | None,
        label_when: np.ndarray,
        given: QuotaChoiceArrays,
    ) -> BlockResult:
        """The answers for the contacts of a chunk that are not marked `BAD`."""
        moment, rules = self._ready(contacts, history, shapes, scores, claims)
        rules = self._exploring(chunk, rules)
        past = self._past(history, shapes, claims)
        contacts = self._remembering(contacts, past)
        if claims is None and moment.plain is not None and not given.known:
            return self._decide_now(chunk, contacts, history, scores, moment, rules, label_when, given)
        return self._decide_blocks(chunk, contacts, history, past, scores, claims, moment, rules, label_when, given)

    def _decide_now(
        self,
        chunk: Chunk,
        contacts: Contacts,
        history: TouchArrays,
        scores: ScoreArrays,
        moment: Moment,
        rules: Rules,
        label_when: np.ndarray,
        given: QuotaChoiceArrays,
    ) -> BlockResult:
        """The same for claims that are derived, at one instant: without blocks."""
        engine = self.engine
        tally = _tally(engine.layout)
        collector = RowCollector(self._columns, self._names, self._each)
        fallback = np.zeros(chunk.rows + 1, np.int64)
        start = 0
        rows = self.rows
        while start < chunk.rows:
            rows.used[:] = 0
            before = start
            start = decide_now(
                rules,
                moment.bars,
                moment.plain,
                contacts,
                history,
                engine.asks,
                scores,
                self.plain,
                self.workspace,
                self.entries,
                label_when,
                given,
                engine.everything,
                engine.last_outcome,
                start,
                chunk.rows,
                rows,
                tally,
                fallback,
            )
            if start == before:
                raise AssertionError(f"the rows of contact {start} find no room in {len(rows.row)}")
            collector.add(rows, start, chunk.rows)
        self._each = collector.each
        return BlockResult(collector.collected(), fallback[1 : 1 + fallback[0]], tally)

    def _decide_blocks(
        self,
        chunk: Chunk,
        contacts: Contacts,
        history: TouchArrays,
        past: ChunkHistory,
        scores: ScoreArrays,
        claims: ClaimArrays | None,
        moment: Moment,
        rules: Rules,
        label_when: np.ndarray,
        given: QuotaChoiceArrays,
    ) -> BlockResult:
        """The same for any claims, a block of candidates at a time, which policies may weigh."""
        engine = self.engine
        tally = _tally(engine.layout)
        left = []
        collector = RowCollector(self._columns, self._names, self._each)
        entry_first = np.zeros(chunk.rows + 1, np.int64)
        start = 0
        entries, rows = self.entries, self.rows
        while start < chunk.rows:
            stop = self._gather(rules, contacts, moment, scores, claims, start, chunk.rows, 1, entry_first, tally)
            doubt = np.zeros(stop - start, np.bool_)
            block = Block(chunk, contacts, past, entries, entry_first, start, stop)
            engine.weigher.weigh(*block, doubt)
            drawn = rules_with_draws(engine, rules, block)
            rows.used[:] = 0
            given_up = np.zeros(stop - start, np.int64)
            count = decide_block(
                drawn,
                contacts,
                history,
                self.workspace,
                entries,
                entry_first,
                start,
                stop,
                engine.last_outcome,
                claims is None,
                given,
                label_when,
                rows,
                tally,
                doubt,
                given_up,
            )
            collector.add(rows, stop, chunk.rows)
            if count:
                left.append(given_up[:count].copy())
                first = np.zeros(2, np.int64)
                for contact in given_up[:count].tolist():
                    # What was counted of contacts that are left is taken back.
                    self._gather(rules, contacts, moment, scores, claims, contact, contact + 1, -1, first, tally)
            start = stop
        self._each = collector.each
        return BlockResult(
            rows=collector.collected(),
            fallback=np.concatenate([np.zeros(0, np.int64), *left]),
            tally=tally,
        )

    def _ready(
        self, contacts: Contacts, history: TouchArrays, shapes: Any, scores: ScoreArrays, claims: ClaimArrays | None
    ) -> tuple[Moment, Rules]:
        """Room for the contacts of a chunk that are not marked `BAD`, and the rules as they are for it."""
        moment = self.engine.moment()
        quotas = self.engine.quotas
        if shapes is not self._shapes:
            # The room still holds touches of the last contact, as numbers of shapes, and is cleared by them.
            self._shapes, self._room = shapes, (-1,) * 7
        if claims is not None:
            quotas = quotas.but(number=claims.number)
        rules = moment.rules.but(shapes=shapes[0], shape_cells=shapes[1], quotas=quotas)
        good = contacts.person["traits"] & BAD == 0
        counts = np.diff(history.first)[good]
        # Without a table of claims each contact has one for each opening; with one, it may name many openings.
        most = len(self.engine.layout.list) if claims is None else int(np.diff(claims.first)[good].max(initial=0))
        self.most_cells = int((shapes[0]["cell_to"] - shapes[0]["cell_from"]).max(initial=1))
        estimated = len(scores.estimated) > 0 or (claims is not None and len(claims.estimate) > 0)
        self._prepare(moment, int(counts.max(initial=0)), most, estimated=estimated)
        return moment, rules

    def _exploring(self, chunk: Chunk, rules: Rules) -> Rules:
        """The rules, with the keys of contacts and claims where weights are drawn."""
        explore = self.engine.explore
        return rules.but(explore=explore.but(contact=chunk.one, claim=self._keys)) if explore.draws else rules

    def _past(self, history: TouchArrays, shapes: ShapeTables, claims: ClaimArrays | None) -> ChunkHistory:
        engine = self.engine
        return ChunkHistory(engine.layout, history, shapes, engine.now, derived=claims is None)

    def _remembering(self, contacts: Contacts, past: ChunkHistory) -> Contacts:
        """The contacts, with the last touch of each campaign that has patience."""
        return contacts.but(latest=past.latest()) if self.engine.layout.patience else contacts

    def pool(
        self,
        chunk: Chunk,
        contacts: Contacts,
        history: TouchArrays,
        shapes: Any,
        scores: ScoreArrays,
        claims: ClaimArrays | None,
        given: QuotaChoiceArrays,
        obeys: int,
        *,
        several: bool,
    ) -> tuple[list[tuple[ProblemPool, np.ndarray]], np.ndarray]:
        """The problems of a chunk with their contacts, but for those marked `BAD`; and the contacts that fall back.

        Args:
            chunk: the contacts; and so are the next five.
            contacts: as numbers.
            history: their touches.
            shapes: the kinds of touches.
            scores: what models say.
            claims: their claims, or None.
            given: what was chosen for them already.
            obeys: 0 for claims that need not obey caps, 1 for the others.
            several: whether there are several levels.
        """
        engine = self.engine
        moment, rules = self._ready(contacts, history, shapes, scores, claims)
        rules = self._exploring(chunk, rules)
        past = self._past(history, shapes, claims)
        contacts = self._remembering(contacts, past)
        tally, columns = _tally(engine.layout), len(engine.layout.quotas.columns)
        entry_first = np.zeros(chunk.rows + 1, np.int64)
        left = np.zeros(chunk.rows + 1, np.int64)
        found = []
        start = 0
        part = None
        while start < chunk.rows:
            stop = self._gather(rules, contacts, moment, scores, claims, start, chunk.rows, 1, entry_first, tally)
            doubt = np.zeros(stop - start, np.bool_)
            block = Block(chunk, contacts, past, self.entries, entry_first, start, stop)
            engine.weigher.weigh(*block, doubt)
            drawn = rules_with_draws(engine, rules, block)
            if part is None or len(part.pool.unit) < stop - start or len(part.mark) < self.entries.used[1]:
                part = part_for(stop - start, int(self.entries.used[1]), columns, several=several)
            base = start
            while start < stop:
                start = collect_problems(
                    drawn,
                    contacts,
                    history,
                    self.workspace,
                    self.entries,
                    entry_first,
                    base,
                    start,
                    stop,
                    obeys,
                    claims is None,
                    given,
                    chunk.one,
                    doubt,
                    part,
                    left,
                )
                found.append(taken_from(part))
        return found, left[1 : 1 + left[0]]

    def _gather(
        self,
        rules: Rules,
        contacts: Contacts,
        moment: Moment,
        scores: ScoreArrays,
        claims: ClaimArrays | None,
        start: int,
        stop: int,
        sign: int,
        entry_first: np.ndarray,
        tally: DecisionCounts,
    ) -> int:
        engine, entries, slots = self.engine, self.entries, moment.slots
        if claims is not None:
            return collect_claims(
                rules, contacts, slots, engine.asks, scores, claims, start, stop, sign, entries, entry_first, tally
            )
        if moment.bars is not None:
            return collect_derived_now(
                rules,
                moment.bars,
                contacts,
                engine.asks,
                scores,
                start,
                stop,
                engine.everything,
                sign,
                entries,
                entry_first,
                tally,
            )
        return collect_derived(
            rules,
            contacts,
            slots,
            engine.asks,
            scores,
            start,
            stop,
            engine.everything,
            sign,
            entries,
            entry_first,
            tally,
        )


def _tally(layout: RulesetArrays) -> DecisionCounts:
    return DecisionCounts(
        labels=np.zeros((max(1, len(layout.list)), len(REASONS), 3), np.int64),
        rules=np.zeros(len(layout.rules.list), np.int64),
        stages=np.zeros((len(layout.stages.list) + 2, 3), np.int64),
        sums=np.zeros(2, np.int64),
        missing=np.zeros(len(DATA_NEEDS), np.int64),
        usage=np.zeros(len(layout.quotas.sides), np.int64),
        explored=np.zeros(2, np.int64),
    )
