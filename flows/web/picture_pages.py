"""The pages of the picture server: HTML in which everything that is not ours is escaped."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from flows.forms.places import GALLERY
from flows.results.links import below_run
from flows.results.runs import in_order, is_counted
from tasks.dream.kinds.tour import KIND as TOUR
from tasks.session.kind import ArtifactKind, failed_unit
from tasks.sweep.kinds.layer import KIND as LAYER

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


@dataclass(frozen=True)
class RunPicture:
    """A picture of a run: the digest of its blob, the kind of artifact, its layer where it is of one, and its verdict.

    `layer` is given for contact sheets and for units.
    """

    digest: str
    kind: ArtifactKind
    layer: str | None = None
    verdict: str = ""


Pictures = Mapping[str, RunPicture]
"""The pictures of a run by what it calls them, as "layer Conv2D_2" or "Conv2D_2/17"."""


def run_page(run: "RunRecord", pictures: Pictures) -> str:
    """One run with its pictures, as far as there are any yet: of a sweep those of each layer together."""
    parts = [
        f"<h1>{escape(run.flow)} <span class=quiet>{escape(run.id)}</span></h1>",
        f"<p>{escape(', '.join(filter(None, [run.state, _model(run), _counts(run)])))}</p>",
    ]
    shown = {"dream": _dreams, "analyse": _results}.get(run.flow, _layers)
    return page(run.id, "".join([*parts, *shown(run, pictures), _ALL_RUNS]))


def _layers(run: "RunRecord", pictures: Pictures) -> Iterator[str]:
    """Each layer with its contact sheet and its units, then what else there is, and what else failed."""
    sheets = {picture.layer: picture for picture in pictures.values() if picture.kind.task == LAYER.task}
    units = {name: picture.layer for name, picture in pictures.items() if picture.kind.counted == "map"}
    units |= {name: unit.layer for name in run.failures if (unit := failed_unit(run, name)) is not None}
    layers = {layer for layer in (*sheets, *units.values()) if layer is not None}
    for layer in sorted(layers, key=in_order):
        yield f"<h2>{escape(layer)}</h2>"
        if (sheet := sheets.get(layer)) is not None:
            at = _at(layer, sheet)
            yield f'<p><a href="{at}"><img src="{at}" alt="contact sheet"></a></p>'
        own = sorted((name for name, its_layer in units.items() if its_layer == layer), key=in_order)
        yield f"<ul class=units>{''.join(_cell(name, run, pictures) for name in own)}</ul>"
    others = {name: one for name, one in pictures.items() if one.layer is None}
    for name, picture in others.items():
        yield f'<h2>{escape(name)}</h2><img src="{_at(name, picture)}" alt="">'
    for name, message in run.failures.items():
        if name not in units:
            yield f"<h2>{escape(name)}</h2><p>{escape(message)}</p>"
    if not layers and not others:
        yield "<p>There is no picture yet.</p>"


def _dreams(run: "RunRecord", pictures: Pictures) -> Iterator[str]:
    """The sheets of tours whole, then every dream; what was given is not shown: a browser knows few kinds of file."""
    for name in sorted((name for name, one in pictures.items() if one.kind.task == TOUR.task), key=in_order):
        at = _at(name, pictures[name])
        yield f'<h2>{escape(name.lstrip("/"))}</h2><p><a href="{at}"><img src="{at}" alt="map tour"></a></p>'
    yield from _counted(run, pictures, "There is no dream yet.")


def _results(run: "RunRecord", pictures: Pictures) -> Iterator[str]:
    """The results of an analysis that have a picture, and what failed; the gallery shows all of it."""
    yield from _counted(run, pictures, "There is no picture yet.")


def _counted(run: "RunRecord", pictures: Pictures, nothing: str) -> Iterator[str]:
    shown = {name: one for name, one in pictures.items() if one.kind.counted is not None}
    names = sorted({*shown, *run.failures}, key=in_order)
    if not names:
        yield f"<p>{nothing}</p>"
    yield f"<ul class='units dreams'>{''.join(_cell(name, run, shown) for name in names)}</ul>"


def missing_page(what: str, fix: str) -> str:
    """What is shown instead of what is not there."""
    return page("Not found", f'<h1>{escape(what)}</h1><p>{escape(fix)}</p><p><a href="/">all runs</a></p>')


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)} · dreamsweep</title><style>{_STYLE}</style><body>{body}"
    )


def _cell(name: str, run: "RunRecord", pictures: Pictures) -> str:
    shown = pictures.get(name)
    about = f"failed: {run.failures[name]}" if name in run.failures else shown.verdict if shown else ""
    picture = ""
    if shown is not None:
        at = _at(name, shown)
        picture = f'<a href="{at}"><img loading=lazy src="{at}" alt=""></a>'
    return f"<li>{picture}{escape(name)}<br><span class=quiet>{escape(about)}</span></li>"


def _at(name: str, picture: RunPicture) -> str:
    """Where a picture is, relative to its run's page. With the digest, so that another picture has another address."""
    return f"{below_run(name)}?{picture.digest[:16]}"


def _model(run: "RunRecord") -> str:
    return str(run.summary.get("model") or run.parameters.get("model") or "")


def _counts(run: "RunRecord") -> str:
    hows = [result.how for result in run.units.values() if is_counted(result)]
    counts = {"computed": hows.count("computed"), "reused": hows.count("reused"), "failed": len(run.failures)}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
