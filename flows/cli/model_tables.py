"""Models on the terminal: the list of all, one with its layers, and what was registered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.results.model_details import ModelDetails
    from flows.results.models import ModelNote
    from tasks.model.layers import LayerRow, Tensor

UNDECLARED = "undeclared"
_RUNS = 5


def show_models(found: "Sequence[ModelNote]") -> None:
    """Every model of a store, one a row."""
    from flows.cli.terminal import escape, out, say, table
    from flows.results.captions import short
    from lib.words import count, local_moment, percent
    from tasks.gallery.reading.natural import data_title

    if not found:
        say("There is no model yet: dreamsweep train, or dreamsweep models add FILE")
        return
    rows = table("name", "data", "pixels", "accuracy", "parameters", "when", right=("accuracy", "parameters"))
    # whole, so that it can be copied, unless it is very long
    rows.columns[0].min_width = min(max(len(model["ref"]) for model in found), 36)
    latest = ", latest"
    for model in found:
        rows.add_row(
            f"{escape(model['ref'])}\n[dim]{short(model['identity'] or '')}{latest if model['latest'] else ''}[/dim]",
            escape(data_title(model["data"] or "")),
            _pixels(model),
            percent(model["accuracy"], unknown=""),
            count(model["parameters"]) if model["parameters"] is not None else "",
            local_moment(model["when"])[:10],
        )
    out().print(rows)


def show_model(model: "ModelDetails") -> None:
    """One model: its layers, then what else is known of it."""
    from flows.cli.terminal import escape, out
    from lib.words import count, local_moment, percent

    console = out()
    console.print(layer_rows(model["layers"], model["milliseconds"]))
    console.print()
    swept = [layer for layer in model["layers"] if layer["swept"]]
    facts = {
        "name": ", ".join(model["refs"]) or model["ref"],
        "swept by default": _many(swept),
        "input": _tensors(model["inputs"]),
        "output": _tensors(model["outputs"]),
        "pixels": say_pixels(model),
        **({"held": ", ".join(model["hold"])} if model["hold"] else {}),
        **({"output kept": model["output"]} if model["output"] else {}),
        "data set": model["data"] or "none",
        "accuracy": f"{percent(model['accuracy'])} on the test images of {model['accuracy_on']}"
        if model["accuracy"] is not None
        else "not measured: dreamsweep analyse measures it, where there is a data set with labels",
        "parameters": count(model["parameters"]) if model["parameters"] is not None else "unknown",
        "made": f"{local_moment(model['when'])}, {_made(model)}",
        "identity": model["identity"] or "unknown",
        "digest of the file": model["digest"],
        "used by": _runs(model),
    }
    for name, said in facts.items():
        console.print(f"[bold]{name}:[/bold] {escape(said)}", soft_wrap=True)


def show_added(model: "ModelDetails") -> None:
    """What was registered, what a sweep of it takes, and how to go on."""
    from flows.cli.terminal import out
    from lib.words import count

    console = out()

    def line(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    swept = [layer for layer in model["layers"] if layer["swept"]]
    console.print(f"registered as [bold]{model['ref']}[/bold]")
    if model["parameters"] is not None:
        line(
            f"{count(model['parameters'])} parameters, {_tensors(model['inputs'])} in, {_tensors(model['outputs'])} out"
        )
    line(f"A sweep takes {_many(swept)}." if swept else "It has no convolutions: name layers to sweep with --layers.")
    line(f"pixels: {say_pixels(model)}")
    line(f"data set: {model['data'] or 'none: there will be no exemplars, and no accuracy, without --data'}")
    pixels = " --pixels PIXELS" if model["pixels"] is None else ""
    line(f"Next: dreamsweep sweep --model {model['ref']}{pixels}, or dreamsweep models show {model['ref']}")


def layer_rows(layers: "Iterable[LayerRow]", milliseconds: Mapping[str, float]) -> Any:
    """A rich table with a row for each layer; times have a column where there are any."""
    from flows.cli.terminal import escape, table
    from lib.words import UNKNOWN, count, number

    timed = ("ms/step",) if milliseconds else ()
    numbers = ("output", "units", "sees", *timed)
    rows = table("layer", "type", *numbers, "swept", right=numbers)
    for layer in layers:
        times = [number(milliseconds[layer["name"]]) if layer["name"] in milliseconds else "" for _ in timed]
        rows.add_row(
            escape(layer["name"]),
            layer["type"],
            by_sides(layer["size"]),
            count(layer["units"]),
            by_sides(layer["receptive_field"]) or UNKNOWN,
            *times,
            "yes" if layer["swept"] else "",
        )
    return rows


def by_sides(sides: "Sequence[float | None] | None") -> str:
    """As "7×7"; an empty text for None, "any" for a length that is free."""
    return "×".join("any" if side is None else f"{side:g}" for side in sides or ())


def say_pixels(model: "ModelNote") -> str:
    """What a model takes and where that is known from; or what it means that this is not known."""
    if model["pixels"] is None:
        return f"{UNDECLARED}: a run needs --pixels, unless pictures of its data set say what the network takes"
    return f"{model['pixels']} ({model['pixels_from']})" if model["pixels_from"] else model["pixels"]


def _pixels(model: "ModelNote") -> str:
    from flows.cli.terminal import escape

    return f"[yellow]{UNDECLARED}[/yellow]" if model["pixels"] is None else escape(model["pixels"])


def _many(layers: "Sequence[LayerRow]") -> str:
    from lib.words import plural

    return f"{plural(len(layers), 'layer')} with {plural(sum(layer['units'] for layer in layers), 'map')}"


def _tensors(tensors: "Sequence[Tensor]") -> str:
    return ", ".join(f"{one['name']} {by_sides(one['shape'])}" for one in tensors)


def _made(model: "ModelNote") -> str:
    return f"registered from {model['file']}" if model["file"] else "trained here"


def _runs(model: "ModelDetails") -> str:
    runs = [f"{run['run']} ({run['flow']}, {run['state']})" for run in model["runs"]]
    more = f" and {len(runs) - _RUNS} more: dreamsweep runs lists them" if len(runs) > _RUNS else ""
    return f"{', '.join(runs[:_RUNS])}{more}" if runs else "no run yet"
