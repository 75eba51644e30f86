"""MNIST and Fashion-MNIST: found, checked, downloaded, or refused with the ways to supply them."""

import dataclasses
import gzip
import hashlib
import http.server
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lib.data import idx, mnist
from lib.data.datasets import load
from lib.errors import BadInput

KEYS = {
    "x_train": mnist.TRAIN_IMAGES,
    "y_train": mnist.TRAIN_LABELS,
    "x_test": mnist.TEST_IMAGES,
    "y_test": mnist.TEST_LABELS,
}


def md5(array):
    return hashlib.md5(idx.header(array) + array.tobytes()).hexdigest()


@pytest.fixture
def arrays(monkeypatch):
    """Four small arrays that pass for the canonical MNIST; nothing is found in Keras's cache or the network."""
    random = np.random.default_rng(0)
    made = {
        mnist.TRAIN_IMAGES: random.integers(0, 256, (20, 28, 28), np.uint8),
        mnist.TRAIN_LABELS: np.arange(20, dtype=np.uint8) % 10,
        mnist.TEST_IMAGES: random.integers(0, 256, (10, 28, 28), np.uint8),
        mnist.TEST_LABELS: np.arange(10, dtype=np.uint8)[::-1].copy(),
    }
    monkeypatch.setitem(
        mnist.CANONICAL,
        "mnist",
        dataclasses.replace(mnist.CANONICAL["mnist"], md5={file: md5(array) for file, array in made.items()}),
    )
    return made


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path_factory):
    home = tmp_path_factory.mktemp("keras")
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr(mnist, "ORIGIN", "http://127.0.0.1:9/")
    return home


def write_idx(folder, arrays, *, gz=False, rename=lambda file: file):
    for file, array in arrays.items():
        data = idx.header(array) + array.tobytes()
        path = folder / (rename(file) + (".gz" if gz else ""))
        path.write_bytes(gzip.compress(data) if gz else data)


def write_npz(path, arrays):
    np.savez(path, **{key: arrays[file] for key, file in KEYS.items()})


def assert_is(data, arrays):
    assert data.train_imgs.dtype == np.float32
    assert data.train_imgs.shape == (20, 28, 28, 1)
    np.testing.assert_array_equal(np.rint(data.train_imgs[..., 0] * 255), arrays[mnist.TRAIN_IMAGES])
    np.testing.assert_array_equal(np.rint(data.test_imgs[..., 0] * 255), arrays[mnist.TEST_IMAGES])
    np.testing.assert_array_equal(data.train_labels, arrays[mnist.TRAIN_LABELS])
    np.testing.assert_array_equal(data.test_labels, arrays[mnist.TEST_LABELS])
    assert data.train_imgs.min() >= 0
    assert data.train_imgs.max() == 1


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("rename", [str, lambda file: file.replace("-idx", ".idx")], ids=["hyphen", "dot"])
def test_idx_files_are_loaded_from_a_folder(tmp_path, arrays, gz, rename):
    write_idx(tmp_path, arrays, gz=gz, rename=rename)
    assert_is(load("mnist", tmp_path), arrays)


def test_an_npz_is_loaded_from_a_folder(tmp_path, arrays):
    write_npz(tmp_path / "mnist.npz", arrays)
    assert_is(load("mnist", tmp_path), arrays)


def test_every_way_gives_the_same_attributes(tmp_path, arrays):
    ways = [tmp_path / way for way in ("raw", "gz", "npz")]
    for way in ways:
        way.mkdir()
    write_idx(ways[0], arrays)
    write_idx(ways[1], arrays, gz=True)
    write_npz(ways[2] / "mnist.npz", arrays)
    attributes = [load("mnist", way).attributes for way in ways]
    assert attributes[0] == attributes[1] == attributes[2]
    assert attributes[0]["checksums"][mnist.TEST_LABELS] == "md5:" + md5(arrays[mnist.TEST_LABELS])
    assert attributes[0]["pixel_range"] == [0.0, 1.0]


@pytest.mark.parametrize("gz", [False, True])
def test_one_changed_pixel_is_noticed(tmp_path, arrays, gz):
    arrays[mnist.TEST_IMAGES][3, 4, 5] ^= 1
    write_idx(tmp_path, arrays, gz=gz)
    with pytest.raises(BadInput, match=f"{mnist.TEST_IMAGES}.* is not MNIST's .*MD5"):
        load("mnist", tmp_path)


def test_one_changed_pixel_in_an_npz_is_noticed(tmp_path, arrays):
    arrays[mnist.TRAIN_IMAGES][3, 4, 5] ^= 1
    write_npz(tmp_path / "mnist.npz", arrays)
    with pytest.raises(BadInput, match=r"mnist\.npz is not MNIST's train-images"):
        load("mnist", tmp_path)


def test_a_missing_file_is_named(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    (tmp_path / mnist.TEST_LABELS).unlink()
    with pytest.raises(BadInput, match=f"lacks {mnist.TEST_LABELS}"):
        load("mnist", tmp_path)


def test_images_under_the_name_of_labels_are_called_mislabelled(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    (tmp_path / mnist.TEST_LABELS).write_bytes((tmp_path / mnist.TEST_IMAGES).read_bytes())
    with pytest.raises(BadInput, match="mislabelled"):
        load("mnist", tmp_path)


def test_test_labels_under_the_name_of_training_labels_are_told_by_their_number(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    (tmp_path / mnist.TRAIN_LABELS).write_bytes((tmp_path / mnist.TEST_LABELS).read_bytes())
    with pytest.raises(BadInput, match=r"20 images.*10 labels"):
        load("mnist", tmp_path)


def test_the_files_of_another_data_set_are_told_by_their_checksum(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    with pytest.raises(BadInput, match=f"mislabelled: it is MNIST's {mnist.TRAIN_IMAGES}"):
        load("fashion-mnist", tmp_path)


def test_an_npz_with_pickled_objects_is_refused_and_not_unpickled(tmp_path, arrays):
    touched = tmp_path / "touched"

    class Evil:
        def __reduce__(self):
            return Path.touch, (touched,)

    np.savez(tmp_path / "mnist.npz", x_train=np.array([Evil()], dtype=object))
    with pytest.raises(BadInput, match="holds Python objects"):
        load("mnist", tmp_path)
    assert not touched.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"<html>"])
def test_a_damaged_npz_is_refused(tmp_path, arrays, content):
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(BadInput, match="is damaged"):
        load("mnist", tmp_path)


def test_a_folder_that_does_not_exist_is_no_reason_to_download(tmp_path):
    with pytest.raises(BadInput, match="is no folder"):
        load("mnist", tmp_path / "typo")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_without_network_and_files_one_line_names_the_three_ways(tmp_path, no_network, capfd, name):
    with pytest.raises(BadInput) as caught:
        load(name, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert "--data-dir" in message
    assert str(no_network / "datasets") in message
    assert "connect to the network" in message
    assert capfd.readouterr().out == ""


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` by name, slowly, and counts what it is asked."""

    def __init__(self, content):
        self.content, self.asked = content, []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        data = self.server.content.get(self.path.lstrip("/"))
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        for start in range(0, len(data or b""), 8192):
            self.wfile.write(data[start : start + 8192])
            self.wfile.flush()
            time.sleep(0.15)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch, tmp_path):
    servers = []

    def start(name, content, hashes=None):
        server = Server(content)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(mnist, "ORIGIN", f"http://127.0.0.1:{server.server_port}/")
        downloads = tuple(
            (file, len(data), (hashes or {}).get(file) or hashlib.sha256(data).hexdigest())
            for file, data in content.items()
        )
        monkeypatch.setitem(mnist.CANONICAL, name, dataclasses.replace(mnist.CANONICAL[name], downloads=downloads))
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_mnist_is_downloaded_with_progress_and_then_taken_from_the_cache(tmp_path, arrays, serve, capfd):
    write_npz(tmp_path / "made.npz", arrays)
    data = (tmp_path / "made.npz").read_bytes()
    server = serve("mnist", {"mnist.npz": data})
    said = []
    assert_is(load("mnist", progress=lambda *what: said.append(what)), arrays)
    assert said[-1] == ("bytes of mnist.npz", len(data), len(data))
    assert any(0 < done < len(data) for _, done, _ in said), "progress during the download"
    load("mnist")
    assert server.asked == ["/mnist.npz"]
    assert capfd.readouterr().out == "", "standard output belongs to the caller"


def test_fashion_mnist_is_downloaded_file_by_file(monkeypatch, arrays, serve):
    monkeypatch.setitem(
        mnist.CANONICAL,
        "fashion-mnist",
        dataclasses.replace(mnist.CANONICAL["fashion-mnist"], md5={file: md5(array) for file, array in arrays.items()}),
    )
    server = serve(
        "fashion-mnist",
        {file + ".gz": gzip.compress(idx.header(array) + array.tobytes()) for file, array in arrays.items()},
    )
    data = load("fashion-mnist")
    assert_is(data, arrays)
    assert data.classes[9] == "Ankle boot"
    assert len(server.asked) == 4


def test_a_download_that_arrives_damaged_is_refused(tmp_path, arrays, serve):
    write_npz(tmp_path / "made.npz", arrays)
    serve("mnist", {"mnist.npz": (tmp_path / "made.npz").read_bytes()}, hashes={"mnist.npz": "0" * 64})
    with pytest.raises(BadInput, match="cannot be downloaded"):
        load("mnist")


def test_half_a_download_in_the_cache_is_fetched_again(tmp_path, no_network, arrays, serve):
    write_npz(tmp_path / "made.npz", arrays)
    data = (tmp_path / "made.npz").read_bytes()
    serve("mnist", {"mnist.npz": data})
    (no_network / "datasets").mkdir()
    (no_network / "datasets" / "mnist.npz").write_bytes(data[:1000])
    assert_is(load("mnist"), arrays)


@pytest.mark.mnist
class TestRealMnist:
    @pytest.fixture(scope="class")
    def folder(self):
        if not os.environ.get("DREAMSWEEP_MNIST"):
            pytest.skip("DREAMSWEEP_MNIST names no folder with real MNIST")
        return Path(os.environ["DREAMSWEEP_MNIST"])

    def test_it_is_whole_and_in_its_canonical_order(self, folder):
        data = load("mnist", folder)
        assert data.train_imgs.shape == (60000, 28, 28, 1)
        assert data.test_imgs.shape == (10000, 28, 28, 1)
        assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]

    def test_an_npz_of_it_gives_the_same(self, folder, tmp_path):
        direct = load("mnist", folder)
        arrays = {file: idx.read_idx(folder / (file + ".gz"), holds) for file, holds in mnist.FILES.items()}
        write_npz(tmp_path / "mnist.npz", arrays)
        again = load("mnist", tmp_path)
        np.testing.assert_array_equal(again.test_imgs, direct.test_imgs)
        np.testing.assert_array_equal(again.train_labels, direct.train_labels)
