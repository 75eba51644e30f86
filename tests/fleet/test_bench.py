"""The bench itself: hosts are machines of their own, can be cut off and killed, and all they ask for is counted."""

import signal
import sys
import time
from typing import Any

from storage.verify import verify
from tests.fleet.fleet import Fleet
from tests.fleet.hosts import Command, Host
from tests.flows.being_up import wait_until
from tests.flows.tiny import UNITS, saved, small_cnn, write_pictures
from tests.storage.weather import Asked

AWAY_SECONDS = 5.0


def reaches(host: Host, url: str) -> bool:
    """Whether a host gets an answer from a server in 3 seconds, be it that it may not."""
    ask = "import sys, httpx; httpx.get(sys.argv[1], trust_env=False, timeout=3)"
    return host.start(sys.executable, "-c", ask, url).wait() == 0


def programs(host: Host) -> str:
    """The names of what runs on a host, a line each."""
    return host.run("sh", "-c", "cat /proc/[0-9]*/comm")


def sweep(host: Host, seed: int) -> Command:
    """Begin a sweep on one host, of a tiny network that lies there."""
    pictures = host.folder / "few pictures"
    if not pictures.exists():
        write_pictures(pictures)
    model = saved(small_cnn(seed), host.folder / f"small-{seed}.keras")
    given = ["--model", model, "--data", f"folder:{pictures}", "--pixels", "0..1"]
    return host.dreamsweep("sweep", *given, "--steps", "16", "--starts", "4", "--json")


def stored(fleet: Fleet, since: int) -> list[Asked]:
    """What has been stored since so many requests had been made."""
    return [asked for asked in fleet.bucket.asked[since:] if asked.kind == "PUT"]


def is_whole(fleet: Fleet, summary: dict[str, Any]) -> bool:
    """Whether a sweep made each map once, and its store is clean."""
    assert (summary["state"], summary["computed"]) == ("completed", len(UNITS))
    run = summary["run"]
    made = [record for record in fleet.store.records() if record.task == "oip" and record.provenance.run == run]
    return sorted(str(record.parameters["unit"]) for record in made) == sorted(UNITS) and verify(fleet.store).clean


def test_a_host_has_a_name_processes_and_files_of_its_own(ada: Host, bea: Host) -> None:
    assert [host.run("hostname") for host in (ada, bea)] == ["ada\n", "bea\n"]
    (bea.folder / "note").write_text("of bea")
    assert bea.run("cat", bea.folder / "note") == "of bea"
    assert ada.run("ls", ada.folder.parent) == "ada\n"
    asleep = ada.start("sleep", "600")
    wait_until(lambda: "sleep\n" in programs(ada))
    assert "sleep\n" not in programs(bea)
    asleep.signal(signal.SIGTERM)
    assert asleep.wait() == -signal.SIGTERM
    assert "sleep\n" not in programs(ada)


def test_a_host_that_is_cut_off_is_reached_again_when_mended(fleet: Fleet, ada: Host, bea: Host) -> None:
    places = (fleet.server.url, fleet.bucket.url)
    assert all(reaches(host, place) for host in (ada, bea) for place in places)
    ada.cut()
    assert [reaches(ada, place) for place in places] == [False, False]
    assert reaches(bea, fleet.server.url)
    ada.mend()
    wait_until(lambda: all(reaches(ada, place) for place in places))


def test_a_host_that_is_killed_has_its_files_and_no_process_when_it_is_started_again(fleet: Fleet, ada: Host) -> None:
    asleep = ada.start("sh", "-c", "echo here > note; sleep 600 & wait")
    wait_until(lambda: "sleep\n" in programs(ada))
    ada.kill()
    assert asleep.wait() != 0
    ada.boot()
    assert "sleep\n" not in programs(ada)
    assert ada.run("cat", "note") == "here\n"
    wait_until(lambda: reaches(ada, fleet.server.url))


def test_a_sweep_on_one_host_uses_the_bucket_and_the_server_and_is_counted(fleet: Fleet, ada: Host, bea: Host) -> None:
    before = fleet.runs_by_state("task_run")["COMPLETED"]
    with fleet.counting(ada) as asked, fleet.counting(bea) as nothing:
        summary = sweep(ada, 1).answer()
    assert is_whole(fleet, summary)
    assert asked["PUT"] > 3 * len(UNITS)  # two blobs and a record
    assert asked["LIST"] > 0
    assert not nothing
    done = before + len(UNITS)
    wait_until(lambda: fleet.runs_by_state("task_run")["COMPLETED"] >= done)
    assert fleet.server.ask("POST", "/task_runs/count", json={}) == sum(fleet.runs_by_state("task_run").values())
    assert set(fleet.runs_by_state("flow_run")) == {"COMPLETED"}


def test_a_sweep_bears_that_its_bucket_is_killed_and_comes_back(fleet: Fleet, ada: Host) -> None:
    before = len(fleet.bucket.asked)
    sweeping = sweep(ada, 2)
    wait_until(lambda: sum("/records/" in asked.path for asked in stored(fleet, before)) > 2 or sweeping.ended)
    fleet.bucket.kill()
    assert not reaches(ada, fleet.bucket.url)
    time.sleep(AWAY_SECONDS)
    fleet.bucket.start()
    assert is_whole(fleet, sweeping.answer())


def test_a_server_and_its_database_that_were_killed_come_back_with_what_they_knew(fleet: Fleet, ada: Host) -> None:
    name = f"pool-{time.time_ns()}"
    fleet.server.ask("POST", "/work_pools/", json={"name": name, "type": "process"})
    fleet.server.kill()
    fleet.database.kill()
    assert not reaches(ada, fleet.server.url)
    fleet.database.start()
    fleet.server.start()
    assert reaches(ada, fleet.server.url)
    assert fleet.server.ask("GET", f"/work_pools/{name}")["type"] == "process"
