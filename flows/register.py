"""The flow `register`: a user's own model, from a `.keras` or `.h5` file, becomes one of the store's."""

from flows.forms.parameters import AnalyseParameters, DreamParameters, RegisterParameters
from flows.forms.resolve import Resolved
from flows.results.summaries import RegisterSummary
from flows.running.damage import makes_damaged_again
from flows.running.fields import form_flow
from flows.running.models import obtain_whole, register_in
from flows.running.work import alive, work
from tasks.model.stored import StoredModel, find_model
from tasks.session.session import Session


@form_flow("register")
@makes_damaged_again
def register(parameters: RegisterParameters) -> RegisterSummary:
    """Register a model. Returns `run`, `model` (a ref) and `parameters` (how many weights it has)."""
    with alive(parameters) as live, work(live, "register") as open_session:
        return register_in(open_session, parameters)


def obtain_model(open_session: Session, found: Resolved, asked: DreamParameters | AnalyseParameters) -> StoredModel:
    """The model that was found, or that in the file: a flow run of its own makes it one of the store's.

    `asked`: in which stand the pixels, the inputs and the output of that in a file.
    """
    if found.model is not None:
        return obtain_whole(open_session, found.model)
    assert found.file is not None
    said = {name: getattr(asked, name) for name in ("pixels", "hold", "output")}
    parameters = RegisterParameters(store=asked.store, file=found.file, **said)
    return find_model(open_session.store, register(parameters)["model"])
