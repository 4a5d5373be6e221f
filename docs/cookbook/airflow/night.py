"""The night's decisions under Airflow: check, decide, send, expire.

journeykit is asked by its command line, from an environment of its own: this file imports nothing of it, so that the
scheduler reads it quickly, and no package of Airflow must agree with one of journeykit.
"""

from __future__ import annotations

import csv
import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

FOLDER = Path(os.environ.get("MESSAGES", "."))
JOURNEYKIT = os.environ.get("JOURNEYKIT", "/opt/journeykit/bin/journeykit")
TRY_AGAIN = 75
"""The exit code of a ledger that is held by another job, or cannot be reached."""


def journeykit(*words: str) -> None:
    """Run a command of journeykit; what it says is in the log of the task."""
    done = subprocess.run([JOURNEYKIT, *words], cwd=FOLDER, check=False)  # noqa: S603  (our own words)
    if done.returncode == TRY_AGAIN:
        raise AirflowException("the ledger is held by another job or cannot be reached; the next try asks for the same")
    if done.returncode:
        raise AirflowFailException(f"journeykit {words[0]} ended with {done.returncode}, and would again")


def night() -> tuple[str, datetime, str]:
    """The name of this run, its instant and its file: the same in every try."""
    at = get_current_context()["dag_run"].run_after
    return f"night {at:%Y-%m-%dT%H:%M:%SZ}", at, f"decisions-{at:%Y%m%dT%H%M%S}.csv"


@dag(
    schedule="0 2 * * *",
    start_date=datetime(2026, 11, 1, tzinfo=ZoneInfo("Europe/Skopje")),
    catchup=False,  # a night that was missed is over: its messages are decided in the next one
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
)
def messages() -> None:
    """Check the tables, decide and reserve, send and confirm, free what nobody confirmed."""
    ledger = os.environ.get("LEDGER", "sqlite:///messages.db")

    @task
    def check() -> None:
        journeykit("check", "playbook.yaml", "--contacts", "contacts.csv")

    @task
    def decide() -> None:
        run, at, file = night()
        tables = ["playbook.yaml", "--contacts", "contacts.csv", "--max-bad", "1%", "--out", file]
        journeykit("decide", *tables, "--at", at.isoformat(), "--ledger", ledger, "--run", run)

    @task
    def send() -> None:
        _, _, file = night()
        with (FOLDER / file).open(newline="") as rows:
            for row in csv.DictReader(rows):
                if row["outcome"] == "granted":
                    hand_over(row)
        journeykit("ledger", "confirm", ledger, "--decisions", file)

    @task
    def expire() -> None:
        _, at, _ = night()
        journeykit("ledger", "expire", ledger, "--before", (at - timedelta(days=1)).isoformat())

    check() >> decide() >> send() >> expire()


def hand_over(row: dict[str, str]) -> None:
    """Here your sender sends. Give it the `decision_id`: a task that is tried again sends all its rows once more."""


DAGS: list[DAG] = [messages()]
