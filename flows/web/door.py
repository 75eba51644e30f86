"""What every server of ours has in front of it: who may ask at all, and from where."""

from collections.abc import Collection

from starlette.types import ASGIApp

from flows.web.access import Access
from flows.web.authentication import Authentication
from flows.web.behind_proxy import BehindProxy
from flows.web.listening import LOCALHOST, is_local
from flows.web.same_site import LOCAL_NAMES, SameSite


def behind_door(
    app: ASGIApp, access: Access, *, host: str = LOCALHOST, public: str | None = None, free: Collection[str] = ()
) -> ASGIApp:
    """An application for those who have access, from its own pages.

    Args:
        app: the application.
        access: who may come in.
        host: the name or the address that it listens at.
        public: the address at which browsers reach it through a proxy, where there is one.
        free: paths that answer everybody who reads them.
    """
    names = LOCAL_NAMES | {host} if is_local(host) else None
    asked = Authentication(app, access, free, public)
    return BehindProxy(SameSite(asked, names, public), public)
