"""The command line of learning: ``journeykit learn`` and ``journeykit score``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from journeykit.cli.arguments import (
    DONE,
    TABLE_KINDS,
    UsageError,
    add_max_bad,
    add_playbook_command,
    add_table_format,
    add_zone,
    all_names,
    check_unharmed,
    estimator,
    instant,
    load_model,
    name_list,
    open_ledger,
    print_json,
    seed,
    zone_of,
)
from journeykit.columns import missing_module
from journeykit.errors import ModelError, missing

if TYPE_CHECKING:
    import argparse

    from journeykit.learning import CampaignScores
    from journeykit.playbook.playbook import Playbook

MODEL_ENDING = ".skops"


def add_learn(commands: Any) -> None:
    """Add the command that learns."""
    words = "learn the chance that a message is answered, and what it risks, from what messages brought"
    parser = add_playbook_command(commands, "learn", _learn, words)
    _add_tables(parser, "contacts, for their attributes; with valid_from each may have several rows")
    parser.add_argument(
        "--until", required=True, type=instant, metavar="T", help="learn from what was sent and done before T"
    )
    parser.add_argument("--since", type=instant, metavar="T", help="learn from messages from T on (all)")
    parser.add_argument(
        "--static",
        action="append",
        default=[],
        type=name_list,
        metavar="COLUMN,...",
        help="attributes of contacts that never change; others are used where the table has valid_from",
    )
    parser.add_argument(
        "--response",
        action="append",
        type=name_list,
        metavar="NAME,...",
        help="learn these responses; may be repeated (all); the propensity of --out is the chance of the first",
    )
    parser.add_argument(
        "--estimator",
        action="append",
        default=[],
        type=estimator,
        metavar="NAME=MODULE:OBJECT",
        help="an estimator of your own that competes: an object with fit and predict_proba; may be repeated",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all that is drawn (0)")
    add_max_bad(parser)
    parser.add_argument("--model", metavar="F", help="write the model, for `score`: .skops")
    parser.add_argument(
        "--out", metavar="F", help="write the scores at --until, for `decide`: .csv, .jsonl or .parquet"
    )
    add_table_format(parser, "of --out, where the ending does not say it")
    _add_uplift(parser)
    parser.add_argument("--json", action="store_true", help="print the cards of the models as JSON")


def _add_uplift(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("uplift", "what messages add, against contacts that were held out")
    group.add_argument(
        "--uplift",
        action="store_true",
        help="learn it; scores then have the column uplift, and propensity is what a message adds, at least 0",
    )
    group.add_argument("--log", metavar="F", help="decisions with all rows of a playbook with a holdout: decide --all")
    group = parser.add_argument_group("caps", "how many messages a contact bears")
    group.add_argument(
        "--caps",
        metavar="F",
        help="write by contact the messages a week from which on the next one is not worth its risk, for max: "
        "{attribute: messages_a_week, default: ...}: .csv, .jsonl or .parquet",
    )


def add_score(commands: Any) -> None:
    """Add the command that scores."""
    words = "score contacts for all campaigns with a model that `learn` wrote"
    parser = add_playbook_command(commands, "score", _score, words)
    parser.add_argument("--model", required=True, metavar="F", help="the model")
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="TYPE",
        help="a type that the model may hold, such as that of your own estimator; loading runs its code",
    )
    _add_tables(parser, "contacts to score; by default all who have a touch or did something")
    parser.add_argument(
        "--at", required=True, type=instant, metavar="T", help="the instant: what was before T is known"
    )
    parser.add_argument("--response", metavar="NAME", help="propensity is the chance of this response")
    add_max_bad(parser)
    parser.add_argument("--out", required=True, metavar="F", help="the scores: .csv, .jsonl or .parquet; - prints")
    add_table_format(parser, "of --out, where the ending does not say it")


def _add_tables(parser: argparse.ArgumentParser, contacts: str) -> None:
    tables = parser.add_argument_group("tables", TABLE_KINDS)
    tables.add_argument("--touches", metavar="F", help="the messages: contact_id, sent_at, channel, campaign_id, ...")
    tables.add_argument("--events", metavar="F", help="what contacts did: contact_id, event, at, ...")
    tables.add_argument("--contacts", metavar="F", help=contacts)
    tables.add_argument("--ledger", metavar="URL", help="take touches and events that are not given from a ledger")
    add_zone(tables)


def _learn(arguments: argparse.Namespace) -> int:
    _check(arguments)
    if arguments.since is not None and arguments.since >= arguments.until:
        raise UsageError("--since must be before --until")
    if arguments.uplift and arguments.log is None:
        raise UsageError("--uplift needs --log: decisions with all rows of a playbook with a holdout")
    if arguments.log is not None and not arguments.uplift:
        raise UsageError("--log belongs to --uplift")
    if arguments.static and arguments.contacts is None:
        raise UsageError("--static names attributes of contacts: give --contacts too")
    if arguments.model is not None and not arguments.model.lower().endswith(MODEL_ENDING):
        raise UsageError(f"--model {arguments.model}: the ending of a model is {MODEL_ENDING}")
    if arguments.format is not None and arguments.out is None:
        raise UsageError("--format goes with --out: it says what that file is")
    playbook = _playbook(arguments, "learn")
    if arguments.caps is not None and playbook.opt_out_cost is None:
        raise UsageError("--caps needs what an opt-out costs: give opt_out_cost in the playbook")
    candidates = {name: _made(load(), place) for name, load, place in arguments.estimator}
    from journeykit.learning import MessageHistory, caps_of, learn_from, scores_of, with_uplift
    from journeykit.learning.scored_campaigns import scored_campaigns

    if arguments.out is not None or arguments.caps is not None:
        # Without a campaign there would be nothing to score, which is said before anything is learned.
        scored_campaigns(playbook, arguments.until)
    touches, events = _sources(arguments)
    static, responses = all_names(arguments.static) or (), all_names(arguments.response)
    try:
        history = MessageHistory.read(
            playbook,
            touches,
            events,
            until=arguments.until,
            contacts=arguments.contacts,
            static=static,
            zone=arguments.zone,
            max_bad=arguments.max_bad,
        )
        model = learn_from(
            playbook,
            history,
            until=arguments.until,
            since=arguments.since,
            static=static,
            responses=responses,
            candidates=candidates,
            seed=arguments.seed,
        )
        if arguments.uplift:
            model = with_uplift(
                model,
                playbook,
                history,
                arguments.log,
                events,
                until=arguments.until,
                candidates=candidates,
                zone=arguments.zone,
                max_bad=arguments.max_bad,
                seed=arguments.seed,
            )
        scores = caps = None
        if arguments.out is not None or arguments.caps is not None:
            scores = scores_of(playbook, model, history, at=arguments.until, response=(responses or (None,))[0])
        if arguments.caps is not None and scores is not None:
            caps = caps_of(playbook, scores)
    except ModelError as error:
        raise UsageError(str(error)) from error
    if arguments.model is not None:
        model.save(arguments.model)
    notes = history.notes
    if scores is not None:
        notes = scores.notes
        if arguments.out is not None:
            scores.write(arguments.out, arguments.format)
    if caps is not None:
        caps.write(arguments.caps)
        notes = (*notes, *caps.notes)
    if arguments.json:
        cards = {name: own.to_dict() for name, own in model.cards.items()}
        print_json("model_cards", {"cards": cards, "notes": list(notes)})
    else:
        print("\n\n".join(map(str, model.cards.values())), *notes, sep="\n")
    if scores is not None and arguments.out is not None:
        _told(scores, arguments)
    if caps is not None:
        print(f"numbers of messages of {len(caps.ids):,} contacts written to {arguments.caps}", file=sys.stderr)
    return DONE


def _score(arguments: argparse.Namespace) -> int:
    _check(arguments)
    playbook = _playbook(arguments, "score")
    from journeykit.learning import score

    model = load_model(arguments.model, playbook, arguments.trust)
    touches, events = _sources(arguments)
    try:
        scores = score(
            playbook,
            model,
            arguments.contacts,
            touches,
            events,
            at=arguments.at,
            response=arguments.response,
            zone=arguments.zone,
            max_bad=arguments.max_bad,
        )
    except ModelError as error:
        raise UsageError(str(error)) from error
    scores.write(arguments.out, arguments.format)
    for note in scores.notes:
        print(note, file=sys.stderr)
    _told(scores, arguments)
    return DONE


def _told(scores: CampaignScores, arguments: argparse.Namespace) -> None:
    print(f"{len(scores):,} scores of {scores.contacts:,} contacts written to {arguments.out}", file=sys.stderr)


def _playbook(arguments: argparse.Namespace, purpose: str) -> Playbook:
    """The playbook, where all that learning needs is there."""
    from journeykit.playbook.playbook import Playbook

    playbook = Playbook.load(arguments.playbook)
    zone_of(arguments)
    lacking = missing_module()
    if lacking in ("numpy", "pyarrow", "narwhals"):
        raise missing(lacking, "learn", purpose)
    from journeykit.learning.learn_extra import need_learn

    need_learn(purpose)
    return playbook


def _made(found: Any, place: str) -> Any:
    """An estimator of the user's own; a class, or a function that makes one, is called."""
    if isinstance(found, type) or (callable(found) and not hasattr(found, "fit")):
        try:
            found = found()
        except Exception as error:
            raise UsageError(f"the estimator {place} cannot be made: {type(error).__name__}: {error}") from error
    lacking = [name for name in ("fit", "predict_proba") if not callable(getattr(found, name, None))]
    if lacking:
        raise UsageError(
            f"the estimator {place} has no {' and no '.join(lacking)}: expected an object with fit and predict_proba"
        )
    return found


def _sources(arguments: argparse.Namespace) -> tuple[Any, Any]:
    """The touches and the events: as they are given, else from the ledger."""
    touches, events = arguments.touches, arguments.events
    if arguments.ledger is None:
        return touches, events
    with open_ledger(arguments.ledger) as ledger:
        if touches is None:
            # A reservation has the id of the decision that made it.
            touches = [{**row, "decision_id": row["id"]} for row in ledger.export_all("touches")]
        if events is None:
            events = list(ledger.export_all("events"))
    return touches, events


def _check(arguments: argparse.Namespace) -> None:
    """What can be said of the command line before any work is done."""
    from journeykit.tables import ENDINGS, format_of

    if arguments.ledger is None:
        for name in ("touches", "events"):
            if getattr(arguments, name) is None:
                raise UsageError(f"--{name} is needed, or --ledger, which holds {name}")
    elif arguments.touches is not None and arguments.events is not None:
        raise UsageError("--ledger gives what --touches and --events do not, and both are given")
    read = {f"the {name}": getattr(arguments, name) for name in ("playbook", "touches", "events", "contacts")}
    if getattr(arguments, "log", None) is not None:
        read["the log"] = arguments.log
    for name in ("model", "out", "caps"):
        path = getattr(arguments, name, None)
        if path is None:
            continue
        if name == "caps" and format_of(path) is None:
            raise UsageError(f"--caps {path}: the ending of a table is one of {', '.join(ENDINGS)}")
        if name == "out" and path == "-":
            if arguments.format is None:
                raise UsageError("--out - needs --format csv, jsonl or parquet")
            continue
        if name == "out" and arguments.format is None and format_of(path) is None:
            raise UsageError(f"--out {path}: the ending of a table is one of {', '.join(ENDINGS)}; or give --format")
        if not (name == "model" and hasattr(arguments, "trust")):
            check_unharmed(path, read, option=name)
        read[f"--{name}"] = path
