"""The pages of the picture server: HTML in which everything that is not ours is escaped."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flows.forms.places import GALLERY
from flows.results.links import below_run
from flows.results.runs import COUNTED, in_order, is_unit
from tasks.analysis.titles import is_result
from tasks.dream.pieces import is_dream, is_sheet

if TYPE_CHECKING:
    from storage.runs import RunRecord

PNG = "image/png"
_ALL_RUNS = f'<p><a href="/">all runs</a> · <a href="/{GALLERY}/index.html">the gallery</a></p>'
_STYLE = """\
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
a { color: inherit; } table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
img { max-width: 100%; height: auto; }
ul.units { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .6rem; }
ul.units li { width: 13rem; border: 1px solid var(--line); border-radius: .4rem; padding: .4rem; font-size: .8rem; }
ul.units img { width: 100%; }
ul.dreams li { width: 21rem; overflow-wrap: anywhere; }
.quiet { opacity: .65; }"""


def runs_page(runs: "Iterable[RunRecord]") -> str:
    """The runs, the newest first, each a link."""
    rows = "".join(
        f'<tr><td><a href="/runs/{quote(run.id)}/">{escape(run.id)}</a></td><td>{escape(run.flow)}</td>'
        f"<td>{escape(run.state)}</td><td>{escape(_model(run))}</td><td>{escape(_counts(run))}</td></tr>"
        for run in runs
    )
    head = "<tr><th>run</th><th>flow</th><th>state</th><th>model</th><th>results</th></tr>"
    body = (
        f"<table>{head}{rows}</table>" if rows else "<p>There is no run yet: <code>dreamsweep sweep --train</code></p>"
    )
    gallery = f'<p><a href="/{GALLERY}/index.html">The gallery</a> shows what every unit looks for.</p>'
    return page("Runs", f"<h1>Runs</h1>{gallery}{body}")


def run_page(run: "RunRecord", pictures: Mapping[str, str], verdicts: Mapping[str, str]) -> str:
    """One run: the contact sheet of each layer and the picture of each unit, as far as there are any yet.

    `pictures` has the digest of a picture by what the run calls it ("layer Conv2D_2", "Conv2D_2/17"), `verdicts` what
    came of a unit.
    """
    parts = [
        f"<h1>{escape(run.flow)} <span class=quiet>{escape(run.id)}</span></h1>",
        f"<p>{escape(', '.join(filter(None, [run.state, _model(run), _counts(run)])))}</p>",
    ]
    if run.flow == "dream":
        return page(run.id, "".join([*parts, *_dreams(run, pictures), _ALL_RUNS]))
    if run.flow == "analyse":
        return page(run.id, "".join([*parts, *_results(run, pictures), _ALL_RUNS]))
    units = [name for name in pictures if not name.startswith("layer ")]
    layers = {name.removeprefix("layer "): None for name in pictures if name.startswith("layer ")}
    layers |= {name.rpartition("/")[0]: None for name in [*units, *run.failures] if "/" in name}
    for layer in sorted(layers, key=in_order):
        parts.append(f"<h2>{escape(layer)}</h2>")
        if (sheet := pictures.get(f"layer {layer}")) is not None:
            parts.append(
                f'<p><a href="{_at(layer, sheet)}"><img src="{_at(layer, sheet)}" alt="contact sheet"></a></p>'
            )
        own = {*units, *run.failures}
        cells = [_cell(name, run, pictures, verdicts) for name in sorted(own, key=in_order) if _is_of(name, layer)]
        parts.append(f"<ul class=units>{''.join(cells)}</ul>")
    others = [name for name in units if name.rpartition("/")[0] not in layers]
    parts += [f'<h2>{escape(name)}</h2><img src="{_at(name, pictures[name])}" alt="">' for name in others]
    failed = [name for name in run.failures if name.rpartition("/")[0] not in layers]
    parts += [f"<h2>{escape(name)}</h2><p>{escape(run.failures[name])}</p>" for name in failed]
    if not layers and not others:
        parts.append("<p>There is no picture yet.</p>")
    return page(run.id, "".join([*parts, _ALL_RUNS]))


def _dreams(run: "RunRecord", pictures: Mapping[str, str]) -> Iterator[str]:
    """The sheets of tours whole, then every dream; what was given is not shown: a browser knows few kinds of file."""
    shown = {name: picture for name, picture in pictures.items() if is_dream(name) or is_sheet(name)}
    for name in sorted(shown, key=lambda name: (is_dream(name), in_order(name))):
        if not is_dream(name):
            at = _at(name, shown[name])
            yield f'<h2>{escape(name.lstrip("/"))}</h2><p><a href="{at}"><img src="{at}" alt="map tour"></a></p>'
    names = sorted({*filter(is_dream, shown), *run.failures}, key=in_order)
    if not names:
        yield "<p>There is no dream yet.</p>"
    yield f"<ul class='units dreams'>{''.join(_cell(name, run, shown, {}) for name in names)}</ul>"


def _results(run: "RunRecord", pictures: Mapping[str, str]) -> Iterator[str]:
    """The results of an analysis that have a picture, and what failed; the gallery shows all of it."""
    shown = {name: picture for name, picture in pictures.items() if is_result(name)}
    names = sorted({*shown, *run.failures}, key=in_order)
    if not names:
        yield "<p>There is no picture yet.</p>"
    yield f"<ul class='units dreams'>{''.join(_cell(name, run, shown, {}) for name in names)}</ul>"


def missing_page(what: str, fix: str) -> str:
    """What is shown instead of what is not there."""
    return page("Not found", f'<h1>{escape(what)}</h1><p>{escape(fix)}</p><p><a href="/">all runs</a></p>')


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)} · dreamsweep</title><style>{_STYLE}</style><body>{body}"
    )


def _cell(name: str, run: "RunRecord", pictures: Mapping[str, str], verdicts: Mapping[str, str]) -> str:
    about = f"failed: {run.failures[name]}" if name in run.failures else verdicts.get(name, "")
    picture = ""
    if name in pictures:
        at = _at(name, pictures[name])
        picture = f'<a href="{at}"><img loading=lazy src="{at}" alt=""></a>'
    return f"<li>{picture}{escape(name)}<br><span class=quiet>{escape(about)}</span></li>"


def _at(name: str, digest: str) -> str:
    """Where a picture is, relative to its run's page. With the digest, so that another picture has another address."""
    return f"{below_run(name)}?{digest[:16]}"


def _is_of(unit: str, layer: str) -> bool:
    return unit.rpartition("/")[0] == layer


def _model(run: "RunRecord") -> str:
    summary: dict[str, Any] = run.summary
    return str(summary.get("model") or run.parameters.get("model") or "")


def _counts(run: "RunRecord") -> str:
    counted = COUNTED.get(run.flow, is_unit)
    hows = [result.how for unit, result in run.units.items() if counted(unit)]
    counts = {"computed": hows.count("computed"), "reused": hows.count("reused"), "failed": len(run.failures)}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
