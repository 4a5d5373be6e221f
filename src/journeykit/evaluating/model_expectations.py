"""What is expected of messages by what was learned from others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import frozen
from numpy.typing import NDArray
from scipy.special import expit

from journeykit.basics.clock import moment
from journeykit.evaluating.campaign_means import FOLDS
from journeykit.learning.history_features import FeatureMaker, PossibleMessages, attribute_names
from journeykit.learning.learned_model import LearnedModel
from journeykit.learning.message_history import MessageHistory
from journeykit.learning.model_candidates import BASELINE, BOOSTING, TrainingRows, fit_boosting, fit_logistic
from journeykit.learning.response_fit import FEWEST
from journeykit.learning.smoothed_rates import SmoothedRates
from journeykit.measuring.contact_numbers import ContactNumbers
from journeykit.model.cap import Facets
from journeykit.tables.arrow.column import Column

if TYPE_CHECKING:
    from journeykit.learning.feature_matrix import FeatureMatrix
    from journeykit.learning.response_model import ResponseModel
    from journeykit.playbook.playbook import Playbook


@frozen(eq=False, kw_only=True)
class PossibleClaims:
    """Claims of which something is expected.

    Attributes:
        contact: by claim, the number of its contact.
        at: when it was decided, in microseconds since 1970.
        kind: what it is: a place in `kinds`.
        kinds: what tells claims apart.
        ids: the contacts' ids, by number.
    """

    contact: NDArray[np.int64]
    at: NDArray[np.int64]
    kind: NDArray[np.int64]
    kinds: Sequence[Facets]
    ids: pa.Array


@frozen(eq=False, kw_only=True)
class ModelExpectations:
    """What a learned model expects of claims, as of the instants at which they were decided.

    A model that was learned from nothing after the first of these instants is asked as it is. One that may have seen
    how the messages were answered must not say what was expected of them: its kind of model is fitted anew to the
    messages themselves, with its features, for each part of the contacts from the messages to the others. Of a response
    whose model is an estimator of yours, that is a logistic regression; of few messages, the rates by campaign and
    stage.

    Attributes:
        model: the model.
        history: the past of the contacts, as it was at each instant.
        claims: the claims.
        seed: of what is drawn where models are learned anew.
    """

    model: LearnedModel
    history: MessageHistory
    claims: PossibleClaims
    seed: int = 0

    @classmethod
    def read(
        cls,
        model: LearnedModel,
        playbook: Playbook,
        claims: PossibleClaims,
        *,
        touches: Any,
        events: Any,
        contacts: Any = None,
        zone: str | None = None,
        max_bad: int | str | None = None,
    ) -> ModelExpectations:
        """Read the past of the contacts.

        Args:
            model: the model.
            playbook: the rule set.
            claims: the claims.
            touches: the messages that contacts got, those of the log included where it has several runs.
            events: what contacts did.
            contacts: the table of contacts, as the model asks for it.
            zone: IANA name of the zone in which instants without an offset are meant.
            max_bad: how many bad rows are tolerated.

        Raises:
            DataError: for a table that cannot be used, or lacks what the model asks for.
        """
        models = [*model.responses.values(), *([] if model.opt_out is None else [model.opt_out])]
        history = MessageHistory.read(
            playbook,
            touches,
            events,
            until=moment(int(claims.at.max()) + 1),
            contacts=contacts,
            static=model.static,
            only=attribute_names(own.features for own in models),
            zone=zone,
            max_bad=max_bad,
        )
        return cls(model=model, history=history, claims=claims)

    def model_of(self, response: str) -> ResponseModel | None:
        """The model of a response; None where it was not learned."""
        risk = self.model.opt_out
        return risk if risk is not None and risk.name == response else self.model.responses.get(response)

    @property
    def is_seen(self) -> bool:
        """Whether the model may have seen how messages of the claims were answered."""
        until = self.model.until
        return until is None or until > int(self.claims.at.min())

    def chances(
        self,
        model: ResponseModel,
        rows: NDArray[np.int64],
        *,
        unit: NDArray[np.int64],
        is_sent: NDArray[np.bool_],
        answered: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """The chances that some claims are answered, if they are sent.

        Args:
            model: the model of the response.
            rows: the places of the claims.
            unit: by row, the number of the contact or account.
            is_sent: whether it was sent.
            answered: whether it was answered.
        """
        matrix = self.matrix(model, rows)
        if not self.is_seen:
            return model.chances(matrix)[0]
        found = np.zeros(len(rows))
        sent = np.flatnonzero(is_sent)
        fold = unit % FOLDS
        for part in np.unique(fold).tolist():
            others = sent[fold[sent] != part]
            own = np.flatnonzero(fold == part)
            if len(others):
                found[own] = self._learned(model, matrix.select(others), answered[others], matrix.select(own))
        return found

    def _learned(
        self, model: ResponseModel, seen: FeatureMatrix, answered: NDArray[np.bool_], own: FeatureMatrix
    ) -> NDArray[np.float64]:
        """The chances of some claims, by a model of the same kind that is fitted to other messages."""
        if model.card.chosen == BASELINE or min(answered.sum(), (~answered).sum()) < FEWEST[0]:
            log_odds = SmoothedRates.of(seen, answered).log_odds(own)[0]
        else:
            rows = TrainingRows.of(seen, answered)
            fit = fit_boosting if model.card.chosen == BOOSTING else fit_logistic
            log_odds = fit(rows, self.seed).log_odds(own, rows.encoder.levels(own))
        found: NDArray[np.float64] = expit(log_odds)
        return found

    def matrix(self, model: ResponseModel, rows: NDArray[np.int64]) -> FeatureMatrix:
        """The features of some claims, in the order of the rows."""
        claims = self.claims
        moments, moment_of = np.unique(
            np.column_stack([claims.at[rows], claims.contact[rows]]), axis=0, return_inverse=True
        )
        moment_of = moment_of.reshape(-1)
        order = np.argsort(moment_of, kind="stable")
        numbers = ContactNumbers.of(self.history.ids).find(Column(claims.ids), len(claims.ids), {})
        possible = PossibleMessages(
            contact=numbers.astype(np.int64)[moments[:, 1]],
            at=moments[:, 0],
            moment=moment_of[order],
            kind=claims.kind[rows][order],
            kinds=tuple(claims.kinds),
        )
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return FeatureMaker(self.history, model.features).matrix(possible).select(back)
