"""Pages that stand by themselves, for who may see nothing else yet, and for what is not there."""

from html import escape

_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 12vh auto 2rem; max-width: 26rem; padding: 0 1rem; }
body { overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } label { display: block; margin-top: .8rem; } a { color: inherit; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem; }
button { font: inherit; margin-top: 1.2rem; padding: .4rem 1.2rem; }
[role=alert] { border-left: .3rem solid #c33; padding-left: .7rem; }"""


def plain_page(title: str, main: str) -> str:
    """A whole page; `main` is HTML."""
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(title)}</title>"
        f'<meta name=viewport content="width=device-width"><style>{_STYLE}</style></head><body><main>{main}</main>'
        "</body></html>"
    )


def missing_page(what: str, fix: str, home: str) -> str:
    """What is shown instead of what is not there. `home`: where the gallery is."""
    return plain_page(
        "Not found · dreamsweep",
        f'<h1>{escape(what)}</h1><p>{escape(fix)}</p><p><a href="{escape(home)}">the gallery</a></p>',
    )
