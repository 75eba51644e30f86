"""Each address gets messages in the format of what is there, and what does not arrive is said without the address."""

import json
from typing import Any

import pytest
import requests

from flows.serving.delivery import NotSent, check_address, send, service_of
from flows.serving.message import Message, sample_message
from lib.errors import BadInput
from tests.flows.serving.listening import mail_server, webhook

SLACK = "https://hooks.slack.com/services/T0000000A/B0000000B/abcdefghijklmnopqrstuvwx"
DISCORD = "https://discord.com/api/webhooks/112233445566778899/abcdefghijklmnopqrstuvwxyz-_0123456789"
TEAMS = (
    "https://prod-1.westeurope.logic.azure.com:443/workflows/0123abcd/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abc123"
)
EARLIER = ("text", "flow", "run", "state", "message", "url")
"""What a webhook of an earlier version was told, by these names."""


@pytest.fixture
def message() -> Message:
    """What is told of a good night."""
    found = ["224 responded, 9 never active on the data", "12 new dreams"]
    return sample_message() | Message(  # type: ignore[typeddict-item]
        title="dreamsweep: nightly bold-owl is Completed",
        model="model/digits-1de27171",
        found=found,
        seconds=7500.0,
        runs=["20261128-064913-c2dd76"],
        gallery="http://127.0.0.1:4201/gallery/index.html",
        url="http://127.0.0.1:4200/runs/flow-run/4711",
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """What was asked of services on the network, which is not reached; each answers that all is well."""
    seen: list[requests.PreparedRequest] = []

    def answer(self: Any, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        seen.append(request)
        response = requests.Response()
        response.status_code, response._content, response.request = 200, b"ok", request
        response.url = str(request.url)
        return response

    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", answer)
    return seen


@pytest.mark.parametrize(
    ("address", "service", "host"),
    [
        (SLACK, "Slack", "hooks.slack.com"),
        (DISCORD, "Discord", "discord.com"),
        (TEAMS, "Power Automate / Workflows (for MSTeams)", "prod-1.westeurope.logic.azure.com"),
        ("https://ntfy.sh/dreams", "ntfy", "ntfy.sh"),
    ],
    ids=["Slack", "Discord", "Teams", "ntfy"],
)
def test_the_address_that_a_service_gives_gets_one_message_in_its_format(
    asked: list[requests.PreparedRequest], message: Message, address: str, service: str, host: str
) -> None:
    check_address(address)
    assert service_of(address) == service
    send(address, message)
    (request,) = asked
    assert request.url is not None
    assert host in request.url
    body = str(json.loads(request.body or "{}"))
    for word in (message["title"], *message["found"], message["model"], *message["runs"], message["url"]):
        assert str(word) in body
    assert "githubusercontent" not in body
    assert "github.com" not in body  # whose owners would see who reads it


def test_any_other_webhook_gets_json_with_the_names_of_earlier_versions_and_more(message: Message) -> None:
    with webhook() as hook:
        check_address(hook.url)
        assert service_of(hook.url) == "webhook"
        send(hook.url, message)
    (heard,) = hook.heard
    assert heard == json.loads(json.dumps(message))
    assert set(EARLIER) < set(heard)


def test_a_mailbox_gets_a_mail(message: Message) -> None:
    with mail_server() as (port, taken):
        address = f"mailto://127.0.0.1:{port}?from=night@example.com&to=me@example.com"
        check_address(address)
        send(address, message)
        (mail,) = taken
    assert mail["To"] == "me@example.com"
    assert "nightly bold-owl is Completed" in mail["Subject"]
    text = "".join(part.get_payload(decode=True).decode() for part in mail.walk() if not part.is_multipart())
    assert "12 new dreams" in text


def test_an_own_server_of_ntfy_gets_its_format(message: Message) -> None:
    with webhook() as hook:
        send(hook.url.replace("http://", "ntfy://"), message)
    (heard,) = hook.heard
    assert heard["topic"] == "secret-4711"
    assert heard["title"] == message["title"]


def test_what_does_not_arrive_is_said_without_the_address(message: Message) -> None:
    with webhook() as hook:
        hook.refusing = True
        for address in (hook.url, hook.url.replace("http://", "ntfy://")):
            with pytest.raises(NotSent, match=r"answers 503|does not take it") as caught:
                send(address, message)
            assert "secret-4711" not in str(caught.value)
    for address in (hook.url, f"mailto://me:secret-4711@{hook.url.split('/')[2]}?to=me@example.com"):  # it has gone
        with pytest.raises(NotSent) as caught:
            send(address, message)
        assert "secret-4711" not in str(caught.value)


def test_where_one_of_several_recipients_does_not_take_it_the_others_are_not_told_again(
    message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    with webhook() as hook:
        hook.refusing = True
        send(hook.url.replace("http://", "ntfy://") + ",topic-4712", message)
    assert "not all recipients took the message about test" in caplog.text
    assert "4711" not in caplog.text
    assert "4712" not in caplog.text


@pytest.mark.parametrize(
    "address", ["hooks.example.com", "ftp://hooks.example.com", "file:///etc/passwd", "https://", "me@example.com", ""]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match=r"https://hooks\.example\.com"):
        check_address(address)
