"""The names of models: what people type, how a model is renamed, and how it is removed.

A model's name is a ref below `model/`. Runs, schedules and scripts name models so, for as long as they are kept: a
former name goes on meaning the same model, and no other ever gets it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lib.errors import BadInput, BadValue
from storage.errors import StoreError
from storage.names import is_ref
from storage.refs import FORMER
from storage.runs import RunRecord
from storage.store import Record, Store
from tasks.model.checkpoints import checkpoints_of, network_output, split_name
from tasks.model.stored import LATEST, PREFIX, nearest_model

MAKERS = ("register", "train")
"""Flows that make a model, and nothing with one."""
_MOST = 5
"""Runs that a message names."""


@dataclass(frozen=True)
class Uses:
    """What keeps a model: the runs that used it, and other names of its record. `made_by`: the runs that made it."""

    runs: tuple[RunRecord, ...]
    refs: tuple[str, ...]
    made_by: tuple[str, ...]


def ref_called(label: str, option: str = "name") -> str:
    """The ref of a model that is called so, `flowers` or `model/flowers`.

    Raises BadValue, which calls the name `option`, for what cannot be one.
    """
    short = label.removeprefix(PREFIX)
    ref = f"{PREFIX}{short}"
    if "/" in short or not is_ref(ref) or split_name(short)[1] is not None:
        raise BadValue(option, label, "it must be of letters, digits and _ . + -, as flowers or roses-2")
    if ref == LATEST:
        raise BadValue(option, label, f"it must be another: {LATEST} is always the newest model")
    return ref


def own_ref(store: Store, name: str) -> str:
    """The ref of the model that is called so, with or without `model/`, now or formerly.

    Raises BadInput where there is none; the message has the nearest names.
    """
    refs = store.refs()
    own = [ref for ref in refs if ref.startswith(PREFIX) and ref != LATEST]
    for ref in (name, f"{PREFIX}{name}"):
        if ref in own:
            return ref
        if ref == LATEST:
            raise BadInput(f"{LATEST} is always the newest model: name it as dreamsweep models lists it")
        if (target := refs.get(f"{FORMER}{ref}")) is not None and (now := _named(refs, target)):
            return now[0]
    raise BadInput(f"there is no model {name!r}{nearest_model(name, own)}")


def rename_model(store: Store, old: str, new: str) -> tuple[str, str]:
    """Give a model another name; return its old and its new ref. Raises BadInput."""
    ref, wanted = own_ref(store, old), ref_called(new, "NEW")
    refs = store.refs()
    if wanted in refs:
        raise BadInput(f"there is a model {wanted} already: choose another name, or rename that one first")
    formerly = refs.get(f"{FORMER}{wanted}")
    if formerly is not None and formerly != refs[ref]:
        now = _named(refs, formerly)
        raise BadInput(
            f"{wanted} was a name of {now[0] if now else 'another model'}, as runs still say: choose another name"
        )
    store.rename_ref(ref, wanted)
    return ref, wanted


def uses_of(store: Store, ref: str) -> Uses:
    """What keeps the model of this ref from being removed."""
    return uses_of_record(store, store.record(store.ref(ref).removeprefix("record:")))


def uses_of_record(store: Store, record: Record) -> Uses:
    """What keeps the model of this record from being removed."""
    refs, target = store.refs(), f"record:{record.key}"
    names = set(_names(store, record))
    readers = set(_readers(store, record))
    used, made = [], []
    for run in store.runs():
        has = any(unit.record == record.key for unit in run.units.values())
        if run.flow in MAKERS:
            if has:
                made.append(run.id)
            continue
        named = {split_name(str(said))[0] for said in (run.parameters.get("model"), run.summary.get("model")) if said}
        # a run that has not ended may be about to use the latest
        maybe = run.state == "open" and refs.get(LATEST) == target and not named - {LATEST}
        if has or maybe or named & names or any(unit.record in readers for unit in run.units.values()):
            used.append(run)
    others = [name for name, to in refs.items() if to == target and not name.startswith((PREFIX, FORMER))]
    return Uses(tuple(used), tuple(others), tuple(made))


def other_names(store: Store, ref: str) -> list[str]:
    """The other names of a model."""
    refs = store.refs()
    return [name for name in _named(refs, refs[ref]) if name != ref]


def check_unused(store: Store, ref: str, besides: Sequence[str] = ()) -> Uses:
    """What made the model of this ref. Raises BadInput where something uses it. `besides`: what does, as is known."""
    uses = uses_of(store, ref)
    if using := [*_say_uses(uses), *besides]:
        raise BadInput(f"{ref} is used by {', and by '.join(using)}: it stays as long as they do")
    return uses


def remove_model(store: Store, ref: str) -> tuple[str, ...]:
    """Forget a model: its names, and the runs that made it and nothing else; return what was forgotten.

    Of a model that has other names this one alone is forgotten, as if it had been renamed. What only the model needed
    is left to garbage collection. `model/latest` then is the newest model that is left. Raises BadInput where something
    uses the model.
    """
    refs = store.refs()
    target = refs[ref]
    if other_names(store, ref):
        store.set_ref(f"{FORMER}{ref}", target)
        store.delete_ref(ref)
        return (ref,)
    uses = check_unused(store, ref)
    own = [name for name, to in refs.items() if to == target]
    for name in own:
        store.delete_ref(name)
    if refs.get(LATEST) == target and (newest := _newest(store)) is not None:
        store.set_ref(LATEST, newest)
    for run in uses.made_by:
        store.delete_run(run)
    return (*own, *uses.made_by)


def names_of(store: Store, ref: str) -> list[str]:
    """Every name by which something may mean the model of a ref: its refs, also former ones, and digests."""
    return _names(store, store.record(store.ref(ref).removeprefix("record:")))


def _say_uses(uses: Uses) -> list[str]:
    """As "the runs ID (oip-sweep) and 3 more", and "the ref best"."""
    said = []
    if uses.runs:
        ids = [f"{run.id} ({run.flow})" for run in reversed(uses.runs)]
        more = f" and {len(ids) - _MOST} more" if len(ids) > _MOST else ""
        said.append(f"the {'run' if len(ids) == 1 else 'runs'} {', '.join(ids[:_MOST])}{more}")
    if uses.refs:
        said.append(f"the {'ref' if len(uses.refs) == 1 else 'refs'} {', '.join(uses.refs)}")
    return said


def _names(store: Store, record: Record) -> list[str]:
    target = f"record:{record.key}"
    refs = [name.removeprefix(FORMER) for name, to in store.refs().items() if to == target and name != LATEST]
    digests = [output.digest for output in record.outputs if output.role.startswith("model")]
    called = [name for own in refs for name in (own, own.removeprefix(PREFIX))]
    return list(dict.fromkeys([*called, *digests, *(digest[:12] for digest in digests)]))


def _readers(store: Store, record: Record) -> Iterator[str]:
    """The keys of the records that were made with a model, or with a checkpoint of its training."""
    index = store.questions()
    digests = [output.digest for output in record.outputs if output.role.startswith("model")]
    digests += [network_output(epoch).digest for epoch in checkpoints_of(store, record).values()]
    for digest in digests:
        for reader, _ in index.consumers(digest):
            if reader.task not in ("model", "epoch"):
                yield reader.key


def _named(refs: dict[str, str], target: str) -> list[str]:
    return sorted(name for name, to in refs.items() if to == target and name.startswith(PREFIX) and name != LATEST)


def _newest(store: Store) -> str | None:
    """The target of the newest model that has a name."""
    found = {to for name, to in store.refs().items() if name.startswith(PREFIX) and name != LATEST}
    made = []
    for target in found:
        try:
            made.append((store.record(target.removeprefix("record:")).ended, target))
        except StoreError:  # its record has gone
            continue
    return max(made)[1] if made else None
