"""The night's decisions as a table of the warehouse."""

from datetime import datetime

from journeykit import Arbiter, Playbook
from journeykit.ledger import Ledger


def model(dbt, session):
    """Decide all contacts. Each night adds its rows; one that is built again replaces its own."""
    dbt.config(materialized="incremental", unique_key="decision_id")
    at = datetime.fromisoformat(dbt.config.get("at"))
    url = dbt.config.get("ledger")
    ledger = Ledger(url) if url else None
    # As Arrow: the answer is of the same kind, and one that the adapter takes.
    contacts, touches = dbt.ref("contacts").to_arrow_table(), dbt.ref("touches").to_arrow_table()
    decisions = Arbiter(Playbook.load(dbt.config.get("playbook"))).decide_table(
        contacts,
        # One history, not both: what ledger and touches both know would count twice.
        touches=None if ledger else touches,
        ledger=ledger,
        at=at,
        run_id=f"dbt {at.isoformat()}",
        zone="UTC",  # of timestamps that have none
        everything=True,
        max_bad="1%",
        summary=print,
    )
    if ledger:
        ledger.close()
    return decisions
