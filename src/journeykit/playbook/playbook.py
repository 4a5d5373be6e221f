"""The playbook: the whole rule set as one value, and its checks of itself."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from journeykit.basics.clock import clock, micros
from journeykit.basics.lazy import door
from journeykit.errors import PlaybookError, Problem
from journeykit.model.segment import segmented, segments_of
from journeykit.playbook.rule_bindings import bind_rules
from journeykit.playbook.section_checks import find_problems
from journeykit.playbook.sections import Sections
from journeykit.playbook.write import to_dict

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from datetime import datetime

    from journeykit.model.contact import Contact
    from journeykit.model.segment_report import SegmentReport


@frozen(kw_only=True)
class Playbook(Sections):
    """The whole rule set: journey, teams, content, campaigns, caps, conflicts, requirements, quotas, hours, policy.

    Load one with `Playbook.load` or `Playbook.from_dict`, or make one from its parts. A section that is left out
    (None) is not checked against: a playbook without ``campaigns`` takes any campaign id, which makes it a plain
    gatekeeper of caps.

    Attributes:
        version: of the format: 1.
        name: for people.
        timezone: IANA name; for contacts without one, and for windows in the playbook's zone.
        journey: the stages; None for the default ones, unchecked.
        segments: named rules; contacts for whom they are true are in the segment, beside those that a contact brings.
        teams: who claims; None for any.
        content: the messages; None for any.
        campaigns: the intentions; None for any.
        caps: at most so many touches in a window.
        rests: when contacts are left alone because of what they did, or did not do.
        conflicts: what may not follow what.
        requirements: what needs a partner.
        quotas: what holds over all contacts.
        channels: what holds for all messages of a channel; others may be used as well.
        quiet_hours: when nothing goes out.
        send_hours: the only times at which something goes out.
        holidays: local dates on which nothing goes out.
        holdout: the share of contacts that gets nothing that needs consent.
        levers: factors on the weights of some claims, for some contacts.
        responses: which events are credited to which messages, for measures.
        experiments: other rules that are tried, each on a share of the contacts.
        guards: how many responses, such as complaints, a campaign may have per message before it is paused.
        explore: for which share of the contacts weights are drawn, so that it can be learned what else would have
            worked.
        policy: the name of the policy that weighs the claims.
        reserve: what a message must be worth more than.
        interest_lift: how much more a claim weighs whose topics or solutions meet the contact's interests.
        opt_out_cost: what it costs where a contact opts out: a number, or ``stage_value`` for the value of their stage.
            A message's weight is less by this times the claim's ``opt_out``. None costs nothing.
        on_missing: what to do where data is missing.
        on_infeasible: where hard quotas cannot hold together: ``refuse`` the run, or ``relax`` them to soft ones.
        master_limit: for quotas: the most contacts, undecided at the prices, that are settled together; those with
            equal choices count as one.

    Raises:
        PlaybookError: with everything that is wrong.

    Example:
        >>> from journeykit import Cap, Window
        >>> gatekeeper = Playbook(caps=[Cap(name="two a week", max=2, window=Window.rolling(days=7))])
        >>> gatekeeper.check()
        ()
    """

    def __attrs_post_init__(self) -> None:
        problems = tuple(find_problems(self))
        if problems:
            raise PlaybookError(problems)
        bind_rules(self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a playbook from a YAML, TOML or JSON file; its ending says which.

        Raises:
            PlaybookError: with everything that is wrong, each with its path and, where possible, its line.
            MissingExtraError: for a YAML file without the extra ``yaml``.
        """
        from journeykit.playbook.read import load

        return load(path, cls)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """A playbook from plain data, as a file would hold it.

        Raises:
            PlaybookError: with everything that is wrong.

        Example:
            >>> Playbook.from_dict({"caps": [{"name": "daily", "max": 1, "window": {"calendar": "day"}}]}).caps[0].name
            'daily'
        """
        from journeykit.playbook.read import from_dict

        return from_dict(data, cls)

    def to_dict(self) -> dict[str, Any]:
        """The playbook as plain data, every default written out; `from_dict` reads it back."""
        return to_dict(self)

    @property
    def fingerprint(self) -> str:
        """A sha256 of the canonical form: equal playbooks have equal fingerprints, however they were written."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return sha256(text.encode()).hexdigest()

    def check(self) -> tuple[Problem, ...]:
        """Warnings: what is allowed but probably not meant, such as a cap that can never bind."""
        from journeykit.playbook.warnings import find_warnings

        return tuple(find_warnings(self))

    def segments_of(self, contact: Contact, at: datetime) -> tuple[str, ...]:
        """The segments of a contact at an instant: those that it brings itself, then the playbook's, in their order.

        Args:
            contact: who.
            at: the instant, aware; the rules are asked at it, in the contact's zone.

        Raises:
            ModelError: for a naive ``at``.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import Contact, Segment
            >>> playbook = Playbook(segments=[Segment(name="enterprise", rule="employees >= 500")])
            >>> anna = Contact(id="anna", segments=["vip"], attributes={"employees": 700})
            >>> playbook.segments_of(anna, datetime(2026, 11, 5, 10, tzinfo=UTC))
            ('vip', 'enterprise')
        """
        return tuple(segments_of(self.segments, contact, self._local(contact, at)))

    def segmented(self, contact: Contact, at: datetime) -> Contact:
        """The contact with all its segments, as a decision sees it; the arguments are those of `segments_of`."""
        return segmented(self.segments, contact, self._local(contact, at))

    def segment_report(
        self, contacts: Any, *, at: datetime, zone: str | None = None, max_bad: int | str | None = None
    ) -> SegmentReport:
        """Who is in which of the playbook's segments, who is in none, and which segments overlap.

        Args:
            contacts: `Contact` objects, of which any iterable will do; or a table, as `Arbiter.decide_table` takes it.
            at: the instant, aware; the rules are asked at it, in each contact's zone.
            zone: IANA name of the zone in which instants of a table without an offset are meant; None makes them bad.
            max_bad: how many bad rows of a table are tolerated, as a number or as a share of its rows (``"1%"``); None
                for any number.

        Raises:
            DataError: for a table that cannot be used, or too many bad rows.
            ModelError: for a naive ``at``.

        Example:
            >>> from datetime import UTC, datetime
            >>> from journeykit import Contact, Segment
            >>> playbook = Playbook(segments=[Segment(name="enterprise", rule="employees >= 500")])
            >>> people = [Contact(id="anna", attributes={"employees": 700}), Contact(id="ben")]
            >>> report = playbook.segment_report(people, at=datetime(2026, 11, 5, 10, tzinfo=UTC))
            >>> report.none, report.segments[0].contacts, report.segments[0].unknown
            (1, 1, 1)
        """
        report = door("journeykit.segments.count", "segment_report")
        found: SegmentReport = report(self, contacts, at=at, zone=zone, max_bad=max_bad)
        return found

    def _local(self, contact: Contact, at: datetime) -> datetime:
        return clock(contact.timezone or self.timezone).moment(micros(at))
