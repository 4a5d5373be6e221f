"""The file of a model: what is read back, and what is refused."""

from __future__ import annotations

import json
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from learned import example_messages
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeClassifier

import journeykit as jk
from journeykit import DataError
from journeykit.learning import Examples, Feature, FeatureMatrix, LearnedModel, ModelManifest, fit_response

PLAYBOOK = jk.Playbook.from_dict({"name": "spring", "campaigns": [{"id": "news"}]})


class OwnTree(DecisionTreeClassifier):
    """An estimator that skops cannot know."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model in a file, with what was learned."""
    model = fit_response("sale", example_messages(300)[0])
    path = tmp_path_factory.mktemp("model") / "model.skops"
    learned = LearnedModel(responses={"sale": model}, playbook=PLAYBOOK.fingerprint, playbook_name="spring")
    learned.save(path)
    return path, learned


def changed(saved, tmp_path, **parts):
    """The file with another manifest."""
    path = tmp_path / "changed.skops"
    with ZipFile(saved[0]) as old, ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "manifest.json":
                data = json.dumps(json.loads(data) | parts).encode()
            new.writestr(name, data)
    return path


def test_a_model_is_read_with_its_playbook(saved):
    """The playbook with which it was learned is the right one; without one nothing is compared."""
    path, learned = saved
    for playbook in (PLAYBOOK, None):
        found = LearnedModel.load(path, playbook)
        assert found.cards == learned.cards
        assert found.manifest == learned.manifest


def test_a_model_of_another_playbook_is_refused(saved):
    """The error names both playbooks."""
    other = jk.Playbook.from_dict({"name": "autumn"})
    with pytest.raises(jk.DataError) as caught:
        LearnedModel.load(saved[0], other)
    own, its = PLAYBOOK.fingerprint[:12], other.fingerprint[:12]
    assert str(caught.value) == (
        f"{saved[0]}: the model was learned with another playbook: 'spring' ({own}), and this one is 'autumn' ({its}): "
        "learn it again with this playbook"
    )


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"format": 9}, "the file has layout 9, and this version of journeykit reads layout 1: learn the model again"),
        ({"versions": {"scikit-learn": "0.9.1"}}, "the model was made with scikit-learn 0.9.1, and "),
        ({"versions": 3}, "the manifest of this model cannot be read"),
        ({"static": None}, "the manifest of this model cannot be read"),
        ({"surprise": 1}, "the manifest of this model cannot be read"),
        ({"models": {}}, "the manifest does not describe the model in this file: learn it again"),
    ],
)
def test_another_manifest_is_refused(saved, tmp_path, parts, text):
    """A later layout, another version of scikit-learn, and what does not describe the model."""
    with pytest.raises(jk.DataError, match=text):
        LearnedModel.load(changed(saved, tmp_path, **parts), PLAYBOOK)


@pytest.mark.parametrize("cut", [0, 10, -10, -2000])
def test_half_a_file_is_no_model(saved, tmp_path, cut):
    """A file that was cut short, an empty one, and one of another kind are no models."""
    path = tmp_path / "half.skops"
    path.write_bytes(saved[0].read_bytes()[:cut])
    with pytest.raises(jk.DataError, match="expected a model that 'journeykit learn' has written"):
        LearnedModel.load(path)


def test_a_damaged_model_is_said(saved, tmp_path):
    """What is no model behind a good manifest is refused too."""
    path = tmp_path / "damaged.skops"
    with ZipFile(saved[0]) as old, ZipFile(path, "w") as new:
        new.writestr("manifest.json", old.read("manifest.json"))
        new.writestr("schema.json", old.read("schema.json")[:-100])
    with pytest.raises(jk.DataError, match="the model in this file cannot be read: learn it again"):
        LearnedModel.load(path)


def test_a_file_that_is_not_there_is_said():
    """As of any other file."""
    with pytest.raises(FileNotFoundError):
        LearnedModel.load("missing.skops")


def three_at_once():
    """Messages that are answered where an odd number of three things is true, which no sum of pairs can say."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, (2000, 3)).astype(float)
    return Examples(
        matrix=FeatureMatrix(tuple(Feature(name) for name in ("first", "second", "third")), values),
        label=rng.random(2000) < np.where(values.sum(axis=1) % 2, 0.7, 0.1),
        value=np.full(2000, np.nan),
        at=np.arange(2000),
        contact=np.arange(2000),
        campaign=np.full(2000, -1),
        campaigns=(),
    )


def test_types_that_are_not_trusted_are_refused(tmp_path):
    """An estimator of your own is read where its type is named."""
    examples = three_at_once()
    tree = fit_response("sale", examples, candidates={"mine": OwnTree(max_depth=6, random_state=0)})
    path = tmp_path / "model.skops"
    LearnedModel(responses={"sale": tree}).save(path)
    with pytest.raises(
        jk.DataError, match=r"not trusted: sklearn\.tree\._tree\.Tree, test_model_file\.OwnTree\. If you know"
    ):
        LearnedModel.load(path)
    again = LearnedModel.load(path, trusted=["test_model_file.OwnTree", "sklearn.tree._tree.Tree"]).responses["sale"]
    chance, spread = again.chances(examples.matrix)
    assert np.array_equal(chance, tree.chances(examples.matrix)[0])
    assert np.abs(chance - np.where(examples.matrix.values.sum(axis=1) % 2, 0.7, 0.1)).max() < 0.1
    assert (spread > 0).all()


def test_estimators_of_scikit_learn_are_kept(tmp_path):
    """What skops trusts needs no word; the compiled trees of a forest do."""
    examples, path = three_at_once(), tmp_path / "model.skops"
    curves = make_pipeline(PolynomialFeatures(3), LogisticRegression(max_iter=1000))
    forest = RandomForestClassifier(9, random_state=0)
    for name, estimator, trusted in (("curves", curves, ()), ("forest", forest, ("sklearn.tree._tree.Tree",))):
        model = fit_response("sale", examples, candidates={name: estimator})
        assert model.card.chosen == name
        LearnedModel(responses={"sale": model}).save(path)
        again = LearnedModel.load(path, trusted=trusted).responses["sale"]
        assert np.array_equal(again.chances(examples.matrix), model.chances(examples.matrix))
    with pytest.raises(jk.DataError, match="types that are not trusted: sklearn"):
        LearnedModel.load(path)


def test_the_manifest_is_plain_json(saved):
    """Anybody can read what a model needs: its features with their classes, and the versions that made it."""
    with ZipFile(saved[0]) as archive:
        data = json.loads(archive.read("manifest.json"))
    assert data["models"]["sale"]["chosen"] == "rates"
    assert data["models"]["sale"]["features"][1] == {
        "name": "stage",
        "kind": "category",
        "classes": ["aware", "decided", "loyal"],
    }
    assert {"journeykit", "scikit-learn", "skops", "numpy"} <= data["versions"].keys()
    assert ModelManifest.from_json(json.dumps(data), "model") == saved[1].manifest


@pytest.mark.parametrize(
    "parts",
    [{"versions": {"scikit-learn": 5}}, {"playbook": 5}, {"until": "soon"}, {"static": [1]}, {"playbook_name": None}],
)
def test_a_manifest_of_other_kinds_is_refused(saved, tmp_path, parts):
    """Whatever has written it: no part of it is taken for what it is not."""
    with pytest.raises(DataError, match="the manifest of this model cannot be read"):
        LearnedModel.load(changed(saved, tmp_path, **parts), PLAYBOOK)


def test_a_small_file_cannot_fill_the_memory(saved, tmp_path):
    """What is compressed is not unpacked; and lists in lists without end are no manifest."""
    path = tmp_path / "packed.skops"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("manifest.json", b" " * 10_000_000)
    with pytest.raises(DataError, match="found another file"):
        LearnedModel.load(path)
    with ZipFile(path, "w") as file:
        file.writestr("manifest.json", "[" * 100_000)
    with pytest.raises(DataError, match="cannot be read"):
        LearnedModel.load(path)
