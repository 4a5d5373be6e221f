"""Learning a response: which model is used, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from learned import CAMPAIGNS, example_messages
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss

import journeykit as jk
from journeykit.learning import Examples, Feature, FeatureMatrix, LearnedModel, fit_response
from journeykit.learning.chance_scores import calibration_groups, gain_of, losses, scores_of


@pytest.fixture(scope="module")
def world():
    """Messages with known chances, and a model that was learned from them."""
    examples, chances = example_messages(12_000)
    return examples, chances, fit_response("sale", examples)


def test_a_model_that_predicts_better_than_rates_is_used(world):
    """Chances depend on more than campaign and stage, and the card says by how much the model gains from it."""
    examples, chances, model = world
    found, spread = model.chances(examples.matrix)
    assert model.card.chosen in ("logistic", "boosting")
    assert [own.name for own in model.card.tried] == ["rates", "logistic", "boosting"]
    chosen = next(own for own in model.card.tried if own.name == model.card.chosen)
    assert chosen.gain > chosen.error > 0
    assert model.card.scores.log_loss < model.card.baseline.log_loss
    assert np.abs(found - chances).mean() < 0.5 * np.abs(chances.mean() - chances).mean()
    assert ((found > 0) & (found < 1) & (spread > 0)).all()


def test_few_messages_give_smoothed_rates():
    """With 20 messages there is no model but the rates, and the card says why."""
    examples, _ = example_messages(20)
    model = fit_response("sale", examples)
    chance, spread = model.chances(examples.matrix)
    assert model.card.chosen == "rates"
    assert "Too few for a model" in str(model.card)
    assert ((chance > 0) & (chance < 1) & (spread > 0)).all()


@pytest.mark.parametrize(("label", "text"), [(False, "no message was answered"), (True, "every message was answered")])
def test_one_class_only_gives_smoothed_rates(label, text):
    """Where nothing was answered, or everything, the chance is near 0 or 1, and not there."""
    examples, _ = example_messages(500)
    model = fit_response("sale", examples_with(examples, label=np.full(500, label)))
    chance, _ = model.chances(examples.matrix)
    assert text in str(model.card)
    assert ((np.abs(chance - label) < 0.05) & (chance > 0) & (chance < 1)).all()


def test_what_was_best_by_luck_gives_way_to_the_rates():
    """A model that is chosen by what no longer holds on the last messages is not used, and the card says why."""
    rng = np.random.default_rng(18)
    count = 400
    sign, place = rng.integers(0, 2, count), np.arange(count)
    likely = np.where(place < 0.8 * count, sign == 1, sign == 0)
    examples = Examples(
        matrix=FeatureMatrix((Feature("sign"),), sign[:, None]),
        label=rng.random(count) < np.where(likely, 0.5, 0.02),
        value=np.full(count, np.nan),
        at=place,
        contact=place,
        campaign=np.zeros(count, int),
        campaigns=("news",),
    )
    card = fit_response("sale", examples).card
    assert min(card.tried, key=lambda own: own.log_loss).name != "rates"
    assert card.chosen == "rates"
    assert card.scores.log_loss == card.baseline.log_loss
    assert "worse than the rates on those to check" in str(card)


def test_no_message_is_an_error():
    """Nothing is learned from nothing."""
    examples, _ = example_messages(20)
    with pytest.raises(jk.ModelError, match="no messages to learn 'sale' from"):
        fit_response("sale", examples.select(slice(0)))


def test_one_seed_gives_one_model(world):
    """The same messages and seed give the same chances, bit by bit."""
    examples, _, model = world
    again = fit_response("sale", examples)
    for one, other in zip(model.chances(examples.matrix), again.chances(examples.matrix), strict=True):
        assert np.array_equal(one, other)


def test_features_are_found_by_name(world):
    """The order of features and of classes is that of the rows; a class that was never seen is no error."""
    examples, _, model = world
    matrix = examples.matrix.select(slice(0, 100))
    turned = FeatureMatrix(
        (Feature("campaign", "category", ("a new one", *CAMPAIGNS)), *reversed(matrix.features[1:])),
        np.column_stack([matrix.values[:, 0] + 1, matrix.values[:, :0:-1]]),
    )
    assert np.array_equal(model.chances(matrix)[0], model.chances(turned)[0])
    unseen = turned.values.copy()
    unseen[:, 0] = 0
    chance, spread = model.chances(FeatureMatrix(turned.features, unseen))
    assert np.isfinite(chance).all()
    assert spread.mean() > 1.3 * model.chances(turned)[1].mean()


def test_other_features_are_refused(world):
    """A feature too many, one that is missing, and one of another kind are named."""
    examples, _, model = world
    matrix = examples.matrix
    for features, text in (
        ((*matrix.features, Feature("age2")), "the model knows no feature 'age2' .did you mean 'age'"),
        (matrix.features[:-1], "the rows lack the feature 'age'"),
        ((*matrix.features[:-1], Feature("age", "category")), "'age' is a number in the model, and a category"),
    ):
        with pytest.raises(jk.ModelError, match=text):
            model.chances(FeatureMatrix(features, np.zeros((1, len(features)))))


def test_infinite_and_constant_features_are_said():
    """Infinite values are missing ones, in examples and rows alike; a constant feature changes nothing."""
    examples, _ = example_messages(3000)
    column = np.where(np.arange(3000) % 7 == 0, np.inf, examples.matrix.values[:, 2])
    features = (*examples.matrix.features, Feature("endless"), Feature("same"))
    values = np.column_stack([examples.matrix.values, column, np.full(3000, 5.0)])
    matrix = FeatureMatrix(features, values)
    model = fit_response("sale", examples_with(examples, matrix=matrix))
    assert "Infinite values are taken as missing: endless 429" in str(model.card)
    assert "of no use: same" in str(model.card)
    missing = FeatureMatrix(features, np.where(np.isinf(values), np.nan, values))
    assert np.array_equal(model.chances(matrix)[0], model.chances(missing)[0])


def test_your_own_estimator_competes():
    """It is given numbers without gaps, and is used where it is the best; one that fails is named, and is not used."""
    examples, _ = example_messages(4000)

    class Broken:
        def fit(self, rows, label):
            raise RuntimeError("out of order")

        predict_proba = fit

    given = {"mine": LogisticRegression(C=0.05, max_iter=1000), "broken": Broken()}
    card = fit_response("sale", examples, candidates=given).card
    mine, broken = card.tried[-2:]
    assert mine.name == "mine"
    assert mine.log_loss == pytest.approx(card.tried[1].log_loss, abs=0.01)
    assert (broken.log_loss, broken.note) == (None, "RuntimeError: out of order")
    with pytest.raises(jk.ModelError, match="expected an estimator with fit and predict_proba, found int"):
        fit_response("sale", examples, candidates={"mine": 3})
    with pytest.raises(jk.ModelError, match="'boosting' is taken"):
        fit_response("sale", examples, candidates={"boosting": LogisticRegression()})


def test_an_estimator_that_fails_later_is_named():
    """Once chosen, an estimator is needed; where it then fails on more messages, the error says so."""
    examples, _ = example_messages(1000)
    known = np.where(examples.label[600:800], 0.9, 0.1)

    class Knows:
        def fit(self, rows, label):
            if len(rows) > 600:
                raise MemoryError("too many")
            self.predict_proba = lambda asked: np.column_stack([1 - known, known])
            return self

        def predict_proba(self, rows):
            raise NotImplementedError

    with pytest.raises(jk.ModelError, match="the model 'mine' fails on more messages: MemoryError: too many"):
        fit_response("sale", examples, candidates={"mine": Knows()})


def test_scores_are_those_of_scikit_learn():
    """Log loss, Brier's score and the groups of calibration agree with scikit-learn's."""
    rng = np.random.default_rng(1)
    log_odds, label = rng.normal(-2, 1, 5000), rng.random(5000) < 0.15
    chance = 1 / (1 + np.exp(-log_odds))
    own = scores_of(log_odds, label)
    assert own.log_loss == pytest.approx(log_loss(label, chance), rel=1e-12)
    assert own.brier == pytest.approx(brier_score_loss(label, chance), rel=1e-12)
    groups = calibration_groups(log_odds, label)
    rates, means = calibration_curve(label, chance, n_bins=10, strategy="quantile")
    assert [group.share.rate for group in groups] == pytest.approx(rates, abs=0.01)
    assert [group.chance for group in groups] == pytest.approx(means, abs=0.01)
    assert sum(group.messages for group in groups) == 5000


def test_the_error_of_a_gain_is_by_contact():
    """Messages of one contact are not independent: ten copies of each give no smaller error."""
    rng = np.random.default_rng(1)
    base, own, contact = rng.random(300), rng.random(300), np.arange(300)
    gain, error = gain_of(base, own, contact)
    copies = gain_of(np.tile(base, 10), np.tile(own, 10), np.tile(contact, 10))
    assert copies == pytest.approx((gain, error))
    assert error == pytest.approx((base - own).std() / np.sqrt(300))
    assert losses(np.array([0.0]), np.array([True])) == pytest.approx(np.log(2))


def test_messages_of_one_instant_are_split_by_contact():
    """A single mailing has no later time: then no contact is in two parts."""
    examples, _ = example_messages(3000)
    card = fit_response("sale", examples_with(examples, at=np.zeros(3000, int))).card
    assert "contacts are split instead" in str(card)
    assert card.recurring == 0


def examples_with(examples, **changes):
    """Examples with some parts changed."""
    parts = ("matrix", "label", "value", "at", "contact", "campaign", "campaigns")
    return Examples(**{name: getattr(examples, name) for name in parts} | changes)


def test_a_card_has_several_forms(world):
    """Text, a page of Markdown, a notebook's page and plain data say the same."""
    card = world[2].card
    data = card.to_dict()
    assert data["scores"]["log_loss"] == card.scores.log_loss
    assert data["parts"][0]["since"] == "2026-01-01T00:00:00+00:00"
    assert f"{card.scores.log_loss:.5f}" in str(card)
    assert f"{card.scores.log_loss:.5f}" in card.to_markdown()
    assert f"{card.scores.log_loss:.5f}" in card._repr_html_()
    assert sum(own.messages for own in card.parts[1:]) == card.parts[0].messages == 12_000


def test_a_model_is_kept(world, tmp_path):
    """What is read back gives the same chances and has the same card."""
    examples, _, model = world
    whole = LearnedModel(responses={"sale": model}, opt_out=model, until=5, static=("age",))
    whole.save(tmp_path / "model.skops")
    again = LearnedModel.load(tmp_path / "model.skops")
    assert np.array_equal(again.responses["sale"].chances(examples.matrix), model.chances(examples.matrix))
    assert (again.until, again.static, again.cards) == (5, ("age",), whole.cards)


@pytest.mark.parametrize(("answered", "chance"), [(False, 0.5 / 381), (True, 380.5 / 381)])
def test_the_rate_of_one_kind_is_honest(answered, chance):
    """Of none in 380, or all: half a message of each kind is added, and the spread is that of Jeffreys' beta."""
    examples, _ = example_messages(380)
    model = fit_response("sale", evolve(examples, label=np.full(380, answered)))
    chances, spread = model.chances(examples.matrix)
    np.testing.assert_allclose(chances, chance)
    np.testing.assert_allclose(spread, np.sqrt(chance * (1 - chance) / 382))
