"""Linear and mixed programs, solved by HiGHS: with limits that are counts, never a clock, and on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from journeykit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = 1e-9


class ProgramSolution(NamedTuple):
    """An answer.

    Attributes:
        values: by column.
        prices: by row, what one unit more of its room would add to the objective; zeros for mixed programs.
        objective: of the values.
        proven: whether nothing better is possible, but for the slack that was allowed.
    """

    values: np.ndarray
    prices: np.ndarray
    objective: float
    proven: bool


class Matrix(NamedTuple):
    """Entries of a matrix by row: where each row starts, and one more; the columns; the entries."""

    starts: np.ndarray
    columns: np.ndarray
    entries: np.ndarray

    @classmethod
    def stacked(cls, parts: Sequence[Matrix]) -> Matrix:
        """Matrices one below the other."""
        starts, shift = [np.zeros(1, np.int64)], 0
        for part in parts:
            starts.append(part.starts[1:] + shift)
            shift += int(part.starts[-1])
        return cls(
            np.concatenate(starts),
            np.concatenate([part.columns for part in parts]),
            np.concatenate([part.entries for part in parts]),
        )

    @classmethod
    def dense(cls, rows: np.ndarray, first: int = 0) -> Matrix:
        """A full array as rows of a matrix, its columns numbered from `first` on; zeros are left out."""
        row, column = np.nonzero(rows)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(row, minlength=len(rows)))])
        return cls(starts, column + first, rows[row, column])


def maximise(
    gain: np.ndarray,
    rows: Matrix,
    room: np.ndarray,
    *,
    low: np.ndarray,
    high: np.ndarray,
    least: np.ndarray | None = None,
    whole: np.ndarray | None = None,
    slack: float = 0.0,
    nodes: int = 0,
) -> ProgramSolution | None:
    """The largest gain such that each row stays within its room.

    Args:
        gain: by column.
        rows: the matrix.
        room: by row, how much there is at most.
        low: by column, the least value.
        high: by column, the largest.
        least: by row, how much there must be at least; None for no such bound.
        whole: by column, whether only whole numbers will do; None for none.
        slack: for mixed programs, how far below the best the answer may be.
        nodes: for mixed programs, how many nodes of the search at most.

    Returns:
        The answer; None where there is none.
    """
    highspy = _highspy()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(gain), len(room)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = gain, low, high
    lp.row_lower_ = np.full(len(room), -highspy.kHighsInf) if least is None else least
    lp.row_upper_ = room
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = rows.starts.astype(np.int32)
    lp.a_matrix_.index_ = rows.columns.astype(np.int32)
    lp.a_matrix_.value_ = rows.entries.astype(np.float64)
    if whole is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(one)] for one in whole]
    solver = _quiet(highspy)
    options: dict[str, Any] = {"threads": 1, "random_seed": 0}
    if whole is not None:
        options |= {"mip_max_nodes": nodes, "mip_rel_gap": _GAP, "mip_abs_gap": max(slack, 1e-9)}
    for name, value in options.items():
        solver.setOptionValue(name, value)
    solver.passModel(lp)
    solver.run()
    found = solver.getSolution()
    if not found.value_valid or solver.getInfo().primal_solution_status != 2:
        return None
    prices = np.array(found.row_dual) if found.dual_valid else np.zeros(len(room))
    proven = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return ProgramSolution(np.array(found.col_value), prices, float(solver.getInfo().objective_function_value), proven)


def _highspy() -> Any:
    try:
        import highspy
    except ImportError as error:
        raise MissingExtraError("quotas", "a run with quotas") from error
    return highspy


def _quiet(highspy: Any) -> Any:
    """A solver that prints nothing; it would greet while it is made, before anybody can ask it not to."""

    class Quiet(highspy.Highs):
        def enableCallbacks(self) -> None:  # noqa: N802  (its own name)
            self.setOptionValue("output_flag", False)
            super().enableCallbacks()

    solver = Quiet()
    solver.setOptionValue("output_flag", False)
    return solver
