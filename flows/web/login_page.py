"""The page that a browser gets which has not come in: a form for user name and password, and where a link is had."""

from html import escape

from flows.web.plain_page import plain_page

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


def login_page(then: str, root: str = "", said: str = "") -> str:
    """The page. `then` is the path that is opened next, `root` where the server is, `said` what went wrong so far."""
    alert = f"<p role=alert>{escape(said)}</p>" if said else ""
    return plain_page(
        "dreamsweep: log in",
        f"<h1>dreamsweep</h1>{alert}"
        "<p>To get in, run <code>dreamsweep link</code> where dreamsweep runs, and open the address that it prints.</p>"
        f'<form method=post action="{root}{LOGIN}"><input type=hidden name=then value="{escape(then)}">'
        "<label>User name <input name=user autocomplete=username autocapitalize=none></label>"
        "<label>Password <input name=password type=password autocomplete=current-password></label>"
        "<button>Log in</button></form>"
        "<p>Both are shown by <code>dreamsweep link --password</code>, unless you have set them yourself.</p>",
    )


def local_path(asked: str, root: str = "") -> str:
    """The path that is opened after the form, where it leads to this server; else its first page."""
    leads_here = asked.startswith("/") and not asked.startswith(("//", "/\\")) and asked.isprintable()
    return asked if leads_here and not asked.startswith(f"{root}{LOGIN}") else f"{root}/"
