"""Sending messages to where an operator reads them, in the format of whatever is there.

An address of a chat, a service of push messages or a mailbox is apprise's to know. Every other address that begins
with https:// or http:// is called with the message as JSON.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import AnyHttpUrl, TypeAdapter, ValidationError

from flows.serving.message import Message, text_of
from lib.errors import BadInput

if TYPE_CHECKING:
    from apprise import Apprise

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 20.0
"""How long an answer may take. Who has been sent a message and answers later is taken to have it."""

log = logging.getLogger("dreamsweep.up")

_SECRET = 4
"""Letters that a part of an address must have to be one that nobody is to see."""


class NotSent(Exception):
    """A message did not arrive. This says why, without the address."""


def check_address(address: str) -> None:
    """Raise BadInput for what nobody can be told at."""
    if _service(address) is not None:
        return
    try:
        TypeAdapter(AnyHttpUrl).validate_python(address)
    except ValidationError as problem:
        raise BadInput(
            "that is no address to send messages to: give that of a webhook, as https://hooks.example.com/abc, or one "
            "such as mailtos://user:password@example.com"
        ) from problem


def service_of(address: str) -> str:
    """What is at an address, as people call it: "Slack", "E-Mail", "webhook"."""
    service = _service(address)
    return "webhook" if service is None else str(service[0].service_name)


def send(address: str, message: Message) -> None:
    """Send a message, once. Raises NotSent."""
    service = _service(address)
    if service is None:
        _call(address, message)
        return
    from apprise import NotifyFormat, NotifyType

    how = NotifyType.SUCCESS if message["well"] else NotifyType.WARNING
    with _said() as lines:
        try:
            sent = service.notify(text_of(message), message["title"], how, body_format=NotifyFormat.TEXT)
        except Exception as error:  # of whichever of its services: none may hold up what else is to be sent
            sent, lines[:] = False, [f"{type(error).__name__}: {error}"]
    if not sent:
        reason = _without(address, "; ".join(lines)) or "it does not say why"
        if len(service[0]) > 1:  # those that have it would get it again, as often as it is tried
            log.error("not all recipients took the message about %s (%s)", message["run"], reason)
            return
        raise NotSent(f"{service_of(address)} does not take it ({reason})")


def _call(address: str, message: Message) -> None:
    import httpx

    limits = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        answer = httpx.post(address, json=dict(message), timeout=limits)
    except httpx.ReadTimeout:  # it was sent, and would be sent again as often as it is tried
        log.error("the webhook has not answered within %.0f s about %s", ANSWER_SECONDS, message["run"])
        return
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = _without(address, str(error)) or type(error).__name__
        raise NotSent(f"the webhook does not answer ({reason})") from None
    if not answer.is_success:
        raise NotSent(f"the webhook answers {answer.status_code}")


def _without(address: str, reason: str) -> str:
    """Why something went wrong, without any part of the address: a topic alone is as good as a password."""
    parts = {part for word in (address, unquote(address)) for part in re.split(r"[/:@?&=,;+ ]+", word)[1:]}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SECRET:
            reason = reason.replace(part, "…")
    return reason


def _service(address: str) -> "Apprise | None":
    """What sends messages to an address that apprise knows; None where it does not know it."""
    from apprise import Apprise, AppriseAsset, NotifyBase, OverflowMode

    # Nothing of apprise's is loaded by whoever reads the message: it would tell its authors of the reader.
    ours = AppriseAsset(app_id="dreamsweep", app_desc="dreamsweep", app_url="", image_url_mask="", image_url_logo="")
    with _said():
        plugin = Apprise.instantiate(address, asset=ours)
    if not isinstance(plugin, NotifyBase):
        return None
    plugin.overflow_mode = OverflowMode.TRUNCATE  # one message, whatever is in it
    plugin.socket_connect_timeout, plugin.socket_read_timeout = CONNECT_SECONDS, ANSWER_SECONDS
    service = Apprise(asset=ours)
    service.add(plugin)
    return service


@contextmanager
def _said() -> Iterator[list[str]]:
    """What apprise warns of meanwhile: it is for us to say, on the terminal or in a log."""
    lines: list[str] = []

    class Noted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = logging.getLogger("apprise"), Noted(logging.WARNING)
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
