"""Chunks of a playbook with experiments: the contacts of each arm are decided by the engine of that arm's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from attrs import evolve

from journeykit.columns.arm_numbers import ArmColumns
from journeykit.columns.claim_block import openings_asked
from journeykit.columns.columnar_engine import ColumnarEngine
from journeykit.columns.decision_counts import OUTCOMES
from journeykit.columns.row_causes import RowCause
from journeykit.job.chunk_decider import NOTHING_CHOSEN, ChunkDecider
from journeykit.kernels.interface.codes import BAD
from journeykit.model.bad_row import BadRow
from journeykit.quotas.arm_quotas import sides_of_arms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from journeykit.columns.chunk import Chunk
    from journeykit.columns.decision_rows import ClaimIds
    from journeykit.engine.decider import Decider
    from journeykit.job.arm_counts import ArmCounts
    from journeykit.job.chunk_state import ChunkState, Piece
    from journeykit.job.table_reader import TableReader
    from journeykit.model.quota import Side
    from journeykit.quotas.chosen_claims import ChosenClaims


class ArmChunk(NamedTuple):
    """What decides the contacts of one combination of arms.

    Attributes:
        number: its number among all of them.
        share: the share of the contacts that is in it.
        decider: decides their chunks.
    """

    number: int
    share: float
    decider: ChunkDecider


class ArmChunks(ChunkDecider):
    """Decides the contacts of chunks, those of each combination of arms by rules of their own.

    Args:
        base: the playbook as arrays, without regard to arms.
        labels: what claims are called.
        claim_ids: the numbers of the claims' ids.
        columns: the columns of the table of decisions that are made.
        threads: how many chunks are decided at once.
        reader: the tables.
        sides: the sides of the quotas.
        coded: whether lists of texts are coded.

    Attributes:
        columns: puts contacts into arms.
        arms: what decides the contacts of each combination of arms; with quotas, of those whose contacts can be read.
    """

    def __init__(
        self,
        base: ColumnarEngine,
        labels: ClaimIds,
        claim_ids: Mapping[str, int],
        columns: Sequence[str],
        *,
        threads: int,
        reader: TableReader,
        sides: Sequence[Side],
        coded: bool = False,
    ) -> None:
        arms = base.decider.arms
        assert arms is not None  # noqa: S101  (there are experiments)
        self.engine = base
        self.labels = labels
        self.columns = ArmColumns(base.playbook)
        shares = self.columns.shares
        numbers = list(range(len(shares)))
        own_sides: list[Sequence[Side]] = [sides] * len(shares)
        if sides:
            numbers = list(reader.arms) or self.present(reader) or [0]
            own_sides = list(sides_of_arms(sides, [shares[number] for number in numbers]))
        self.arms: list[ArmChunk] = []
        for number, own in zip(numbers, own_sides, strict=True):
            engine = engine_by_rules(arms.at(self.columns.places[number]), base, reader, own)
            decider = ChunkDecider(engine, labels, claim_ids, columns, threads=threads, coded=coded)
            self.arms.append(ArmChunk(number, shares[number], decider))

    def present(self, reader: TableReader) -> list[int]:
        """The combinations of arms that have contacts who can be read."""
        named: set[int] = set()
        for chunk in reader.chunks(lambda name: name.strip().casefold() == "contact_id"):
            named.update(np.unique(self.number_of(chunk)).tolist())
        found: set[int] = set()
        for given in reader.numbered_parts():
            # Nearly always the first chunk has somebody of each.
            if found == named:
                break
            if not isinstance(given, BadRow):
                state = reader.state(given)
                found |= self._readable(reader, state, named - found)
        return sorted(found)

    def _readable(self, reader: TableReader, state: ChunkState, wanted: set[int]) -> set[int]:
        """Of some combinations of arms those that have a contact of a chunk who can be read."""
        numbers = self.number_of(state.chunk)
        found = wanted & set(numbers[~state.apart].tolist())
        for row in np.flatnonzero(state.apart & np.isin(numbers, list(wanted - found))).tolist():
            number = int(numbers[row])
            if number not in found and reader.can_read(state, row):
                found.add(number)
        return found

    def number_of(self, chunk: Chunk) -> np.ndarray:
        """By contact of a chunk, the number of the combination of arms."""
        return self.columns.numbers_of(chunk.offsets, chunk.data)

    @property
    def names(self) -> list[str]:
        """The arms as decisions name them."""
        return [name for name in self.columns.names if name is not None]

    @property
    def asked_by_rows(self) -> list[str]:
        """The names of the policies that are asked claim by claim."""
        return list(dict.fromkeys(name for own in self.arms for name in own.decider.asked_by_rows))

    def count(self, state: ChunkState, arms: ArmCounts) -> None:
        """Count what was decided of a chunk by arm, but for those who fall back, who are counted one by one."""
        decided = np.bincount(self.number_of(state.chunk)[~state.apart], minlength=len(self.columns.names))
        for number in np.flatnonzero(decided).tolist():
            arms.add(self.columns.names[number], int(decided[number]), 0, {})
        for piece in state.pieces:
            tally = piece.answers.tally
            low, high = tally.sums.tolist()
            totals = tally.labels.sum(axis=(0, 1)).tolist()
            outcomes = {own.value: count for own, count in zip(OUTCOMES, totals, strict=True)}
            arms.add(piece.decider.engine.decider.arm, 0, low + (high << 32), outcomes)

    @property
    def causes(self) -> Sequence[str]:
        """Why the row engine decides all contacts: what holds for the playbook, or for each of the arms."""
        every = [own.decider.causes for own in self.arms]
        return self.engine.causes or (every[0] if all(every) else ())

    def shapes(self, parts: list[dict[str, Any]]) -> Any:
        """Kinds of touches, for the kernels, by combination of arms."""
        return [own.decider.shapes(parts) for own in self.arms]

    def decided(self, state: ChunkState, shapes: Any, run: ChosenClaims | None = None) -> ChunkState:
        """A chunk with what is decided of its contacts, arm by arm; those that the kernels give up fall back too."""
        numbers, apart, cause = self.number_of(state.chunk), state.apart.copy(), state.cause.copy()
        pieces: list[Piece] = []
        for place, (own, kinds) in enumerate(zip(self.arms, shapes, strict=True)):
            mine = numbers == own.number
            if mine.any() or (not pieces and place == len(self.arms) - 1):
                part = self.part(state, own, mine)
                given = NOTHING_CHOSEN if run is None else run.of_arm(place).part(state.start, state.stop)
                piece = own.decider.decide(part, kinds, given)
                cause[part.apart & ~apart] = RowCause.ARM
                apart |= part.apart
                apart[piece.answers.fallback] = True
                pieces.append(piece)
        return evolve(state, apart=apart, cause=cause, pieces=tuple(pieces))

    def part(self, state: ChunkState, own: ArmChunk, mine: np.ndarray) -> ChunkState:
        """A chunk in which the contacts of other arms are marked `BAD`: nobody decides them."""
        engine, chunk = own.decider.engine, state.chunk
        people = state.people if engine.encoder is self.engine.encoder else engine.encoder.contacts(chunk)
        apart = mine & (state.apart | chunk.apart | (not engine.can))
        person = people.person.copy()
        person["traits"] = state.people.person["traits"]
        person["traits"][~mine | apart] |= BAD
        return evolve(state, people=people.but(person=person), apart=apart)


def engine_by_rules(
    decider: Decider, base: ColumnarEngine, reader: TableReader, sides: Sequence[Side]
) -> ColumnarEngine:
    """The rules of a decider as arrays, numbered as those of a playbook that differs from them in numbers alone."""
    claims = reader.claims
    asked: dict[str, Any] = {}
    if claims is not None:
        openings, _ = openings_asked(decider.ruleset, (*reader.asks, *claims.asks))
        asked = {"openings": openings, "dates": claims.dates, "numbers": tuple(claims.numbers)}
        asked["brings_cost"] = claims.brings_cost
    engine = ColumnarEngine(
        decider,
        at=base.at,
        until=base.until,
        explain=base.explain,
        everything=base.everything,
        scored=base.scored,
        sides=sides,
        **asked,
    )
    engine.latest, engine.last_outcome = base.latest, base.last_outcome
    engine.share_with(base)
    return engine
