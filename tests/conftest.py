"""What all tests share: one Prefect server, MNIST where there is one, in CI the same random examples and no skips.

Nothing of the developer's reaches the tests, and nothing of theirs stays: no Prefect profile or server, no store.
"""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import absl.logging
import certifi
import hypothesis
import pytest

from tests.migrated import put_database

# Before anything imports TensorFlow or Prefect, which read these once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
OURS = (
    "DREAMSWEEP_STORE",
    "DREAMSWEEP_HOME",
    "DREAMSWEEP_PICTURES_URL",
    "DREAMSWEEP_PUBLIC_URL",
    "DREAMSWEEP_ALLOWED_ROOTS",
    "DREAMSWEEP_UMASK",
)
for name in [name for name in os.environ if name.startswith("PREFECT_") or name in OURS]:
    del os.environ[name]

# A store waits until the disk has what it writes, and so does Prefect's database. Memory has it at once.
MEMORY, ROOM = Path("/dev/shm"), 8 << 30
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # pytest has asked for it before

PREFECT_HOME = Path(tempfile.mkdtemp(prefix="dreamsweep-tests-"))
# Every client of Prefect's reads the whole file of certificates, and none of ours is asked over TLS.
CERTIFICATE = PREFECT_HOME / "certificate.pem"
CERTIFICATE.write_text(
    Path(certifi.where()).read_text("utf-8").partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n",
    "utf-8",
)
os.environ |= {
    "PREFECT_API_SSL_CERT_FILE": str(CERTIFICATE),
    "PREFECT_HOME": str(PREFECT_HOME),
    "DREAMSWEEP_HOME": str(PREFECT_HOME / "data"),
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}

# It would write to, and close, what pytest has put there for a while, if that happens to be there when it is imported.
absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__

# Examples take as long as a busy machine takes, so there is no deadline; in CI they are the same in every run.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the Prefect server of this session."""
    return tmp_path_factory.mktemp("prefect-server")


@pytest.fixture(scope="session")
def prefect_server(prefect_home: Path) -> Iterator[str]:
    """The address of the API of a Prefect server for the whole session; flows here and in children run on it."""
    from flows.serving.server import local_server

    put_database(prefect_home)
    with local_server(prefect_home) as url:
        yield url


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket on an S3 server of our own, on a free port of this machine."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        cache = tmp_path_factory.mktemp("cache")
        (cache / "dreamsweep").mkdir(mode=0o700)  # as a command makes it: the next one would tell of any other mode
        patch.setenv("XDG_CACHE_HOME", str(cache))
        import boto3

        boto3.client("s3").create_bucket(Bucket="sweeps")
        yield "s3://sweeps"
    server.stop()


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with real MNIST that DREAMSWEEP_MNIST names; a test that wants it skips where it is not set."""
    if not (named := os.environ.get("DREAMSWEEP_MNIST")):
        pytest.skip("DREAMSWEEP_MNIST names no folder with MNIST")
    if not Path(named).is_dir():
        pytest.fail(f"DREAMSWEEP_MNIST names {named}, which is no folder")
    return Path(named)


def pytest_collection_finish() -> None:
    """What modules hold stays. Else whoever looks for garbage looks through all of TensorFlow, a second each time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a Prefect server or a browser is heavy. Files with what takes long come first: no worker is left
    alone with one at the end."""
    for item in items:
        if {"prefect_server", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("heavy")
    long = {item.path for item in items if {"heavy", "slow"} & {mark.name for mark in item.iter_markers()}}
    items.sort(key=lambda item: item.path not in long)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip",
        action="store_true",
        help="fail where a test is skipped, except those marked mnist while DREAMSWEEP_MNIST is not set",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--fail-on-skip") and _forbidden_skips(session.config):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--fail-on-skip"):
        for report in _forbidden_skips(config):
            terminalreporter.write_line(f"SKIPPED, and --fail-on-skip is set: {report.nodeid}", red=True)


def pytest_unconfigure() -> None:
    shutil.rmtree(PREFECT_HOME, ignore_errors=True)


def _forbidden_skips(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    without_mnist = not os.environ.get("DREAMSWEEP_MNIST")
    return [report for report in skipped if not (without_mnist and "mnist" in report.keywords)]
