"""The flow `sweep-plan`: what a sweep will take at each quality on this machine. It grows no OIP."""

from flows.forms.parameters import SweepParameters
from flows.results.plans import PlanSummary
from flows.results.reports import report_plan
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.work import alive, work
from flows.sweeping.plan import plan_of
from flows.sweeping.sweep_context import obtain_sweep_model, open_sweep


@form_flow("sweep-plan")
@makes_damaged_again
def sweep_plan(parameters: SweepParameters) -> PlanSummary:
    """Tell what a sweep takes: maps, time and bytes at each quality, and what fits into its time.

    A few steps of some layers are timed where that is not known yet. The model is trained or registered first where
    the sweep would do that. Without that it leaves no run behind.
    """
    with alive(parameters) as live, work(live, "sweep-plan") as open_session:
        stored = obtain_sweep_model(open_session, parameters, live.found)
        with open_sweep(open_session, parameters, stored) as (context, units):
            plan = plan_of(context, units, parameters.quality, parameters.maps_per_task)
        closed = open_session.run.close("completed", {"model": plan["model"]})
    if not any(unit.how == "computed" for unit in closed.units.values()):
        open_session.store.delete_run(closed.id)
    report_plan(plan)
    return plan
