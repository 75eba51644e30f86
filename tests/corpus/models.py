"""Hostile model files, and what is answered to each: the words behind the file's name, or that it is used."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.corpus.harness import Make
from tests.corpus.making import (
    bound,
    call,
    chain,
    conv,
    functional,
    h5,
    image,
    keras,
    layer,
    link,
    pipe,
    plain,
    sparse,
    weights,
    written,
)

USED = ""
CODE, FILES, CUSTOM = "which runs code from the file", "which reads other files", "whose code is not in Keras"
NO_LAYER, FUNCTION = "where a layer belongs", "only Keras's own activations are loaded"
MORE, LARGE = "describes [0-9,]+ weights and holds", "GB of memory for one image"
BROKEN = "cannot be loaded"
NAMED = "give it a name of 1 to"
ELSEWHERE, LINKED = "out of another file", "without links"
PROMISES = "is damaged, or a decompression bomb"
NO_NUMBERS = "no array of numbers"


def warm() -> None:
    """Import what loading a model needs, and load one."""
    from lib.network import model_file

    model_file.load(keras())
    model_file.load(h5())


def door(path: Path) -> None:
    """The way of every command: first what the file says, without Keras, then the model."""
    from lib.network import model_config, model_file

    model_config.units(model_file.config_of(path))
    model_file.load(path)


def _of(kind: str, module: str | None = "keras.layers", **settings: Any) -> Make:
    """A network with this layer behind its convolution."""
    return written(lambda: keras(functional(image(), conv(), layer(kind, "trick", "conv", module, **settings))))


def _activation(activation: object) -> Make:
    return written(lambda: keras(functional(image(), conv(activation=activation))))


def _called(name: object) -> Make:
    return written(lambda: keras(functional(image(), conv(name))))  # type: ignore[arg-type]


def _keras(config: Any, *more: tuple[str, bytes]) -> Make:
    return written(lambda: keras(config() if callable(config) else config, None, *more))


def _weights(change: Any) -> Make:
    return written(lambda: keras(None, weights(change)))


def _h5(change: Any) -> Make:
    return written(lambda: h5(None, change))


def _many(count: int) -> dict[str, Any]:
    return chain(image(), *[layer("ReLU", f"r{number}", "image") for number in range(count)])


def _backwards(count: int) -> dict[str, Any]:
    layers = _many(count)["config"]["layers"]
    return functional(layers[0], *reversed(layers[1:]), outputs=f"r{count - 1}")


def _shared(count: int) -> dict[str, Any]:
    one = layer("ReLU", "r", "image")
    one["inbound_nodes"] = [call("image")] * count
    return functional(image(), one)


def _nested(depth: int) -> dict[str, Any]:
    model = plain()
    for number in range(depth):
        inner = model | {"name": f"inner{number}", "inbound_nodes": [call("image")]}
        inner["config"] = model["config"] | {"name": f"inner{number}"}
        model = functional(image(), inner)
    return model


def _square(side: int) -> dict[str, Any]:
    """Two dense layers of which each has few weights by itself, and the second many by the first."""
    return chain(image(), layer("Flatten", "flat"), layer("Dense", "a", units=side), layer("Dense", "b", units=side))


def _zip(name: str, change: Any) -> Make:
    """A `.keras` file in whose directory the entry of a member is changed."""

    def data() -> bytes:
        raw = bytearray(keras())
        at = raw.rfind(name.encode()) - 46
        assert raw[at : at + 4] == b"PK\x01\x02"
        change(raw, at)
        return bytes(raw)

    return written(data)


def _put(offset: int, form: str, value: int) -> Any:
    return lambda raw, at: struct.pack_into(form, raw, at + offset, value)


def _bomb(member: str, size: int) -> Make:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in (
                ("metadata.json", b"{}"),
                ("config.json", json.dumps(plain()).encode()),
                ("model.weights.h5", weights()),
            ):
                if name != member:
                    archive.writestr(name, data)
            with archive.open(member, "w", force_zip64=True) as out:
                for _ in range(size >> 20):
                    out.write(bytes(1 << 20))

    return make


def _members(count: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", json.dumps(plain()))
        for number in range(count):
            archive.writestr(f"member{number}", b"")
    return stream.getvalue()


def _twice() -> bytes:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return keras(None, None, ("config.json", b"{}"))


def _flipped() -> bytes:
    data = bytearray(keras())
    data[data.find(b"\x89HDF") + 900] ^= 1
    return bytes(data)


# what a file of weights may do


def _external(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = h5py.SoftLink("/layers/conv2d/vars/1")


def _external_array(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars"].create_dataset("0", (3, 3, 1, 2), "f4", external=[("/etc/passwd", 0, 72)])


def _virtual(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    layout = h5py.VirtualLayout((3, 3, 1, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3, 3, 1, 2))
    file["layers/conv2d/vars"].create_virtual_dataset("0", layout)


def _circle(file: h5py.File) -> None:
    file["layers/again"] = file["layers"]


def _circle_to_root(file: h5py.File) -> None:
    file["layers/root"] = file["/"]


def _texts(file: h5py.File) -> None:
    file.create_dataset("texts", (1 << 20,), h5py.vlen_dtype("i4"))


def _compound(file: h5py.File) -> None:
    file["pairs"] = np.zeros(3, [("a", "f4"), ("b", "S80")])


def _references(file: h5py.File) -> None:
    file.create_dataset("references", (3,), h5py.ref_dtype)


def _regions(file: h5py.File) -> None:
    file.create_dataset("regions", (3,), h5py.regionref_dtype)


def _described_by_reference(file: h5py.File) -> None:
    file.attrs.create("reference", [file.ref], dtype=h5py.ref_dtype)


def _never_written(file: h5py.File) -> None:
    file.create_dataset("never", (10**6, 10**6), "f4")


def _never_written_in_pieces(file: h5py.File) -> None:
    file.create_dataset("never", (10**6, 10**6), "f4", chunks=(100, 100))


def _gzip_bomb(file: h5py.File) -> None:
    array = file.create_dataset("bomb", (1 << 28,), "f4", chunks=(1 << 22,), compression="gzip", compression_opts=1)
    packed = zlib.compress(bytes(1 << 24), 1)
    for number in range(64):
        array.id.write_direct_chunk((number << 22,), packed)


def _large_piece(file: h5py.File) -> None:
    file.create_dataset("piece", (10,), "f4", chunks=(10**9,), maxshape=(None,), compression="gzip")


def _plugin(file: h5py.File) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((4,))
    settings.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.id, b"zstd", h5py.h5t.IEEE_F32LE, space, settings)


def _many_groups(file: h5py.File) -> None:
    for number in range(26_000):
        h5py.h5g.create(file.id, b"%d" % number)


def _deep_groups(file: h5py.File) -> None:
    group = file
    for _ in range(400):
        group = group.create_group("g")


def _long_text(file: h5py.File) -> None:
    file.attrs["text"] = "a" * (64 << 20)


def _one_text_many_times(file: h5py.File) -> None:
    file.attrs["texts"] = ["a" * 1_000_000] * 3 + ["b"] * 997


def _type(file: h5py.File) -> None:
    file["type"] = np.dtype("f4")


def _other_shape(file: h5py.File) -> None:
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = np.ones((3, 3, 1, 3), "f4")


def _array_for_group(file: h5py.File) -> None:
    del file["layers/conv2d"]
    file["layers/conv2d"] = np.ones(3)


def _padding(file: h5py.File) -> None:
    file["padding"] = np.ones(100_000, "f4")


def _config_of_numbers(file: h5py.File) -> None:
    file.attrs["model_config"] = np.arange(7)


def _no_weights(file: h5py.File) -> None:
    del file["model_weights"]


def _keras2(config: Any) -> Make:
    def change(file: h5py.File) -> None:
        file.attrs["keras_version"] = "2.11.0"
        file.attrs["model_config"] = json.dumps(config)

    return _h5(change)


def _typed(name: str, **settings: Any) -> Any:
    """A network of Keras 2 whose settings are of other kinds than they should be."""
    return {
        "class_name": "Sequential",
        "config": {"name": "s", "layers": [{"class_name": name, "config": {"name": "a", **settings}}]},
    }


_GET_FILE: dict[str, Any] = {
    "module": "keras.utils",
    "class_name": "get_file",
    "config": {"origin": "http://127.0.0.1:9/"},
    "registered_name": None,
}
_DECODE: dict[str, Any] = {
    "module": "keras.applications.imagenet_utils",
    "class_name": "decode_predictions",
    "config": {},
    "registered_name": None,
}

CASES: dict[str, tuple[Make, str]] = {
    "plain.keras": (written(keras), USED),
    "plain.h5": (written(h5), USED),
    # what is no file
    "pipe.keras": (pipe, "is a named pipe, and no file"),
    "socket.keras": (bound, "is a socket, and no file"),
    "zeros.keras": (link("/dev/zero"), "is a device, and no file"),
    "terminal.keras": (link("/dev/tty"), "is a device, and no file"),
    "circle.keras": (lambda path: path.symlink_to(path.name), "cannot be read"),
    "nothing.keras": (link("nothing"), "there is no file"),
    "memory.keras": (link("/proc/self/mem"), "is empty|cannot be read"),
    "folder.keras": (lambda path: path.mkdir(), "is a folder"),
    # what is no model
    "empty.keras": (written(b""), "is empty"),
    "terabyte.keras": (sparse(1 << 40, b"PK\x03\x04"), "and at most 64 are read"),
    "gigabytes.keras": (sparse(3 << 30, b"PK\x03\x04"), "no whole zip archive"),
    "gigabytes.h5": (sparse(3 << 30, b"\x89HDF\r\n\x1a\n"), "no file of HDF5"),
    "gigabytes of nothing.keras": (sparse(3 << 30), "is neither a .keras nor a .h5 file"),
    "pickle.keras": (written(b"cos\nsystem\n(S'true'\ntR."), "is neither a .keras nor a .h5 file"),
    "behind a block.h5": (written(lambda: bytes(512) + h5()), "is neither a .keras nor a .h5 file"),
    "lfs.keras": (written(b"version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    # the archive
    "torn.keras": (written(lambda: keras()[:-40]), "no whole zip archive"),
    "two configs.keras": (written(_twice), "holds two members 'config.json'"),
    "encrypted.keras": (_zip("config.json", _put(8, "<H", 1)), "is encrypted"),
    "lzma.keras": (written(lambda: keras(packed=zipfile.ZIP_LZMA)), "stored or deflated"),
    "climbing.keras": (_keras(None, ("../../evil", b"1")), "which is no name within an archive"),
    "absolute.keras": (_keras(None, ("/etc/evil", b"1")), "which is no name within an archive"),
    "promising.keras": (_zip("model.weights.h5", _put(24, "<I", 1 << 20)), "promise more bytes than it holds"),
    "overlapping.keras": (_zip("model.weights.h5", _put(42, "<I", 0)), "promise more bytes than it holds"),
    "beyond.keras": (_zip("model.weights.h5", _put(42, "<I", 1 << 30)), "no whole zip archive|promise more bytes"),
    "many members.keras": (written(lambda: _members(100_000)), "too many members"),
    "bomb of weights.keras": (_bomb("model.weights.h5", 2 << 30), "as a decompression bomb does"),
    "bomb of words.keras": (_bomb("config.json", 1 << 30), "as a decompression bomb does"),
    "small bomb of words.keras": (_bomb("config.json", 60 << 20), "are read: make it smaller"),
    "flipped.keras": (written(_flipped), "cannot be unpacked"),
    "without weights.keras": (written(lambda: keras(None, b"")), "it has no model.weights.h5"),
    # JSON
    "deep.keras": (_keras(b"[" * 1_000_000), "deep in its JSON"),
    "deep objects.keras": (_keras(b'{"a":' * 1_000_000), "deep in its JSON"),
    "wide.keras": (_keras(lambda: b"[" + b"[]," * 2_000_000 + b"[]]"), "lists and objects in its JSON"),
    "no json.keras": (_keras(b"{'a': 1}"), "it is no JSON"),
    "digits.keras": (_keras(b'{"a": ' + b"9" * 1_000_000 + b"}"), "it is no JSON"),
    "latin.keras": (_keras('{"class_name": "ä"}'.encode("latin-1")), "it is no JSON"),
    "list.keras": (_keras([1, 2]), "describes no Keras model"),
    "null.keras": (_keras(b"null"), "describes no Keras model"),
    "empty words.keras": (_keras({"a": {}}), BROKEN),
    "class of lists.keras": (_keras({"class_name": ["a"], "config": {}}), "whose class has no name"),
    "class of nothing.keras": (_keras({"class_name": None, "config": {}}), "whose class has no name"),
    "texts for layers.keras": (_keras({"class_name": "Functional", "config": {"layers": "abc"}}), BROKEN),
    "not a number.keras": (_keras(functional(image(float("nan"), 8, 1), conv())), BROKEN),  # type: ignore[arg-type]
    "infinite.keras": (_keras(functional(image(), conv(filters=float("inf")))), BROKEN),
    "negative.keras": (_keras(functional(image(), conv(filters=-2))), BROKEN),
    "no filters.keras": (_keras(functional(image(), conv(filters=0))), BROKEN),
    "filters of 400 digits.keras": (_keras(functional(image(), conv(filters=10**400))), "by a number of 401 digits"),
    # names
    "no name.keras": (_called(""), NAMED),
    "steering name.keras": (_called("a\x1b[31mred\x07"), NAMED),
    "two lines.keras": (_called("a\nError: all is lost"), NAMED),
    "backwards name.keras": (_called("a\u202egnp.exe"), NAMED),
    "half a letter.keras": (_called("a\ud800"), NAMED),
    "a million letters.keras": (_called("a" * 1_000_000), NAMED),
    "name of numbers.keras": (_called(7), NAMED),
    "name with a slash.keras": (_called("a/../b"), BROKEN),
    "name of brackets.keras": (_called("conv (1): <b>ä画"), USED),
    # code
    "function as a class.keras": (_activation(_DECODE), NO_LAYER),
    "download as a class.keras": (_activation(_GET_FILE), NO_LAYER),
    "download as a layer.keras": (_of("get_file", "keras.utils"), NO_LAYER),
    "loading as a layer.keras": (_of("load_model", "keras.models"), NO_LAYER),
    "deserialize as a layer.keras": (_of("deserialize", "keras.layers"), NO_LAYER),
    "deserialize as a layer without a module.keras": (_of("deserialize", None), NO_LAYER),
    "optimiser as a layer.keras": (_of("Adam", "keras.optimizers"), NO_LAYER),
    "callback as a layer.keras": (_of("BackupAndRestore", "keras.callbacks", backup_dir="/tmp/x"), NO_LAYER),
    "loop as a layer.keras": (_of("WhileLoop", "keras.src.ops.core"), NO_LAYER),
    "module of Keras.keras": (_of("os", "keras.src.saving.saving_lib"), NO_LAYER),
    "class of the system.keras": (_of("Popen", "subprocess"), CUSTOM),
    "class of TensorFlow.keras": (_of("Module", "tensorflow"), CUSTOM),
    "class like Keras's.keras": (_of("Dense", "keras_evil.layers"), CUSTOM),
    "module not loaded.keras": (_of("Dense", "keras.evil"), CUSTOM),
    "registered.keras": (
        written(lambda: keras(functional(image(), conv() | {"registered_name": "evil>Conv2D"}))),
        CUSTOM,
    ),
    "lambda.keras": (_of("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wE="}}), CODE),
    "lambda in a wrapper.keras": (_of("TimeDistributed", layer=layer("Lambda", "l")), CODE),
    "bare lambda.keras": (_activation({"class_name": "__lambda__", "config": {"value": "4wE="}}), CODE),
    "lambda of Keras 2.h5": (_keras2(_typed("Lambda", function=["4wE=", None, None], function_type="lambda")), CODE),
    "saved model.keras": (_of("TFSMLayer", filepath="/tmp/x"), CODE),
    "torch.keras": (_of("TorchModuleWrapper", module="gASV"), CODE),
    "jax.keras": (_of("JaxLayer", call_fn="x"), CODE),
    "typespec.keras": (
        _activation({"class_name": "__typespec__", "spec_name": "x", "module": "os", "config": []}),
        CODE,
    ),
    "typespec.h5": (
        written(lambda: h5({"class_name": "TypeSpec", "type_spec": "tf.RaggedTensorSpec", "serialized": []})),
        CODE,
    ),
    "vocabulary.keras": (_of("StringLookup", vocabulary="/etc/passwd"), FILES),
    "text vocabulary.keras": (_of("TextVectorization", vocabulary="/etc/passwd"), FILES),
    "feature space.keras": (_of("FeatureSpace", "keras.utils"), FILES),
    "eval.keras": (
        _activation({"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "eval"}),
        FUNCTION,
    ),
    "getter.keras": (
        _activation(
            {"module": "keras.activations", "class_name": "function", "config": "get", "registered_name": "get"}
        ),
        FUNCTION,
    ),
    "two functions.keras": (
        _activation({"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "exec"}),
        FUNCTION,
    ),
    "other activation.keras": (_activation("decode_predictions"), BROKEN),
    "constant of texts.keras": (
        _activation({"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "U1000000000"}}),
        "constant that is no number",
    ),
    "constant of anything.keras": (
        _activation({"class_name": "__tensor__", "config": {"value": ["a"], "dtype": "object"}}),
        "constant that is no number",
    ),
    # sizes
    "170 million filters.keras": (_keras(functional(image(), conv(filters=170_000_000))), MORE),
    "170 million filters.h5": (written(lambda: h5(functional(image(), conv(filters=170_000_000)))), MORE),
    "dense.keras": (_keras(chain(image(), layer("Flatten", "f"), layer("Dense", "d", units=10**9))), MORE),
    "square.keras": (written(lambda: keras(_square(30_000), weights(_padding))), MORE),
    "embedding.keras": (
        _keras(chain(image(), layer("Flatten", "f"), layer("Embedding", "e", input_dim=10**9, output_dim=1000))),
        f"{MORE}|{LARGE}",
    ),
    "orthogonal.keras": (
        _keras(
            chain(image(), layer("Flatten", "f"), layer("Dense", "d", units=10**6, kernel_initializer="orthogonal"))
        ),
        MORE,
    ),
    "recurrent.keras": (_keras(chain(image(8, 8), layer("LSTM", "l", units=10**5))), MORE),
    "attention.keras": (
        _keras(chain(image(8, 8), layer("MultiHeadAttention", "a", num_heads=10**6, key_dim=64))),
        f"{MORE}|{BROKEN}",
    ),
    "unrolled.keras": (
        _keras(chain(image(10**6, 8), layer("SimpleRNN", "l", units=2, unroll=True))),
        f"{USED}|cannot be loaded|weights",
    ),
    "large image.keras": (_keras(functional(image(10**6, 10**6, 1), conv())), LARGE),
    "image beyond numbers.keras": (_keras(functional(image(2**40, 2**40, 1), conv())), f"{LARGE}|{BROKEN}"),
    "repeated.keras": (_keras(chain(image(8), layer("RepeatVector", "r", n=10**9), layer("Flatten", "f"))), LARGE),
    "enlarged.keras": (_keras(chain(image(), layer("UpSampling2D", "u", size=[10**5, 10**5]))), LARGE),
    "enlarged by steps.keras": (
        _keras(chain(image(), *[layer("UpSampling2D", f"u{n}", size=[4, 4]) for n in range(12)])),
        LARGE,
    ),
    "enlarged of any size.keras": (
        _keras(chain(image(None, None, 1), layer("UpSampling2D", "u", size=[10**5, 10**5]))),
        LARGE,
    ),
    "padded.keras": (_keras(chain(image(), layer("ZeroPadding2D", "z", padding=[10**6, 10**6]))), LARGE),
    "resized.keras": (_keras(chain(image(), layer("Resizing", "z", height=10**6, width=10**6))), LARGE),
    "transposed.keras": (
        _keras(chain(image(), layer("Conv2DTranspose", "t", filters=1, kernel_size=1, strides=[10**5, 10**5]))),
        LARGE,
    ),
    "reshaped.keras": (_keras(chain(image(), layer("Reshape", "r", target_shape=[10**6, 10**6]))), f"{BROKEN}|{LARGE}"),
    "6,000 layers.keras": (_keras(lambda: _many(6_000)), "describes more than 5,000 layers"),
    "backwards.keras": (_keras(lambda: _backwards(4_000)), "describes its layers in no order"),
    "called often.keras": (_keras(lambda: _shared(20_000)), "calls its layers more than"),
    "models in models.keras": (_keras(lambda: _nested(60)), "deep in its JSON"),
    "circle of layers.keras": (_keras(functional(image(), conv("a", "b"), conv("b", "a"))), BROKEN),
    "called with nothing.keras": (_keras(functional(image(), conv("a", "nowhere"))), BROKEN),
    "twice the same name.keras": (_keras(functional(image(), conv(), conv())), f"{BROKEN}|{MORE}"),
    # weights
    "external link.keras": (_weights(_external), ELSEWHERE),
    "soft link.keras": (_weights(_soft), LINKED),
    "external array.keras": (_weights(_external_array), ELSEWHERE),
    "virtual array.keras": (_weights(_virtual), ELSEWHERE),
    "external link.h5": (_h5(lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x"))), ELSEWHERE),
    "circle of groups.keras": (_weights(_circle), LINKED),
    "circle to the root.h5": (_h5(lambda file: file["model_weights"].__setitem__("root", file["/"])), LINKED),
    "texts of any length.keras": (_weights(_texts), NO_NUMBERS),
    "pairs.keras": (_weights(_compound), NO_NUMBERS),
    "references.keras": (_weights(_references), NO_NUMBERS),
    "regions.keras": (_weights(_regions), NO_NUMBERS),
    "described by reference.keras": (_weights(_described_by_reference), "by neither numbers nor texts"),
    "never written.keras": (_weights(_never_written), PROMISES),
    "never written in pieces.h5": (_h5(_never_written_in_pieces), PROMISES),
    "gzip bomb.keras": (_weights(_gzip_bomb), PROMISES),
    "gzip bomb.h5": (_h5(_gzip_bomb), PROMISES),
    "large piece.keras": (_weights(_large_piece), "save it again in pieces"),
    "plug-in.keras": (_weights(_plugin), "needs a plug-in"),
    "many groups.keras": (_weights(_many_groups), "holds more than 25,000 groups"),
    "deep groups.h5": (_h5(_deep_groups), "nests groups more than"),
    "long text.h5": (_h5(_long_text), "has more to describe than arrays"),
    "many long texts.keras": (_weights(_one_text_many_times), "has more to describe than arrays"),
    "type.keras": (_weights(_type), "which is no array"),
    "other shape.keras": (_weights(_other_shape), BROKEN),
    "array for a group.keras": (_weights(_array_for_group), BROKEN),
    "torn weights.keras": (written(lambda: keras(None, weights()[:3000])), "no file of HDF5"),
    "torn.h5": (written(lambda: h5()[:3000]), "no file of HDF5"),
    "config of numbers.h5": (_h5(_config_of_numbers), "describes no Keras model"),
    "without weights.h5": (_h5(_no_weights), BROKEN),
    # Keras 2
    "old texts for layers.h5": (_keras2({"class_name": "Model", "config": {"layers": "abc"}}), "subclassed model"),
    "old numbers for layers.h5": (_keras2({"class_name": "Sequential", "config": [1, 2, 3]}), "is damaged"),
    "old layer of numbers.h5": (
        _keras2(_typed("Conv2D", filters="x", kernel_size=None)),
        "Keras 3 does not build it|is damaged",
    ),
    "old filters.h5": (
        _keras2(_typed("Conv2D", filters=170_000_000, kernel_size=[3, 3], batch_input_shape=[None, 8, 8, 1])),
        MORE,
    ),
    "old operator.h5": (
        _keras2(
            {
                "class_name": "Functional",
                "config": {
                    "name": "m",
                    "layers": [
                        {
                            "class_name": "TFOpLambda",
                            "name": "a",
                            "config": {"name": "a", "function": "os.system"},
                            "inbound_nodes": [["a", 0, 0, {}]],
                        }
                    ],
                    "input_layers": [],
                    "output_layers": [],
                },
            }
        ),
        "is no layer or operation of Keras 3|is damaged",
    ),
}
