"""Learning uplift from tables: a log of decisions with a holdout, and what contacts did after."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from journeykit.basics.clock import EPOCH, clock
from journeykit.engine.ruleset import Ruleset
from journeykit.errors import DataError, ModelError
from journeykit.learning.holdout_log import HoldoutLog
from journeykit.learning.uplift_model import fit_uplift
from journeykit.measuring.table_notes import strange_names
from journeykit.model.touch import Touch
from journeykit.tables.bad_row_list import BadRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from journeykit.learning.learned_model import LearnedModel
    from journeykit.learning.message_history import MessageHistory
    from journeykit.model.response import Response
    from journeykit.playbook.playbook import Playbook
    from journeykit.tables import TableSource


def with_uplift(
    model: LearnedModel,
    playbook: Playbook,
    history: MessageHistory,
    log: TableSource,
    events: TableSource,
    *,
    until: datetime,
    candidates: Mapping[str, Any] | None = None,
    zone: str | None = None,
    max_bad: int | str | None = None,
    seed: int = 0,
) -> LearnedModel:
    """A model that knows besides what messages add to the chance of each response that it has learned.

    Args:
        model: the model.
        playbook: the rule set.
        history: the past of the contacts.
        log: a table of decisions with all rows, also those of contacts held out (``decide --all``).
        events: the table of events, which can be read more than once.
        until: the end of what is known.
        candidates: by name, estimators of the user over which there are learners besides.
        zone: IANA name of the zone in which instants without an offset are meant; None makes them bad.
        max_bad: how many bad rows of the log are tolerated, as a number or as a share such as ``"1%"``.
        seed: of everything that is drawn.

    Raises:
        DataError: for a table that cannot be used, too many bad rows, or a log that has no contacts held out.
    """
    where, bad = None if zone is None else clock(zone).zone, BadRows(max_bad)
    found = HoldoutLog.read(log, zone=where, bad=bad)
    bad.check()
    strange = tuple(_strange_campaigns(found, playbook))
    models = {}
    for own in (one for one in playbook.responses if one.name in model.responses):
        about = _about(playbook, own, found.campaigns)
        if about.size and not about.any():
            continue
        rows = found.rows(own, history, events, until=until, zone=where, bad=BadRows(keep=1), seed=seed, about=about)
        try:
            learned = fit_uplift(own.name, rows, candidates=candidates, seed=seed)
        except ModelError as error:
            left = ", ".join(f"{why} {count:,}" for why, count in rows.left_out.items())
            raise DataError(
                f"uplift of {own.name!r} cannot be learned: {error}"
                + (f"; rows that are not compared: {left}" if left else "")
                + ". A log for uplift has all rows of a playbook with a holdout: decide --all",
                source="decisions",
            ) from error
        card = evolve(
            learned.card, notes=(*learned.card.notes, *bad.lines(), *strange, *_never_sent(found, history, about))
        )
        models[own.name] = evolve(learned, card=card)
    if not models:
        raise DataError("no response that was learned is about a campaign of the log", source="decisions")
    return evolve(model, uplift=models)


def _about(playbook: Playbook, response: Response, campaigns: Sequence[str]) -> NDArray[np.bool_]:
    """By campaign, whether a response is about a message of it, as far as that is known."""
    ruleset = Ruleset(playbook)
    contents = {own.id: own.content or (None,) for own in playbook.campaigns or ()}
    return np.array(
        [
            any(
                response.where.matches(ruleset.facets(Touch(at=EPOCH, campaign=name, content=content)))
                for content in contents.get(name, (None,))
            )
            for name in campaigns
        ],
        np.bool_,
    )


def _strange_campaigns(log: HoldoutLog, playbook: Playbook) -> Iterator[str]:
    """The campaigns of the log that the playbook does not have, where it has some."""
    known = {own.id for own in playbook.campaigns or ()}
    if known:
        count = np.bincount(log.campaign, minlength=len(log.campaigns)).tolist()
        strange = Counter({name: rows for name, rows in zip(log.campaigns, count, strict=True) if name not in known})
        yield from strange_names("campaign", strange, known, of="contacts of the log")


def _never_sent(log: HoldoutLog, history: MessageHistory, about: NDArray[np.bool_]) -> Iterator[str]:
    """The campaigns, of those that a response is about, of which no message went out since the log's first decision."""
    for place in np.flatnonzero(about).tolist():
        name, rows = log.campaigns[place], log.campaign == place
        could = int(np.count_nonzero(rows & log.treated))
        if not could:
            continue
        kinds = [number for number, own in enumerate(history.kinds) if name in own.get("campaign", ())]
        sent = history.messages.code[history.messages.at >= log.at[rows].min()]
        if not np.isin(sent, kinds).any():
            yield (
                f"{name}: none of the {could:,} contacts who could get it got it; its uplift says nothing of what its "
                "messages add"
            )
