"""`dreamsweep deploy` on a real server: what is made, what stays, and what no host is named in."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.utilities.templating import apply_values
from prefect.workers.base import BaseJobConfiguration

from flows.fleet.job_template import HANDED_ON, IN_IMAGE, TYPES
from flows.fleet.shards import SHARD_FLOWS
from flows.forms.places import DATA_FOLDER
from tests.docs.blocks import CHECKOUT
from tests.flows.fleet.stand_in import NAME, PLACE

CLI = Callable[..., tuple[int, str, str]]
POOL = "night-shift"
REAL = dict(SHARD_FLOWS)
"""The flows of shards, before this folder's fixture puts a stand-in in their place."""


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    """A client of the session's server, on which there is no fleet."""
    with get_client(sync_client=True) as client:
        yield client
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)
        for deployment in client.read_deployments():
            if deployment.name != "dreamsweep":
                client.delete_deployment(deployment.id)
        for automation in client.read_automations():
            client.delete_automation(automation.id)


def deploy(cli: CLI, *options: str) -> dict[str, str]:
    """What a deploy says that it has done, by the names of things."""
    code, out, err = cli("deploy", "--pool", POOL, "--json", *options)
    assert code == 0, err
    return {change["name"]: change["done"] for change in json.loads(out)["changes"]}


def everything(client: SyncPrefectClient) -> dict[str, Any]:
    """All that a deploy makes, as the server has it, with the times of its last change."""
    return {
        "pool": client.request("GET", "/work_pools/{name}", path_params={"name": POOL}).json(),
        "deployments": [
            client.request("GET", "/deployments/name/{flow}/{name}", path_params={"flow": flow, "name": POOL}).json()
            for flow in SHARD_FLOWS
        ],
        "automations": client.request("POST", "/automations/filter", json={"sort": "NAME_ASC"}).json(),
    }


def test_a_pool_gets_the_deployment_of_shards_and_automations_that_watch_these_alone(
    cli: CLI, client: SyncPrefectClient
) -> None:
    done = deploy(cli)
    assert set(done.values()) == {"made"}
    made = everything(client)
    (deployment,) = made["deployments"]
    assert made["pool"]["type"] == "process"
    assert (deployment["entrypoint"], deployment["work_pool_name"]) == (PLACE, POOL)
    assert deployment["parameter_openapi_schema"]["required"] == ["run", "layer", "units"]
    assert len(made["automations"]) == 2
    for automation in made["automations"]:
        trigger = automation["trigger"]
        assert trigger["match_related"] == {"prefect.resource.id": [f"prefect.deployment.{deployment['id']}"]}
        assert trigger["posture"] == "Proactive"
        assert automation["enabled"]
    silent, pending = sorted(made["automations"], key=lambda one: one["trigger"]["within"])
    assert (silent["trigger"]["within"], silent["actions"][0]["state"]) == (90, "CRASHED")
    assert 300 <= pending["trigger"]["within"] <= 600
    assert pending["actions"][0]["name"] == "AwaitingRetry"


def test_deploying_twice_changes_nothing(cli: CLI, client: SyncPrefectClient) -> None:
    deploy(cli)
    before = everything(client)
    assert set(deploy(cli).values()) == {"unchanged"}
    assert everything(client) == before


def test_what_the_user_has_changed_stays(cli: CLI, client: SyncPrefectClient) -> None:
    deploy(cli)
    deployment = client.read_deployment_by_name(f"{NAME}/{POOL}")
    nightly = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 1 * * *", timezone="UTC"), active=True)
    client.create_deployment_schedules(deployment.id, [nightly])
    changed = DeploymentUpdate(
        parameters={"quality": "best"}, concurrency_limit=3, job_variables={"env": {"X": "1"}}, tags=["mine"]
    )
    client.update_deployment(deployment.id, changed)
    template = client.read_work_pool(POOL).base_job_template
    template["variables"]["properties"]["stream_output"]["default"] = False
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template, concurrency_limit=5, is_paused=True))
    silent, _ = sorted(client.read_automations(), key=lambda one: one.name)
    slower = silent.trigger.model_copy(update={"within": timedelta(minutes=5)})
    theirs = silent.model_dump(exclude={"id", "owner_resource"}) | {"trigger": slower, "enabled": False}
    client.update_automation(silent.id, AutomationCore.model_validate(theirs))
    before = everything(client)
    # as an update of dreamsweep would, which says more of the flow
    client.update_deployment(deployment.id, DeploymentUpdate(description="of an earlier version"))
    assert deploy(cli)[f"{NAME}/{POOL}"] == "changed"
    after = everything(client)
    for made in (before, after):
        made["deployments"][0].pop("updated")
    assert after == before


def test_a_deployment_that_was_deleted_is_made_again_and_watched(cli: CLI, client: SyncPrefectClient) -> None:
    deploy(cli)
    client.delete_deployment(client.read_deployment_by_name(f"{NAME}/{POOL}").id)
    done = deploy(cli)
    assert sorted(done.values()) == ["changed", "changed", "made", "unchanged"]
    made = everything(client)
    (deployment,) = made["deployments"]
    watched = [automation["trigger"]["match_related"] for automation in made["automations"]]
    assert watched == [{"prefect.resource.id": [f"prefect.deployment.{deployment['id']}"]}] * 2


@pytest.mark.parametrize("kind", TYPES)
def test_nothing_that_is_made_names_a_place_of_this_machine(
    cli: CLI, client: SyncPrefectClient, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSWEEP_STORE", "/mnt/store-of-this-machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "password-of-the-bucket")
    deploy(cli, "--type", kind, *([] if kind == "process" else ["--image", "registry.example/dreamsweep:1"]))
    text = json.dumps(everything(client))
    for place in (DATA_FOLDER, CHECKOUT, Path.home(), Path.cwd(), "store-of-this-machine", "password-of"):
        if str(place) != "/":
            assert str(place) not in text
    assert f'"{socket.gethostname()}"' not in text


@pytest.mark.parametrize("flow", REAL)
def test_the_shards_that_there_are_are_told_no_place_of_this_machine(
    cli: CLI, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch, flow: str
) -> None:
    monkeypatch.delitem(SHARD_FLOWS, NAME)
    monkeypatch.setitem(SHARD_FLOWS, flow, REAL[flow])
    monkeypatch.setenv("DREAMSWEEP_STORE", "/mnt/store-of-this-machine")
    assert deploy(cli)[f"{flow}/{POOL}"] == "made"
    assert deploy(cli)[f"{flow}/{POOL}"] == "unchanged"
    (made,) = everything(client)["deployments"]
    assert made["entrypoint"] == REAL[flow]
    assert {"run", "sources", "model_record"} <= set(made["parameter_openapi_schema"]["properties"])
    for place in (DATA_FOLDER, CHECKOUT, Path.home(), "store-of-this-machine"):
        assert str(place) not in json.dumps(made)


def configured(client: SyncPrefectClient) -> dict[str, Any]:
    """What a job of the pool would be like, by Prefect's own filling in of its template."""
    template = client.read_work_pool(POOL).base_job_template
    fields = template["variables"]["properties"]
    values = {name: field["default"] for name, field in fields.items() if field.get("default") is not None}
    base = template["job_configuration"] | {"env": values["env"]}
    return dict(apply_values(base, values))


def test_a_job_of_kubernetes_has_one_gpu_no_second_try_and_its_passwords_from_a_secret(
    cli: CLI, client: SyncPrefectClient
) -> None:
    deploy(cli, "--type", "kubernetes", "--image", "registry.example/dreamsweep:1")
    job = configured(client)["job_manifest"]
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (job["spec"]["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert container["image"] == "registry.example/dreamsweep:1"
    assert container["envFrom"] == [{"secretRef": {"name": "dreamsweep"}}]
    assert container["env"] == IN_IMAGE
    assert container["env"]["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] == "reschedule"
    assert pod["securityContext"]["runAsNonRoot"]
    (volume,) = pod["volumes"]
    assert volume["emptyDir"] == {}
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/data"}]


def test_a_container_gets_by_name_what_its_worker_has_in_its_environment(
    cli: CLI, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(cli, "--type", "docker", "--image", "dreamsweep")
    template = client.read_work_pool(POOL).base_job_template
    monkeypatch.setenv("DREAMSWEEP_STORE", "s3://bucket/store")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    made = asyncio.run(BaseJobConfiguration.from_template_and_values(template, {}))
    assert set(HANDED_ON) <= set(made.env)
    assert made.env["DREAMSWEEP_STORE"] == "s3://bucket/store"
    assert made.env.items() >= IN_IMAGE.items()


def test_another_image_changes_the_image_alone(cli: CLI, client: SyncPrefectClient) -> None:
    deploy(cli, "--type", "docker", "--image", "one")
    template = client.read_work_pool(POOL).base_job_template
    template["variables"]["properties"]["mem_limit"]["default"] = "8g"
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    assert deploy(cli)[POOL] == "unchanged"
    assert deploy(cli, "--image", "two")[POOL] == "changed"
    template["variables"]["properties"]["image"]["default"] = "two"
    assert client.read_work_pool(POOL).base_job_template == template


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--type", "docker"], "a pool of type docker needs --image"),
        (["--image", "x"], "--image is for containers: leave it out"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    cli: CLI, client: SyncPrefectClient, options: list[str], said: str
) -> None:
    code, _, err = cli("deploy", "--pool", POOL, *options)
    assert code == 2
    assert said in err
    assert client.read_work_pools() == []
    assert client.read_automations() == []


def test_a_pool_of_another_type_is_left_alone(cli: CLI, client: SyncPrefectClient) -> None:
    deploy(cli)
    code, _, err = cli("deploy", "--pool", POOL, "--type", "docker", "--image", "x")
    assert code == 2
    assert f"the work pool {POOL} is of type process: leave out --type" in err
    client.create_work_pool(WorkPoolCreate(name="others", type="ecs"))
    code, _, err = cli("deploy", "--pool", "others")
    assert code == 2
    assert "the work pool others is of type ecs; shards need one of type process, docker, kubernetes" in err


def test_what_was_made_and_what_comes_next_is_said(cli: CLI, client: SyncPrefectClient) -> None:
    code, out, err = cli("deploy", "--pool", POOL)
    assert (code, out) == (0, "")
    assert f"work pool {POOL}: made" in err
    assert f"deployment {NAME}/{POOL}: made" in err
    assert f"dreamsweep worker --pool {POOL}" in err
    assert f"dreamsweep sweep --pool {POOL}" in err
