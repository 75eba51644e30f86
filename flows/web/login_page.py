"""The page that a browser gets which has not come in: a form for user name and password, and where a link is had."""

from html import escape

LOGIN = "/dreamsweep-login"
"""Where the form is sent to."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    # With `no-referrer`, browsers would send the form with the origin `null`, which is refused.
    "Referrer-Policy": "same-origin",
}
SPENT = "This link has been opened already, or is more than a day old."
WRONG = "That is not the user name and the password."

_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 12vh auto 2rem; max-width: 26rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } label { display: block; margin-top: .8rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem; }
button { font: inherit; margin-top: 1.2rem; padding: .4rem 1.2rem; }
[role=alert] { border-left: .3rem solid #c33; padding-left: .7rem; }"""


def login_page(then: str, said: str = "") -> str:
    """The page. `then` is the path that is opened next, `said` what went wrong so far."""
    alert = f"<p role=alert>{escape(said)}</p>" if said else ""
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>dreamsweep: log in</title>"
        f'<meta name=viewport content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f"<h1>dreamsweep</h1>{alert}"
        "<p>To get in, run <code>dreamsweep link</code> where dreamsweep runs, and open the address that it prints.</p>"
        f'<form method=post action="{LOGIN}"><input type=hidden name=then value="{escape(then)}">'
        "<label>User name <input name=user autocomplete=username autocapitalize=none></label>"
        "<label>Password <input name=password type=password autocomplete=current-password></label>"
        "<button>Log in</button></form>"
        "<p>Both are shown by <code>dreamsweep link --password</code>, unless you have set them yourself.</p>"
        "</main></body></html>"
    )


def local_path(asked: str) -> str:
    """The path that is opened after the form, where it leads to this server; else its first page."""
    leads_here = asked.startswith("/") and not asked.startswith(("//", "/\\")) and asked.isprintable()
    return asked if leads_here and not asked.startswith(LOGIN) else "/"
