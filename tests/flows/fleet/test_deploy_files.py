"""What nobody can run here: the files for containers and clusters, held to the code and the rules of their formats."""

import configparser
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.settings import Settings

from flows.fleet.settings import CLIENT_SETTINGS, FLEET_SERVER_SETTINGS
from tests.docs.blocks import CHECKOUT
from tests.docs.test_blocks import parse
from tests.flows.fleet.dockerfile import stages, steps

DEPLOY = CHECKOUT / "deploy"
COMPOSE: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKER: list[Any] = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "worker.yaml").read_text()))
OF_A_SERVICE = {
    *("image", "build", "restart", "command", "entrypoint", "environment", "secrets", "volumes", "healthcheck"),
    *("depends_on", "ports", "stop_grace_period", "deploy"),
}
"""Those of Compose's keys of a service that are used here."""
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
RESTARTS = {"no", "always", "on-failure", "unless-stopped"}
ONCE = {"deploy"}
"""Services that end when they are done."""
SECRET = re.compile(r"PASSWORD|AUTH|SECRET|KEY|CREDENTIALS")


# ---- compose.yaml ----------------------------------------------------------------------------------------------------


def test_the_server_of_compose_has_the_settings_that_the_code_has() -> None:
    assert FLEET_SERVER_SETTINGS.items() <= SERVICES["server"]["environment"].items()


@pytest.mark.parametrize("name", ["deploy", "worker"])
def test_whoever_asks_the_server_of_compose_has_the_settings_that_the_code_has(name: str) -> None:
    assert CLIENT_SETTINGS.items() <= SERVICES[name]["environment"].items()


def test_every_setting_of_prefect_is_one_that_prefect_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    given = {
        name: value
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if name.startswith("PREFECT_")
    }
    assert len(given) > 20
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    taken = Settings().to_environment_variables(exclude_unset=True)
    assert set(given) - set(taken) == set()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_made_as_compose_has_it(name: str) -> None:
    service = SERVICES[name]
    assert set(service) - OF_A_SERVICE == set()
    assert service["restart"] in RESTARTS
    assert (service["restart"] == "always") == (name not in ONCE)
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())  # true would be a word
    for secret in service.get("secrets", []):
        assert secret in COMPOSE["secrets"]
    for volume in service.get("volumes", []):
        source, _, inside = volume.partition(":")
        assert inside.startswith("/")
        assert source in COMPOSE["volumes"] or (DEPLOY / source).exists()
    for other, wanted in service.get("depends_on", {}).items():
        assert wanted["condition"] in CONDITIONS
        assert other in SERVICES
        assert wanted["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
        assert wanted["condition"] != "service_completed_successfully" or other in ONCE
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_no_password_stands_in_a_file_that_is_kept() -> None:
    secret = {
        f"{name}.{key}": value
        for name, service in SERVICES.items()
        for key, value in service.get("environment", {}).items()
        if SECRET.search(key)
    }
    assert secret
    assert {key for key, value in secret.items() if not value.startswith("/run/secrets/")} == set()
    for service in SERVICES.values():
        assert not SECRET.search(json.dumps(service.get("command", "")).replace("RCLONE_AUTH_KEY", ""))
    kept = subprocess.run(
        ["git", "check-ignore", "deploy/secrets/postgres"], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert kept.stdout.strip() == "deploy/secrets/postgres"
    assert "/deploy/secrets" in (CHECKOUT / ".dockerignore").read_text().splitlines()


def test_each_secret_that_a_setting_names_is_handed_to_its_service() -> None:
    for name, service in SERVICES.items():
        said = json.dumps([service.get("environment", {}), service.get("command", "")])
        assert set(re.findall(r"/run/secrets/([\w.-]+)", said)) == set(service.get("secrets", [])), name


def test_there_are_two_workers_which_have_time_to_hand_their_shards_back() -> None:
    worker = SERVICES["worker"]
    assert worker["deploy"] == {"replicas": 2}
    assert worker["stop_grace_period"] == "2m"


def test_what_containers_call_is_a_command_that_there_is() -> None:
    called = [SERVICES["deploy"]["command"], SERVICES["worker"]["command"], container()["args"]]
    for program, *words in called:
        assert program == "dreamsweep"
        parse(words)


def test_postgresql_gets_the_extension_that_prefect_needs() -> None:
    (folder,) = [volume for volume in SERVICES["postgres"]["volumes"] if "initdb" in volume]
    (script,) = (DEPLOY / folder.partition(":")[0]).glob("*.sql")
    assert "pg_trgm" in script.read_text()


# ---- passwords -------------------------------------------------------------------------------------------------------


def test_passwords_are_made_at_random_in_a_folder_of_the_users_own_and_stay(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "make-secrets.sh", tmp_path)
    subprocess.run(["sh", script], check=True)
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    client = tomllib.loads(made["prefect-client.toml"])["profiles"]["fleet"]
    server = tomllib.loads(made["prefect-server.toml"])["profiles"]["fleet"]
    assert client["PREFECT_API_AUTH_STRING"] == server["PREFECT_SERVER_API_AUTH_STRING"]
    assert server["PREFECT_SERVER_DATABASE_PASSWORD"] == made["postgres"]
    credentials = configparser.ConfigParser()
    credentials.read_string(made["s3-client"])
    assert made["s3-server"] == f'"{",".join(credentials["default"].values())}"'  # rclone takes it to be a list
    assert len(set(credentials["default"].values()) | {made["postgres"], client["PREFECT_API_AUTH_STRING"]}) == 4
    subprocess.run(["sh", script], check=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


def test_prefect_finds_the_passwords_where_compose_says(tmp_path: Path) -> None:
    subprocess.run(["sh", shutil.copy(DEPLOY / "make-secrets.sh", tmp_path)], check=True)
    given = {
        name: value.replace("/run/secrets", str(tmp_path / "secrets"))
        for name, value in SERVICES["server"]["environment"].items()
    }
    script = "from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL as url; print(url.value())"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=bare | given | {"PREFECT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    password = (tmp_path / "secrets" / "postgres").read_text()
    assert done.stdout.strip() == f"postgresql+asyncpg://prefect:{password}@postgres:5432/prefect"


# ---- Dockerfile ------------------------------------------------------------------------------------------------------


def test_the_image_is_made_in_two_stages_and_runs_as_nobody_in_particular() -> None:
    build, image = stages()
    assert build[0][1].endswith(" AS build")
    assert build[0][1].split()[0] == image[0][1]
    words = [word for word, _ in image]
    assert ("USER", "1000") in image
    assert words.index("USER") < words.index("CMD")
    assert ("VOLUME", "/data") in image
    (settings,) = [rest for word, rest in image if word == "ENV"]
    assert {"DREAMSWEEP_HOME=/data", "XDG_CACHE_HOME=/data/cache"} <= set(settings.split())
    assert {rest for word, rest in image if word == "COPY"} == {
        "--from=build /venv /venv",
        "--from=build /app /app",
    }


def test_the_environment_of_the_image_comes_from_the_locks_with_their_hashes() -> None:
    installs = [rest for word, rest in steps() if word == "RUN" and "-r " in rest]
    assert all("--require-hashes" in line and "--no-deps" in line for line in installs)
    for gpu in ("", "1"):
        expanded = subprocess.run(
            ["bash", "-c", f"GPU={gpu}; echo {' '.join(installs)}"], capture_output=True, text=True, check=True
        ).stdout
        locks = re.findall(r"-r (\S+)", expanded)
        assert locks == [f"requirements{'-gpu' if gpu else ''}.lock", "requirements-workers.lock"]
        assert all((CHECKOUT / lock).is_file() for lock in locks)


def test_the_lock_of_workers_agrees_with_the_lock_that_it_comes_on_top_of() -> None:
    def versions(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for package, version in re.findall(
            r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;]+)", (CHECKOUT / name).read_text(), re.M
        ):
            found.setdefault(package, set()).add(version)
        return found

    whole, workers = versions("requirements.lock"), versions("requirements-workers.lock")
    assert {"prefect-docker", "prefect-kubernetes"} <= set(workers)
    assert {name for name in whole.keys() & workers.keys() if not workers[name] <= whole[name]} == set()


def own_steps() -> list[str]:
    """The lines of RUN behind `COPY . .`: those that make our own part of the image."""
    (build, _) = stages()
    behind = build[build.index(("COPY", ". .")) + 1 :]
    assert {word for word, _ in behind} == {"RUN"}
    return [rest for _, rest in behind]


@pytest.mark.slow
def test_the_lines_that_make_our_part_of_the_image_make_a_program_that_knows_its_commit(tmp_path: Path) -> None:
    app, environment = tmp_path / "app", tmp_path / "venv"
    subprocess.run(["git", "clone", "--quiet", CHECKOUT, app], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    # in the place of what the locks say, which `make setup` installs: the packages that are here, and no dreamsweep
    packages = subprocess.run(
        [environment / "bin" / "python", "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    for path in Path(pytest.__file__).parents[1].iterdir():
        if "dreamsweep" not in path.name:
            (Path(packages) / path.name).symlink_to(path)
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PREFECT_"))}
    for line in own_steps():
        inside = line.replace("/venv/", f"{environment}/")
        done = subprocess.run(["sh", "-c", inside], cwd=app, env=bare, capture_output=True, text=True)
        assert done.returncode == 0, f"{inside}: {done.stdout}{done.stderr}"
    assert not (app / ".git").exists()
    assert list((app / "flows" / "fleet" / "__pycache__").glob("*.pyc"))
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    said = subprocess.run(
        [environment / "bin" / "dreamsweep", "--version"], cwd=tmp_path, env=bare, capture_output=True, text=True
    )
    assert commit.stdout[:7] in said.stdout, said.stdout + said.stderr
    assert "uncommitted" not in said.stdout


# ---- kubernetes ------------------------------------------------------------------------------------------------------


def container() -> dict[str, Any]:
    """The container of the worker in a cluster."""
    (deployment,) = [one for one in WORKER if one["kind"] == "Deployment"]
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_the_worker_of_a_cluster_has_what_it_names() -> None:
    kinds = {one["kind"]: one for one in WORKER}
    assert set(kinds) == {"ServiceAccount", "Role", "RoleBinding", "Deployment"}
    name = kinds["ServiceAccount"]["metadata"]["name"]
    assert kinds["RoleBinding"]["subjects"] == [{"kind": "ServiceAccount", "name": name}]
    assert kinds["RoleBinding"]["roleRef"]["name"] == kinds["Role"]["metadata"]["name"]
    spec = kinds["Deployment"]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    pod = spec["template"]["spec"]
    assert pod["serviceAccountName"] == name
    assert pod["securityContext"]["runAsNonRoot"]
    assert {mount["name"] for mount in container()["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    jobs = next(rule for rule in kinds["Role"]["rules"] if rule["resources"] == ["jobs"])
    assert {"create", "delete", "watch"} <= set(jobs["verbs"])


def test_worker_and_jobs_of_a_cluster_read_one_secret_and_name_no_password() -> None:
    job = json.loads((DEPLOY / "kubernetes" / "job.json").read_text())
    (shard,) = job["spec"]["template"]["spec"]["containers"]
    (secret,) = {one["secretRef"]["name"] for one in [*shard["envFrom"], *container()["envFrom"]]}
    given = {one["name"]: one["value"] for one in container()["env"]}
    prefix = "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET"
    assert given[f"{prefix}_NAME"] == secret
    assert given[f"{prefix}_KEY"] == "PREFECT_API_AUTH_STRING"
    assert f"create secret generic {secret}" in (CHECKOUT / "docs" / "fleet.md").read_text()


# ---- the documentation -----------------------------------------------------------------------------------------------


def test_the_documentation_says_the_settings_that_the_code_has() -> None:
    page = (CHECKOUT / "docs" / "fleet.md").read_text()
    lines = set(page.splitlines())
    assert {f"{name}={value}" for name, value in FLEET_SERVER_SETTINGS.items()} - lines == set()
    table = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, re.M))
    assert table == dict(CLIENT_SETTINGS)


def test_nobody_is_told_that_what_was_never_run_was_run() -> None:
    page = (CHECKOUT / "docs" / "fleet.md").read_text()
    assert "## What no machine has run" in page
    for file in ("Dockerfile", "compose.yaml", "kubernetes/worker.yaml"):
        assert "Nobody has" in (DEPLOY / file).read_text()
        assert f"deploy/{file}" in page.partition("## What no machine has run")[2]


def test_the_lines_of_the_dockerfile_are_whole_commands() -> None:
    for word, rest in steps():
        if word == "RUN":
            assert shlex.split(rest)
            subprocess.run(["sh", "-n", "-c", rest], check=True)
