"""Choosing for all contacts of a columnar job together, so that the quotas hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeykit.engine.contact_group import grouped
from journeykit.errors import InfeasibleError
from journeykit.job.arm_chunks import ArmChunks
from journeykit.job.contact_problems import ArmProblems, ContactProblems
from journeykit.model.bad_row import BadRow
from journeykit.quotas.arm_quotas import ArmQuotaRun, ArmRun, choose_for_groups, said_of_arm
from journeykit.quotas.quota_run import QuotaRun

if TYPE_CHECKING:
    from journeykit.engine.contact_group import ContactGroup
    from journeykit.job.chunk_decider import ChunkDecider
    from journeykit.job.fallback import Fallback
    from journeykit.job.run import Run
    from journeykit.job.table_reader import TableReader
    from journeykit.model.contact import Contact


def choose_for_all(run: Run, reader: TableReader, decider: ChunkDecider, fallback: Fallback) -> QuotaRun:
    """What the run chooses; where the playbook has caps per account, by the row engine, account by account."""
    if run.decider.by_account:
        return _choose_by_account(run, reader, fallback)
    if isinstance(decider, ArmChunks):
        return _choose_by_arm(run, reader, decider, fallback)
    return _chosen(run, reader, decider, ContactProblems(run, reader, decider, fallback, reader.state))


def _choose_by_arm(run: Run, reader: TableReader, chunks: ArmChunks, fallback: Fallback) -> QuotaRun:
    """What the run chooses, for the contacts of each arm apart."""
    problems = ArmProblems(run, reader, chunks, fallback)
    arms = []
    for place, own in enumerate(chunks.arms):
        arm = own.decider.engine.decider.arm
        try:
            arms.append(ArmRun(arm, own.share, _chosen(run, reader, own.decider, problems.of(place))))
        except InfeasibleError as error:
            raise said_of_arm(error, arm) from None
    return ArmQuotaRun(arms, problems.arm_of, run.sides, fingerprint=run.decider.fingerprint)


def _chosen(run: Run, reader: TableReader, chunks: ChunkDecider, problems: ContactProblems) -> QuotaRun:
    """What the run chooses, first for the claims that need not obey caps."""
    engine = chunks.engine
    found = QuotaRun(
        engine.playbook,
        engine.layout,
        fingerprint=run.decider.fingerprint,
        contacts=reader.count,
        threads=reader.threads,
        ranks=engine.weigher.ranker is not None,
    )
    for contest in found.contests:
        found.choose(contest, problems.pools(contest, found, several=found.several))
    engine.charge(found.charges)
    return found


def _choose_by_account(run: Run, reader: TableReader, fallback: Fallback) -> QuotaRun:
    alone: dict[str, ContactGroup] = {}
    for given in reader.numbered_parts():
        if isinstance(given, BadRow):
            continue
        state = reader.state(given)
        for row in range(state.chunk.rows):
            group = fallback.group_at(state, row)
            if group is not None:
                alone[group.contacts[0].id] = group

    def together(contacts: list[Contact]) -> ContactGroup:
        return run.group_of(contacts, {own.id: alone[own.id].inputs[own.id] for own in contacts})

    groups = grouped((group.contacts[0] for group in alone.values()), together, by_account=True)
    return choose_for_groups(run.decider, groups, claims=run.claims_given, threads=reader.threads, sides=run.sides)
