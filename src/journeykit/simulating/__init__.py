"""Simulating days to come: decisions, then responses, opt-outs and moves between stages, drawn by hash."""

from typing import TYPE_CHECKING

from journeykit.basics.lazy import lazy_names

if TYPE_CHECKING:
    from journeykit.simulating.move_rates import daily_chances as daily_chances
    from journeykit.simulating.seed_mean import SeedMean as SeedMean
    from journeykit.simulating.simulation import simulate as simulate
    from journeykit.simulating.simulation_report import SIMULATIONS as SIMULATIONS
    from journeykit.simulating.simulation_report import SimulatedPlaybook as SimulatedPlaybook
    from journeykit.simulating.simulation_report import SimulationReport as SimulationReport

_HOMES = {
    "SIMULATIONS": "simulating.simulation_report",
    "SeedMean": "simulating.seed_mean",
    "SimulatedPlaybook": "simulating.simulation_report",
    "SimulationReport": "simulating.simulation_report",
    "daily_chances": "simulating.move_rates",
    "simulate": "simulating.simulation",
}
__all__ = [*_HOMES]  # noqa: PLE0604  (the keys are texts)
__getattr__, __dir__ = lazy_names(__name__, _HOMES, {"numpy": "columns", "pyarrow": "columns"})
