"""Uplift: what messages add, learned from contacts that could get them and contacts held out."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from attrs import evolve
from sklearn.naive_bayes import GaussianNB

from journeykit.errors import ModelError
from journeykit.learning import Feature, FeatureMatrix
from journeykit.learning.learned_model import LearnedModel
from journeykit.learning.model_candidates import LOGISTIC, TrainingRows
from journeykit.learning.uplift_learners import LEARNERS, LearnedUplift
from journeykit.learning.uplift_model import MEANS, drawn_together, fit_uplift
from journeykit.learning.uplift_rows import UpliftRows

HILLSTROM = Path(__file__).parents[3] / "shared" / "data" / "hillstrom" / "rows.csv.gz"
CAMPAIGNS = Feature("campaign", "category", ("launch", "news"))


def crowd(contacts, *, held=0.2, seed=0, adds=(0.15, -0.1), base=(0.2, 0.2)):
    """Contacts of two kinds, half and half; what the message adds to the chance of a response differs between them."""
    random = np.random.default_rng(seed)
    kind = random.random(contacts) < 0.5
    treated = random.random(contacts) >= held
    label = random.random(contacts) < np.where(kind, *base) + np.where(kind, *adds) * treated
    values = np.column_stack([kind, random.normal(size=contacts), np.ones(contacts)])
    matrix = FeatureMatrix((Feature("kind"), Feature("noise"), CAMPAIGNS), values)
    return UpliftRows(
        matrix=matrix,
        treated=treated,
        label=label,
        contact=np.arange(contacts),
        campaign=np.ones(contacts),
        campaigns=CAMPAIGNS.classes,
    )


def test_who_is_better_left_alone_is_found():
    """Contacts whom the message helps are told from those it puts off, and messages to the former alone bring more."""
    model = fit_uplift("sale", crowd(8_000))
    values = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    assert model.uplift(FeatureMatrix(model.features, values))[0] == pytest.approx([0.15, -0.1], abs=0.04)
    card = model.card
    assert card.chosen != MEANS
    assert card.share == pytest.approx(0.5, abs=0.05)
    assert card.over_everyone.low > 0
    assert card.over_nobody.low > 0
    assert card.over_everyone.mean == pytest.approx(0.05, abs=0.02)  # half the contacts, 0.1 each
    assert card.over_nobody.mean == pytest.approx(0.075, abs=0.025)


def test_where_contacts_do_not_differ_all_have_the_mean():
    """Differences that are not there are not kept: each contact has the uplift of the campaign."""
    model = fit_uplift("sale", crowd(2_000, adds=(0.1, 0.1), seed=3))
    found, spread = model.uplift(crowd(50).matrix)
    assert model.card.chosen == MEANS
    assert len(set(found)) == 1
    assert found[0] == pytest.approx(0.1, abs=2 * spread[0])
    assert 0.01 < spread[0] < 0.03


def test_of_few_rows_nothing_but_the_mean_is_learned():
    """Twenty rows give the baseline, and the card says why."""
    model = fit_uplift("sale", crowd(20))
    assert model.card.chosen == MEANS
    assert any("Fewer than 20 contacts who responded" in own for own in model.card.notes)
    assert len(set(model.uplift(crowd(50).matrix)[0])) == 1


def test_one_answer_for_all_is_no_fault():
    """Where nobody responds, messages add nothing."""
    rows = crowd(100, base=(0, 0), adds=(0, 0))
    assert fit_uplift("sale", rows).uplift(rows.matrix)[0] == pytest.approx(0, abs=0.01)


def test_strange_features_do_no_harm():
    """Infinite and missing values, a constant, a feature that is never there: the answer is a number for each row."""
    rows = crowd(3_000)
    strange = np.column_stack([rows.matrix.values, np.full(3_000, np.nan), np.where(rows.contact % 7, 1.0, np.inf)])
    features = (*rows.matrix.features, Feature("never"), Feature("endless"))
    model = fit_uplift("sale", evolve(rows, matrix=FeatureMatrix(features, strange)))
    found, _ = model.uplift(FeatureMatrix(features, strange))
    assert np.isfinite(found).all()
    assert found[rows.matrix.column("kind") == 1].mean() > found[rows.matrix.column("kind") == 0].mean() + 0.1


def test_an_estimator_of_the_user_competes():
    """Learners over it are tried beside those of the library, under its name."""
    card = fit_uplift("sale", crowd(1_500), candidates={"bayes": GaussianNB()}).card
    assert {own.name for own in card.tried} >= {"T-learner, bayes", "X-learner, bayes", "T-learner, logistic"}
    with pytest.raises(ModelError, match="expected an estimator with fit and predict_proba, found int"):
        fit_uplift("sale", crowd(100), candidates={"mine": 3})


def test_without_a_holdout_nobody_knows():
    """A campaign without contacts held out has no uplift, and without any such contact nothing can be learned."""
    rows = crowd(400)
    model = fit_uplift("sale", rows)
    values = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, np.nan]])
    assert np.isnan(model.uplift(FeatureMatrix(model.features, values))).tolist() == [[True, False, True]] * 2
    assert "Campaign 'launch' has no contacts: its uplift is not known." in model.card.notes
    with pytest.raises(ModelError, match="its messages and contacts held out: campaign"):
        fit_uplift("sale", rows.select(rows.treated))


def test_classes_are_known_by_name():
    """A table of other classes, in another order, gives the same uplift; a lacking feature is an error."""
    rows = crowd(4_000)
    model = fit_uplift("sale", rows)
    other = (Feature("campaign", "category", ("a", "news")), Feature("noise"), Feature("kind"))
    matrix = FeatureMatrix(other, [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    expected = model.uplift(FeatureMatrix(model.features, [[1.0, 0.0, 1.0]]))[0]
    found = model.uplift(matrix)[0]
    assert found[0] == expected[0]
    assert np.isnan(found[1])
    with pytest.raises(ModelError, match="the rows lack the feature 'kind'"):
        model.uplift(FeatureMatrix(other[:2], [[1.0, 0.0]]))


def test_a_seed_gives_one_model():
    """The same rows and seed give the same model, to the bit; another seed divides contacts otherwise."""
    rows = crowd(600)
    cards = [fit_uplift("sale", rows, seed=seed).card for seed in (0, 0, 1)]
    assert cards[0].to_dict() == cards[1].to_dict()
    assert cards[0].tried[1].curve.qini != cards[2].tried[1].curve.qini


def test_a_model_is_kept(tmp_path):
    """From its file a model gives the same, to the bit, and the file says what is in it."""
    rows = crowd(2_000)
    model = fit_uplift("sale", rows)
    assert model.learner is not None
    LearnedModel(uplift={"sale": model}).save(tmp_path / "model.skops")
    found = LearnedModel.load(tmp_path / "model.skops")
    assert found.uplift["sale"].uplift(rows.matrix)[0].tolist() == model.uplift(rows.matrix)[0].tolist()
    assert found.cards["uplift of sale"].to_dict() == model.card.to_dict()
    assert str(found.cards["uplift of sale"]) == str(model.card)


def test_the_x_learner_leans_on_the_larger_side():
    """Where few are held out, and contacts differ more by themselves than by what a message adds, it is nearer."""
    missed = {"T": 0.0, "X": 0.0}
    for seed in range(20):
        rows = crowd(2_000, held=0.05, seed=seed, adds=(0.1, 0.1), base=(0.1, 0.6))
        training = TrainingRows.of(rows.matrix, rows.label)
        for kind in ("T", "X"):
            own = LearnedUplift.fit(kind, training, rows.treated, LEARNERS[LOGISTIC])
            found = own.uplift(rows.matrix, training.levels, np.full(2_000, 0.95))
            missed[kind] += ((found - 0.1) ** 2).mean()
    assert missed["X"] < 0.7 * missed["T"]


def test_campaigns_of_few_contacts_are_drawn_to_the_others():
    """A mean that its own error leaves open goes to that of all; one campaign alone, or clear ones, stay."""
    assert drawn_together([0.2], [0.01]) == [0.2]
    found = drawn_together([0.05, 0.06, 0.5], [1e-5, 1e-5, 0.1])
    assert found[:2] == pytest.approx([0.055, 0.055], abs=0.006)
    assert found[2] < 0.1


def hillstrom(arm):
    """Hillstrom's customers with one e-mail or none, and whether they visited within two weeks."""
    if not HILLSTROM.exists():
        pytest.skip("the rows of Hillstrom's test are published without a licence, and are not part of the project")
    with gzip.open(HILLSTROM, "rt") as file:
        found = [row for row in csv.DictReader(file) if row["segment"] in (arm, "No E-Mail")]
    numbers = [Feature(name) for name in ("recency", "history", "mens", "womens", "newbie")]
    values = np.array([[*(float(row[own.name]) for own in numbers), 0.0] for row in found])
    values[:, 1] = np.log(values[:, 1])
    return UpliftRows(
        matrix=FeatureMatrix((*numbers, Feature("campaign", "category", (arm,))), values),
        treated=[row["segment"] == arm for row in found],
        label=[row["visit"] == "1" for row in found],
        contact=np.arange(len(found)),
        campaign=np.zeros(len(found)),
        campaigns=(arm,),
    )


def test_hillstrom_s_women_s_message():
    """Messages to customers with uplift above 0 bring nearly what messages to all do, and more than none.

    By the published cells the women's message adds .011 to the visits of customers who bought men's goods only, and
    .074 to those of women's goods only.
    """
    rows = hillstrom("Womens E-Mail")
    model = fit_uplift("visit", rows)
    card = model.card
    assert card.chosen != MEANS
    assert 0.9 < card.share < 1
    assert card.everyone.mean == pytest.approx(0.1514, abs=0.0005)
    assert card.nobody.mean == pytest.approx(0.106167, abs=0.0005)
    assert -0.003 < card.over_everyone.low < card.over_everyone.high < 0.001
    assert card.over_nobody.low > 0.03
    best = next(own for own in card.tried if own.name == card.chosen)
    assert best.curve.qini.low > 0
    uplift, _ = model.uplift(rows.matrix)
    bought = {name: rows.matrix.column(name) == 1 for name in ("mens", "womens")}
    assert uplift[bought["mens"] & ~bought["womens"]].mean() == pytest.approx(0.0111, abs=0.02)
    assert uplift[bought["womens"] & ~bought["mens"]].mean() == pytest.approx(0.0740, abs=0.02)
