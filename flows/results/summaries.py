"""What flows return: plain JSON values from the store's records alone, so that an old run can be summed up too."""

from typing import NotRequired, TypedDict

from storage.document import Json
from tasks.sweep.measures import UnitMeasures
from tasks.sweep.on_data import OnData


class RunSummary(TypedDict):
    """What the summaries of all flows that end by `flows.running.outcome.end_run` say.

    `state`: as `storage.runs.State`. How many results were `computed` or `reused`, and how many are `left` for the next
    run: None of a run that broke before it knew. `failures`: why, by title.
    """

    run: str
    state: str
    computed: int | None
    reused: int | None
    left: int | None
    failures: dict[str, str]


class UnitSummary(TypedDict):
    """One unit of a sweep. `verdict`: `failed` or `left` too, and then there is none of what else may be missing.
    `on_data`: whether any image of the data set makes it respond, `active` or `never`; None where it is not known.

    `quality`: of the pass that made its OIPs, as `draft`. `png` and `npy`: paths of verified local files, where the
    store is a folder; `record`: its key; `oips`: what is known of each, the best first. `measures`: how good its
    picture is, by the names of `tasks.sweep.measures.MEASURES`; those that the run has.
    """

    unit: str
    verdict: str
    on_data: NotRequired[OnData | None]
    error: NotRequired[str | None]
    response: NotRequired[float]
    pre_activation: NotRequired[float]
    response_ratio: NotRequired[float | None]
    style: NotRequired[str]
    quality: NotRequired[str]
    constraint: NotRequired[str]
    only_one_pattern: NotRequired[bool]
    record: NotRequired[str]
    png: NotRequired[str]
    npy: NotRequired[str]
    oips: NotRequired[list[dict[str, Json]]]
    exemplars: NotRequired[list[int]]
    exemplar_responses: NotRequired[list[float]]
    measures: NotRequired[UnitMeasures]


class CheckpointSummary(TypedDict):
    """The sweep of a checkpoint: its run in the store, and how many maps were computed, reused and left."""

    epoch: int
    run: str | None
    computed: int | None
    reused: int | None
    left: int | None


class SweepSummary(RunSummary):
    """See `flows.results.sweep_summary.sweep_summary`."""

    model: str | None
    data: str | None
    warnings: list[str]
    verdicts: dict[str, dict[str, int]]
    on_data: dict[str, dict[OnData, int]]
    waiting: list[str]
    checkpoints: list[CheckpointSummary]
    seconds: float | None
    units: list[UnitSummary]
    sheets: dict[str, str]
    tensors: dict[str, str]


class DreamSummary(TypedDict):
    """One dream, by its title: `how` the run came to it, its record's key, its picture's path, and its files."""

    title: str
    how: str
    record: str
    png: str
    gain: float
    files: list[str]


class ExtraSummary(TypedDict):
    """A film or a sheet, by its title."""

    title: str
    record: str
    files: list[str]


class DreamsSummary(RunSummary):
    """See `flows.results.dream_summary.dreams_summary`."""

    passed_over: list[str]

    model: str | None
    objective: str | None
    mode: str | None
    out: str | None
    dreams: int | None
    seconds: float | None
    pictures: list[DreamSummary]
    extras: list[ExtraSummary]


class MarginSummary(TypedDict):
    """An image between the classes of the pair, with the names of its class and of the one that is predicted."""

    image: str
    label: str
    called: str
    margin: float


class ClassifierRow(TypedDict):
    """How well a linear classifier on a layer does, among all classes and between the pair.

    With 95 % intervals, and the penalties that were chosen; those of before have neither.
    """

    layer: str
    features: int
    all: float | None
    pair: float | None
    all_interval: NotRequired[list[float | None]]
    pair_interval: NotRequired[list[float | None]]
    all_penalty: NotRequired[float | None]
    pair_penalty: NotRequired[float | None]


class MajorityShare(TypedDict):
    """The accuracy of always saying the most frequent class, of all and of the pair."""

    all: float | None
    pair: float | None


class ClassifierTable(TypedDict):
    """The linear classifiers of all layers; `train` and `test`: how many images there were."""

    classes: list[str]
    pair: list[int]
    rows: list[ClassifierRow]
    train: int
    test: int
    majority: NotRequired[MajorityShare]


class FcpSummary(TypedDict):
    """How many FCPs a layer has of each kind, and how well they tell the pair apart."""

    counts: dict[str, int]
    accuracy: float | None


class ResultSummary(TypedDict):
    """One result of an analysis, by its title; `files`: paths of verified local files, by role."""

    title: str
    how: str
    record: str
    files: dict[str, str]


class LabelLine(TypedDict):
    """A label of several that may hold at once, as in `lib.analysis.outputs.LabelSummary`."""

    name: str
    accuracy: float | None
    has: float | None
    given: float


class OutputLine(TypedDict):
    """An output beside the one whose classes are predicted: what it ends in, and how good it is."""

    output: str
    text: str
    accuracy: float | None
    labels: list[LabelLine]


class AnalysisSummary(RunSummary):
    """See `flows.results.analysis_summary.analysis_summary`."""

    model: str | None
    data: str | None
    warnings: list[str]
    accuracy: float | None
    notes: list[str]
    outputs: list[OutputLine]
    pair: list[str] | None
    results: int | None
    seconds: float | None
    confusion: list[list[int]] | None
    margins: list[MarginSummary]
    classifiers: ClassifierTable | None
    fcps: dict[str, FcpSummary]
    made: list[ResultSummary]


class TrainSummary(TypedDict):
    """A training: its run, the model (a ref), how good it is, and how many records were computed and reused."""

    run: str
    model: str
    test_accuracy: float
    test_loss: float
    epochs: int
    computed: int
    reused: int
    seconds: float


class RegisterSummary(TypedDict):
    """A registration: its run, the model (a ref), and how many weights it has."""

    run: str
    model: str
    parameters: int
