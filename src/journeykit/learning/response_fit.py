"""Learning a response: fit the models that compete, choose one on later messages, calibrate it, fit it on all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from journeykit.errors import ModelError
from journeykit.learning.chance_calibration import LEAST_OF_EACH, ChanceCalibration
from journeykit.learning.chance_scores import calibration_groups, gain_of, losses, scores_of
from journeykit.learning.chance_spread import ChanceSpread
from journeykit.learning.examples import Examples
from journeykit.learning.level_encoder import LevelEncoder
from journeykit.learning.model_candidates import (
    BASELINE,
    BOOSTING,
    LOGISTIC,
    ChanceScorer,
    TrainingRows,
    estimator_candidate,
    fit_boosting,
    fit_logistic,
)
from journeykit.learning.model_card import CardPart, ModelCard, TriedModel
from journeykit.learning.response_model import ResponseModel
from journeykit.learning.smoothed_rates import SmoothedRates
from journeykit.learning.time_split import TimeSplit, shuffled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from journeykit.learning.feature_matrix import FeatureMatrix


FIT, CHOOSE, CHECK = range(3)
"""The parts of the messages."""
_NAMES = ("fit", "choose", "check")
FEWEST = (30, 10)
"""So many messages of either kind, answered or not, must be there to fit, and to choose; else the baseline is used."""


def fit_response(
    name: str, examples: Examples, *, candidates: Mapping[str, Any] | None = None, seed: int = 0
) -> ResponseModel:
    """Learn the chance that a message is answered.

    The earliest 60 % of the messages fit the models, the next 20 % choose one, and the last 20 % calibrate and check
    it; then it is fitted on all of them. The one of the lowest log loss is chosen, which may be the baseline. The
    baseline is used too where the chosen one is worse than it on the messages to check, by more than the standard error
    of the difference, or messages are too few to choose.

    Args:
        name: the response.
        examples: messages and whether they were answered.
        candidates: by name, estimators with ``fit`` and ``predict_proba`` that compete besides; `estimator_columns`
            says what they are given.
        seed: of everything that is drawn; with one seed the model is the same.

    Raises:
        ModelError: without messages, or for what is no estimator.

    Example:
        >>> from journeykit.learning import Feature, FeatureMatrix
        >>> places = np.arange(2000)
        >>> matrix = FeatureMatrix((Feature("touches_7d"),), (places % 4)[:, None])
        >>> nothing = np.full(2000, np.nan)
        >>> model = fit_response("sale", Examples(
        ...     matrix=matrix, label=places // 4 % 10 > 5 + places % 4, value=nothing, at=places, contact=places,
        ...     campaign=np.zeros(2000, int), campaigns=("news",),
        ... ))
        >>> model.card.chosen, model.chances(matrix)[0][:4].round(1).tolist()
        ('logistic', [0.4, 0.3, 0.2, 0.1])
    """
    if not len(examples):
        raise ModelError(f"there are no messages to learn {name!r} from")
    fits = _fits(candidates or {})
    return _ResponseFit(name, examples, fits, TimeSplit.of(examples.at, examples.contact, seed), seed).model()


def _fits(candidates: Mapping[str, Any]) -> dict[str, Callable[[TrainingRows, int], ChanceScorer]]:
    own = {LOGISTIC: fit_logistic, BOOSTING: fit_boosting}
    for name in candidates:
        if name in own or name == BASELINE:
            raise ModelError(f"the name {name!r} is taken by a model of the library", field=name)
    return {**own, **{name: estimator_candidate(estimator) for name, estimator in candidates.items()}}


@frozen(eq=False)
class _ResponseFit:
    """What is known while a response is learned."""

    name: str
    examples: Examples
    fits: Mapping[str, Callable[[TrainingRows, int], ChanceScorer]]
    split: TimeSplit
    seed: int

    def model(self) -> ResponseModel:
        if not self._is_enough():
            return self._whole(BASELINE, None, ModelCard(response=self.name, chosen=BASELINE, parts=()))
        tried = self._tried()
        # Of equal ones the first, which is the baseline.
        chosen = min(tried, key=lambda own: math.inf if own.log_loss is None else own.log_loss).name
        calibration, card, is_worse = self._checked(chosen)
        if is_worse:
            # What won may have won by luck: a second time says so.
            found, chosen = card, BASELINE
            calibration, card, _ = self._checked(BASELINE)
            card = evolve(card, notes=(_worse_note(found),))
        return self._whole(chosen, calibration, evolve(card, tried=tried))

    def _is_enough(self) -> bool:
        label, part = self.examples.label, self.split.part
        both = [(label[part == own].sum(), (~label[part == own]).sum()) for own in (FIT, CHOOSE)]
        return all(min(own) >= least for own, least in zip(both, FEWEST, strict=True))

    def _tried(self) -> tuple[TriedModel, ...]:
        """Each model, fitted on the first messages, on those to choose."""
        part = self.split.part
        early, later = self.examples.select(part == FIT), self.examples.select(part == CHOOSE)
        rows = TrainingRows.of(early.matrix, early.label)
        base = losses(SmoothedRates.of(early.matrix, early.label).log_odds(later.matrix)[0], later.label)
        found = [TriedModel(name=BASELINE, log_loss=float(base.mean()))]
        levels = rows.encoder.levels(later.matrix)
        for name, fit in self.fits.items():
            try:
                own = losses(fit(rows, self.seed).log_odds(later.matrix, levels), later.label)
            except Exception as error:  # noqa: BLE001  (an estimator of the user may raise anything)
                found.append(TriedModel(name=name, note=f"{type(error).__name__}: {error}"))
                continue
            gain, spread = gain_of(base, own, later.contact)
            found.append(TriedModel(name=name, log_loss=float(own.mean()), gain=gain, error=spread))
        return tuple(found)

    def _fitted(self, name: str, rows: TrainingRows) -> ChanceScorer:
        try:
            return self.fits[name](rows, self.seed)
        except Exception as error:
            raise ModelError(f"the model {name!r} fails on more messages: {type(error).__name__}: {error}") from error

    def _checked(self, chosen: str) -> tuple[ChanceCalibration | None, ModelCard, bool]:
        """The chosen model and the baseline, fitted on all but the last messages, on these.

        Returns:
            The calibration, the card, and whether the model loses more on the baseline than its standard error.
        """
        part = self.split.part
        early, last = self.examples.select(part != CHECK), self.examples.select(part == CHECK)
        base = SmoothedRates.of(early.matrix, early.label).log_odds(last.matrix)[0]
        own = base
        if chosen in self.fits:
            rows = TrainingRows.of(early.matrix, early.label)
            own = self._fitted(chosen, rows).log_odds(last.matrix, rows.encoder.levels(last.matrix))
        calibration = ChanceCalibration.of(own, last.label)
        shown, base = (self._calibrated(given, last) for given in (own, base))
        card = ModelCard(
            response=self.name,
            chosen=chosen,
            parts=(),
            recurring=float(np.isin(last.contact, early.contact).mean()),
            scores=scores_of(shown, last.label),
            baseline=scores_of(base, last.label),
            calibration=calibration_groups(shown, last.label),
            slope=None if calibration is None else calibration.slope,
        )
        gain, error = gain_of(losses(base, last.label), losses(shown, last.label), last.contact)
        return calibration, card, gain < -error

    def _calibrated(self, log_odds: NDArray[np.float64], last: Examples) -> NDArray[np.float64]:
        """Log-odds, calibrated for each half of the contacts on the other half, so that no answer judges itself."""
        half = shuffled(last.contact, self.seed) % 2 == 0
        found = log_odds.copy()
        for own in (half, ~half):
            calibration = ChanceCalibration.of(log_odds[~own], last.label[~own])
            if calibration is not None:
                found[own] = calibration.calibrated(log_odds[own])
        return found

    def _whole(self, chosen: str, calibration: ChanceCalibration | None, card: ModelCard) -> ResponseModel:
        """The model that is kept: fitted on all messages."""
        matrix, label = self.examples.matrix, self.examples.label
        rates = SmoothedRates.of(matrix, label)
        scorer, spread = None, None
        if chosen in self.fits:
            rows = TrainingRows.of(matrix, label)
            encoder, scorer = rows.encoder, self._fitted(chosen, rows)
            log_odds = scorer.log_odds(matrix, rows.levels)
            spread = ChanceSpread.of(rows, log_odds, self.examples.contact, self.seed)
        else:
            encoder, log_odds = LevelEncoder.of(matrix), rates.log_odds(matrix)[0]
        if calibration is not None:
            last = self.split.part == CHECK
            calibration = calibration.anchored(log_odds[last], label[last])
        return ResponseModel(
            name=self.name,
            encoder=encoder,
            rates=rates,
            scorer=scorer,
            spread=spread,
            calibration=calibration,
            card=self._card(card, encoder, is_enough=bool(card.tried), is_calibrated=calibration is not None),
        )

    def _card(self, card: ModelCard, encoder: LevelEncoder, *, is_enough: bool, is_calibrated: bool) -> ModelCard:
        parts = [_part("all", self.examples)]
        if is_enough:
            parts += [_part(name, self.examples.select(self.split.part == at)) for at, name in enumerate(_NAMES)]
        return evolve(
            card,
            parts=tuple(parts),
            features={own.feature.name: own.feature.kind for own in encoder.features},
            left_out=dict(self.examples.left_out),
            notes=tuple(self._notes(card, encoder, is_enough=is_enough, is_calibrated=is_calibrated)),
        )

    def _notes(self, card: ModelCard, encoder: LevelEncoder, *, is_enough: bool, is_calibrated: bool) -> list[str]:
        yes = int(self.examples.label.sum())
        no = len(self.examples) - yes
        notes = list(card.notes)
        if not yes or not no:
            what = "no message was answered" if not yes else "every message was answered"
            notes.append(f"Of one class only: {what}, so the chance is a smoothed rate of all.")
        elif not is_enough:
            notes.append(
                f"Too few for a model: {yes:,} messages were answered and {no:,} were not; the first 60 % of them need "
                f"{FEWEST[0]} of each, and the next 20 % {FEWEST[1]}. So chances are smoothed rates by campaign and "
                "stage."
            )
        if is_enough and not self.split.by_time:
            notes.append("Too many messages have one instant to split them by time: contacts are split instead.")
        if is_enough and not is_calibrated:
            notes.append(f"Not calibrated: that needs {LEAST_OF_EACH} messages of each kind in the last part.")
        if card.recurring:
            notes.append(
                f"{100 * card.recurring:.0f} % of the messages to check went to contacts with messages before."
            )
        return notes + _feature_notes(encoder, self.examples.matrix)


def _worse_note(card: ModelCard) -> str:
    own, base = (math.nan if given is None else given.log_loss for given in (card.scores, card.baseline))
    return (
        f"{card.chosen!r} was best on the messages to choose, but worse than the rates on those to check (log loss "
        f"{own:.5f} against {base:.5f}): so chances are smoothed rates by campaign and stage."
    )


def _feature_notes(encoder: LevelEncoder, matrix: FeatureMatrix) -> list[str]:
    infinite = {own.feature.name: own.infinite for own in encoder.features if own.infinite}
    same = (matrix.values == matrix.values[:1]).all(axis=0) | np.isnan(matrix.values).all(axis=0)
    notes = []
    if same.any():
        names = ", ".join(name for name, is_same in zip(matrix.names, same.tolist(), strict=True) if is_same)
        notes.append(f"The same for all messages, and so of no use: {names}.")
    if infinite:
        counts = ", ".join(f"{name} {count:,}" for name, count in infinite.items())
        notes.append(f"Infinite values are taken as missing: {counts}.")
    return notes


def _part(name: str, examples: Examples) -> CardPart:
    at = examples.at
    return CardPart(
        name=name,
        messages=len(examples),
        answered=int(examples.label.sum()),
        contacts=len(np.unique(examples.contact)),
        since=int(at.min()) if len(at) else None,
        until=int(at.max()) if len(at) else None,
    )
