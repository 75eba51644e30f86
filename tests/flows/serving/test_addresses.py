"""The addresses of a data folder stay what they are, behind a proxy as well, and a run without `up` leaves none."""

import json
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from flows.forms.addresses import Addresses, remember_addresses
from flows.serving.server import LocalServer, ServerAddress, ServerError, local_server
from flows.serving.server_settings import CLIENT_PASSWORD
from flows.serving.up_lock import UpLock
from flows.web.access import server_password
from flows.web.listening import LOCALHOST
from tests.flows.being_up import Up, dreamsweep, free_port, processes_of, wait_until
from tests.flows.serving.listening import Webhook, webhook
from tests.flows.serving.proxying import Proxy, proxy
from tests.flows.tiny import saved, small_cnn, write_pictures

pytestmark = pytest.mark.slow

BROWSER = {
    "User-Agent": "Mozilla/5.0",
    "Accept": "text/html",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
SCRIPT = {"User-Agent": "Mozilla/5.0", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@pytest.fixture
def no_given_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


class TestPorts:
    """One data folder, in which `up` is started and ended again."""

    @pytest.fixture(scope="class")
    def home(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("home")

    @pytest.fixture(scope="class")
    def first(self, home: Path) -> dict[str, Any]:
        """What the first `up` of the data folder said of itself, which has ended."""
        up = Up(home)
        note = up.note
        assert up.end() == 0
        return note

    def test_the_next_up_is_where_the_last_one_was(self, home: Path, first: dict[str, Any]) -> None:
        up = Up(home)
        try:
            assert [up.note[name] for name in ("ui", "api", "pictures")] == [
                first[name] for name in ("ui", "api", "pictures")
            ]
        finally:
            assert up.end() == 0

    @pytest.mark.parametrize(("name", "option"), [("ui", "--port"), ("pictures", "--pictures-port")])
    def test_a_port_that_is_taken_is_an_error_and_never_another_one(
        self, home: Path, first: dict[str, Any], name: str, option: str
    ) -> None:
        address = urlsplit(first[name])
        with socket.create_server((LOCALHOST, address.port)):
            done = dreamsweep(home, "up")
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert f"{address.netloc} is taken by another program" in last
        assert f"{option}" in last.split()
        assert not processes_of(home)

    def test_a_port_that_is_given_is_the_one_from_then_on(self, home: Path, first: dict[str, Any]) -> None:
        port = free_port()
        up = Up(home, "--port", port)
        assert up.note["ui"] == f"http://{LOCALHOST}:{port}"
        assert any(f"--port is {port} from now on" in line for line in up.said)
        assert up.end() == 0
        up = Up(home)
        assert up.note["ui"] == f"http://{LOCALHOST}:{port}"
        assert up.note["pictures"] == first["pictures"]
        assert not any("from now on" in line for line in up.said)
        assert up.end() == 0


@contextmanager
def running(data_folder: Path, address: ServerAddress | None = None) -> Iterator[str]:
    """The address of the server of a data folder, for an `up` or for another run; this process does not use it."""
    server = LocalServer(data_folder, address=address)
    server.start()
    try:
        yield server.ready()
    finally:
        server.stop()


class TestWithoutUp:
    """A server that runs start for themselves."""

    @pytest.fixture(scope="class")
    def data_folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """It had an `up` once."""
        folder = tmp_path_factory.mktemp("data")
        remember_addresses(folder / "prefect", Addresses(port=free_port(), pictures="http://127.0.0.1:4301"))
        return folder

    def port(self, data_folder: Path) -> int:
        return int(json.loads((data_folder / "prefect" / "addresses.json").read_bytes())["port"])

    def test_it_is_where_an_up_would_be_so_that_one_can_come_meanwhile(
        self, no_given_server: None, data_folder: Path
    ) -> None:
        with running(data_folder) as url:
            assert url == f"http://{LOCALHOST}:{self.port(data_folder)}/api"
            with running(data_folder, ServerAddress(host=LOCALHOST, port=self.port(data_folder))) as of_up:
                assert of_up == url

    def test_where_that_is_taken_it_is_elsewhere_and_no_up_takes_that_for_its_own(
        self, no_given_server: None, data_folder: Path
    ) -> None:
        before = (data_folder / "prefect" / "addresses.json").read_bytes()
        with socket.create_server((LOCALHOST, self.port(data_folder))), running(data_folder) as url:
            assert urlsplit(url).port != self.port(data_folder)
            for place in (
                ServerAddress(host=LOCALHOST, port=self.port(data_folder)),
                ServerAddress(host=LOCALHOST, port=urlsplit(url).port or 0, public="https://host.example"),
            ):
                wanted = "for another run, and not at the address"
                with pytest.raises(ServerError, match=wanted), running(data_folder, place):
                    pass
        assert (data_folder / "prefect" / "addresses.json").read_bytes() == before

    def test_automations_do_nothing_until_an_up_is_there(self, no_given_server: None, data_folder: Path) -> None:
        from prefect import flow

        @flow
        def noticed() -> None:
            pass

        with webhook() as hook, local_server(data_folder) as url:
            automate(hook)
            noticed()
            time.sleep(5)  # with an `up` it takes less than one
            assert hook.heard == []
            with UpLock(data_folder / "prefect") as lock:
                lock.note({"api": url})
                noticed()
                wait_until(lambda: hook.heard)

    def test_a_sweep_in_a_terminal_leaves_no_address_behind(self, place: Path) -> None:
        home = place.parent / "terminal"
        words = [
            "sweep",
            "--model",
            place / "small.keras",
            "--data",
            f"folder:{place / 'pictures'}",
            "--pixels",
            "0..1",
        ]
        swept = dreamsweep(home, *words, "--layers", "Conv2D_1/0", "--oips", 2, "--starts", 4, "--steps", 16)
        assert swept.returncode == 0, swept.stderr
        (port,) = {int(one) for one in re.findall(r"127\.0\.0\.1:(\d+)", swept.stderr)}
        kept = [path for path in home.rglob("*") if path.is_file() and path.name != "server.lock"]
        assert home / "prefect" / "prefect.db" in kept
        for path in kept:
            content = path.read_bytes()
            assert f"127.0.0.1:{port}".encode() not in content, path
            assert b"127.0.0.1:4201" not in content, path


def automate(hook: Webhook) -> None:
    """Have the server that is used here call a webhook when any flow run is completed, as its UI does."""
    from prefect.blocks.webhook import Webhook as WebhookBlock
    from prefect.client.orchestration import get_client
    from prefect.events.schemas.automations import AutomationCore

    block = WebhookBlock(url=hook.url).save("a-webhook", overwrite=True)
    trigger = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0}
    trigger |= {"expect": ["prefect.flow-run.Completed"], "for_each": ["prefect.resource.id"]}
    actions = [{"type": "call-webhook", "payload": '{"text": "completed"}', "block_document_id": str(block)}]
    with get_client(sync_client=True) as client:
        client.create_automation(AutomationCore.model_validate({"name": "a", "trigger": trigger, "actions": actions}))


@dataclass
class Behind:
    """An `up`, and the proxy that it is behind."""

    up: Up
    proxy: Proxy
    hook: Webhook
    home: Path

    @property
    def public(self) -> str:
        return f"{self.proxy.origin}/dreams"

    def browser(self) -> httpx.Client:
        """Somebody who comes from elsewhere."""
        trusted = ssl.create_default_context(cafile=str(self.proxy.certificate))
        return httpx.Client(verify=trusted, trust_env=False, headers=BROWSER, timeout=60)

    @contextmanager
    def known(self) -> Iterator[httpx.Client]:
        """The same, who has opened a link."""
        with self.browser() as browser:
            assert browser.get(self.up.link()).status_code == 303
            yield browser

    def sweep(self) -> str:
        """The id of a flow run that has swept one map."""
        growth = {"oips": 2, "starts": 4, "steps": 16, "seed": 3}
        model, data = str(self.home / "small.keras"), f"folder:{self.home / 'pictures'}"
        layers = ["Conv2D_1/0"]
        run = self.up.start("oip-sweep", model=model, data=data, growth=growth, pixels="0..1", layers=layers)
        assert self.up.wait_for(run)["name"] == "Completed"
        return run

    def links(self, flow_run: str) -> set[str]:
        """The links in the artifacts of a flow run."""
        question = {"artifacts": {"flow_run_id": {"any_": [flow_run]}, "type": {"any_": ["markdown"]}}}
        found = self.up.ask("POST", "/artifacts/filter", json=question)
        return {link for one in found for link in re.findall(r"(?<!!)\[[^]]*\]\(([^)]*)\)", one["data"])}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with pictures and a model in it."""
    home = tmp_path_factory.mktemp("behind")
    write_pictures(home / "pictures")
    saved(small_cnn(), home / "small.keras")
    return home


@pytest.fixture(scope="module")
def behind(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """The pictures are a path of the proxy's own, below that of the UI."""
    with proxy(tmp_path_factory.mktemp("proxy"), free_port()) as found, webhook() as hook:
        assert dreamsweep(place, "notify", hook.url, "--on", "all").returncode == 0
        up = Up(place, "--public-url", f"{found.origin}/dreams/")
        kept = json.loads((place / "prefect" / "addresses.json").read_bytes())
        found.routes = {
            "/dreams": up.note["api"].removesuffix("/api"),
            "/dreams/pictures": f"http://{LOCALHOST}:{kept['pictures_port']}",
        }
        yield Behind(up, found, hook, place)
        assert up.end() == 0
        assert not processes_of(place)


@pytest.fixture(params=[False, True], ids=["hands the path on", "leaves the path out"])
def either(behind: Behind, request: pytest.FixtureRequest) -> Behind:
    """The same, with both ways of proxies."""
    behind.proxy.strips = request.param
    return behind


def test_what_is_said_begins_with_the_public_address(behind: Behind) -> None:
    assert behind.up.note["ui"] == behind.public
    assert behind.up.note["pictures"] == f"{behind.public}/pictures"
    (link,) = json.loads(dreamsweep(behind.home, "link", "--json").stdout)["links"]
    assert link.startswith(f"{behind.public}/?token=")
    for address in behind.proxy.routes.values():
        assert any(f"has to hand {behind.public}" in line and line.endswith(address) for line in behind.up.said)


def test_a_link_lets_a_browser_in_to_every_page_of_the_ui_and_to_the_pictures(either: Behind) -> None:
    with either.browser() as browser:
        assert browser.get(f"{either.public}/").status_code == 401
        answer = browser.get(either.up.link())
        assert urljoin(str(answer.url), answer.headers["location"]) == f"{either.public}/"
        assert "Secure" in answer.headers["set-cookie"]
        assert "Path=/dreams;" in f"{answer.headers['set-cookie']};"
        for page in ("/", "/v2/runs", "/runs", "/v2/runs/flow-run/x"):
            shown = browser.get(f"{either.public}{page}", follow_redirects=True)
            assert str(shown.url).startswith(either.public)
            scripts = re.findall(r'src="([^"]*\.js)"', shown.text)
            assert scripts
            for script in scripts:
                assert "javascript" in browser.get(urljoin(str(shown.url), script)).headers["content-type"]
        settings = browser.get(f"{either.public}/ui-settings", headers=SCRIPT).json()
        api = urljoin(str(shown.url), settings["api_url"])
        assert api == f"{either.public}/api"
        asks = SCRIPT | {"Origin": either.proxy.origin, "Sec-Fetch-Site": "same-origin"}
        assert browser.post(f"{api}/flow_runs/count", json={}, headers=asks).status_code == 200
        pictures = browser.get(f"{either.public}/pictures/")  # there may be no store yet
        assert pictures.status_code in (200, 404)
        assert browser.get(f"{either.proxy.origin}/dreams/pictures/nothing").status_code == 404


def test_the_form_lets_a_browser_in_too(either: Behind) -> None:
    user, _, password = server_password(either.home / "prefect").partition(":")
    with either.browser() as browser:
        page = browser.get(f"{either.public}/pictures/?a=1")
        action = page.text.partition('action="')[2].partition('"')[0]
        then = page.text.partition('name=then value="')[2].partition('"')[0]
        form = {"user": user, "password": password, "then": then}
        to, sent = urljoin(str(page.url), action), {"Origin": either.proxy.origin, "Sec-Fetch-Site": "same-origin"}
        for origin in ("https://elsewhere.example", f"http://localhost:{either.proxy.port}"):
            assert browser.post(to, data=form, headers={"Origin": origin}).status_code == 403
        answer = browser.post(to, data=form, headers=sent)
        assert urljoin(str(answer.url), answer.headers["location"]) == f"{either.public}/pictures/?a=1"
        assert browser.get(f"{either.public}/ui-settings", headers=SCRIPT).status_code == 200


def test_websockets_go_through_from_our_pages_alone(either: Behind) -> None:
    with either.known() as browser:
        cookie = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
    trusted = ssl.create_default_context(cafile=str(either.proxy.certificate))

    def opened(origin: str) -> Any:
        return connect(
            f"wss{either.public.removeprefix('https')}/api/events/out",
            ssl=trusted,
            origin=Origin(origin),
            additional_headers={"Cookie": cookie},
            subprotocols=[Subprotocol("prefect")],
            proxy=None,
            open_timeout=60,
        )

    with opened(either.proxy.origin) as websocket:
        websocket.send(json.dumps({"type": "auth", "token": None}))
        assert json.loads(websocket.recv(timeout=30)) == {"type": "auth_success"}
    with pytest.raises(InvalidStatus):
        opened("https://elsewhere.example")


def test_links_of_reports_and_messages_lead_through_the_proxy(behind: Behind) -> None:
    behind.proxy.strips = False
    run = behind.sweep()
    links = behind.links(run)
    assert links
    (message,) = wait_until(lambda: behind.hook.of(run))
    assert message["url"] == f"{behind.public}/runs/flow-run/{run}"
    assert message["gallery"] == f"{behind.public}/pictures/gallery/index.html"
    with behind.known() as browser:
        for link in {*links, message["url"], message["gallery"]}:
            assert link.startswith(f"{behind.public}/")
            assert browser.get(link, follow_redirects=True).status_code == 200, link
        page = browser.get(f"{behind.public}/pictures/", follow_redirects=True)
        for leads_to in (r"/runs/index\.html$", r"/runs/2[^/]*/index\.html$", None):  # the list of runs, and the newest
            addresses = [urljoin(str(page.url), at) for at in re.findall(r'(?:href|src)="([^"#]+)"', page.text)]
            assert addresses
            for address in addresses:
                assert address.startswith((f"{behind.public}/pictures/gallery/", "data:"))
                assert address.startswith("data:") or browser.get(address).status_code == 200, address
            if leads_to is not None:
                page = browser.get(next(address for address in addresses if re.search(leads_to, address)))


def test_on_this_machine_everything_is_where_it_listens(behind: Behind) -> None:
    ui, pictures = behind.proxy.routes["/dreams"], behind.proxy.routes["/dreams/pictures"]
    listed = dreamsweep(behind.home, "prefect", "deployment", "ls")
    assert (listed.returncode, listed.stderr) == (0, "")
    for address in (f"{ui}/api/admin/version", f"{ui}/dreams/api/admin/version", f"{ui}/", f"{pictures}/gallery/"):
        assert behind.up.get(address, follow_redirects=True).status_code in (200, 404)
    own = {"Origin": ui, "Accept": "text/html"}
    assert httpx.get(ui, headers=behind.up.headers | own, trust_env=False, follow_redirects=True).status_code == 200


def test_on_a_given_server_the_pictures_are_public_and_the_ui_is_where_that_server_says(
    place: Path, tmp_path: Path, prefect_server: str
) -> None:
    given = {
        "PREFECT_API_URL": prefect_server,
        CLIENT_PASSWORD: os.environ[CLIENT_PASSWORD],
        "PREFECT_UI_URL": "https://prefect.example",
        "DREAMSWEEP_PUBLIC_URL": "https://host.example/dreams",
    }
    with webhook() as hook:
        assert dreamsweep(tmp_path, "notify", hook.url, "--on", "all").returncode == 0
        up = Up(tmp_path, "--allow", place, **given)
        try:
            assert up.note["ui"] == "https://prefect.example"
            assert up.note["pictures"] == "https://host.example/dreams/pictures"
            there = Behind(up, Proxy(0, tmp_path), hook, place)
            run = there.sweep()
            (message,) = wait_until(lambda: hook.of(run))
            assert message["url"] == f"https://prefect.example/runs/flow-run/{run}"
            assert message["gallery"] == "https://host.example/dreams/pictures/gallery/index.html"
            links = there.links(run)
            assert links
            assert all(link.startswith("https://host.example/dreams/pictures/") for link in links)
        finally:
            assert up.end() == 0
