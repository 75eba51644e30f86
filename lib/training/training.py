"""Training that ends with the same weights, however often it was interrupted.

All that decides a step is in the checkpoint or follows from its number: the order of the images from the seed and the
epoch, the learning rate from the optimiser's step counter, the moments from the optimiser. So an epoch that starts from
a checkpoint, in another process, is the epoch that would have followed (same machine, deterministic kernels).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib import stop
from lib.arrays import Floats, Integers, Tensor
from lib.data.dataset import Dataset, one_hot
from lib.errors import BadInput
from lib.network import model_file
from lib.training import reference
from lib.training.settings import TrainSettings

# Images go to the device in pieces of this many bytes, each many steps: the device is not kept waiting for Python, a
# data set larger than its memory can be trained on, and there is progress to show about once a second.
PIECE_BYTES = 16 * 2**20

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class TrainedEpoch:
    """What is known after an epoch; training can go on from it.

    Attributes:
        number: of the epoch, from 1.
        checkpoint: a `.keras` file with the optimiser's state.
        identity: of the checkpoint (`lib.network.model_file.identity`).
        metrics: `epoch`, `loss` (with the L2 penalty), `accuracy`, `test_loss`, `test_accuracy`, `learning_rate` (at
            the epoch's end). Accuracies are fractions.
        history: the metrics of every epoch so far, this one's last.
    """

    number: int
    checkpoint: bytes
    identity: str
    metrics: Metrics
    history: tuple[Metrics, ...]


def train(
    data: Dataset,
    settings: TrainSettings,
    *,
    on_epoch: Callable[[TrainedEpoch], None],
    resume: TrainedEpoch | None = None,
    progress: Callable[[int, int, int, float], None] | None = None,
) -> TrainedEpoch:
    """Train the reference network on `data` and return the last epoch.

    Args:
        on_epoch: called after each epoch; what it has written is what a killed training can go on from.
        resume: the last whole epoch of a training of the same data and settings. The end is bit-identical to that of
            the training that was not interrupted.
        progress: called with (epoch, steps done in it, steps an epoch, mean loss so far in it) about once a second.

    Raises:
        BadInput: `resume` belongs to a longer training, or its checkpoint does not fit the data.
        FloatingPointError: the loss is no longer a number.
    """
    settings = settings.for_images(len(data.train_imgs))
    assert settings.epochs is not None
    steps, classes = math.ceil(len(data.train_imgs) / settings.batch), len(data.classes)
    last = 0
    history: tuple[Metrics, ...] = ()
    with _deterministic():
        if resume is None:
            model: Any = reference.build(data.input_shape, classes, l2=settings.l2, seed=settings.seed)
            model.compile(_optimiser(settings, steps), "categorical_crossentropy", metrics=["accuracy"])
            model.optimizer.build(model.trainable_variables)
        else:
            if resume.number > settings.epochs:
                raise BadInput(f"the checkpoint is of epoch {resume.number}, but training ends at {settings.epochs}")
            model = model_file.load(resume.checkpoint, name=f"checkpoint of epoch {resume.number}", compiled=True)
            if model.input_shape[1:] != data.input_shape or model.output_shape[1:] != (classes,):
                raise BadInput(f"the checkpoint of epoch {resume.number} was not trained on {data.name}")
            if int(model.optimizer.iterations) != resume.number * steps:
                raise BadInput(f"the checkpoint of epoch {resume.number} was trained with another batch or data set")
            last, history = resume.number, resume.history
        run_steps, score = _compile(model, settings.batch)
        epoch = resume
        for number in range(last + 1, settings.epochs + 1):
            order = np.random.default_rng([settings.seed, number]).permutation(len(data.train_imgs))
            loss = right = done = 0.0
            for piece in _pieces(order, settings.batch, data.train_imgs[0].nbytes):
                # sorted reading would be gentler on a memory-mapped file, but the order within a batch decides bits
                piece_loss, piece_right = run_steps(data.train_imgs[piece], one_hot(data.train_labels[piece], classes))
                loss, right, done = loss + float(piece_loss), right + float(piece_right), done + len(piece)
                if progress:
                    progress(number, math.ceil(done / settings.batch), steps, loss / done)
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss of epoch {number} is {loss}: take a smaller learning rate")
            test_loss, test_accuracy = _evaluate(score, data.test_imgs, data.test_labels, classes, settings.batch)
            metrics = {
                "epoch": number,
                "loss": loss / done,
                "accuracy": right / done,
                "test_loss": test_loss,
                "test_accuracy": test_accuracy,
                "learning_rate": float(model.optimizer.learning_rate),
            }
            history = (*history, metrics)
            epoch = TrainedEpoch(number, model_file.keras_bytes(model), model_file.identity(model), metrics, history)
            on_epoch(epoch)
    assert epoch is not None
    return epoch


def _optimiser(settings: TrainSettings, steps: int) -> Any:
    """The Keras optimiser; its learning rate is a function of its own step counter, so a checkpoint holds both."""
    import keras

    assert settings.epochs is not None
    schedules = keras.optimizers.schedules
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        rate = schedules.CosineDecay(settings.learning_rate, decay_steps=settings.epochs * steps)
    elif settings.schedule == "inverse-time":
        rate = schedules.InverseTimeDecay(settings.learning_rate, decay_steps=steps, decay_rate=settings.decay)
    # a name of its own: Keras would count optimisers, and the checkpoint's bytes depend on how many there were before
    if settings.optimiser == "adam":
        return keras.optimizers.Adam(rate, name="adam")
    if settings.optimiser == "rmsprop":
        return keras.optimizers.RMSprop(rate, momentum=settings.momentum, name="rmsprop")
    return keras.optimizers.SGD(rate, momentum=settings.momentum, name="sgd")


def _compile(model: Any, batch: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two compiled functions of (images `[N, H, W, C]`, one-hot labels `[N, K]`), each a loop over batches.

    The first trains, the second only looks; both return the summed loss and the number classified rightly.
    """
    import keras
    import tensorflow as tf

    signature = [
        tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
        tf.TensorSpec([None, model.output_shape[1]], tf.float32),
    ]

    def mean_loss(images: Tensor, labels: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        predicted = model(images, training=training)
        each = keras.losses.categorical_crossentropy(labels, predicted)
        hits = tf.argmax(predicted, axis=1) == tf.argmax(labels, axis=1)
        penalty = tf.add_n(model.losses) if model.losses else tf.constant(0.0)
        return tf.reduce_mean(each) + penalty, tf.reduce_sum(tf.cast(hits, tf.float32))

    def step(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            mean, hits = mean_loss(images, labels, training=True)
        model.optimizer.apply(tape.gradient(mean, model.trainable_variables), model.trainable_variables)
        return mean, hits

    def look(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return mean_loss(images, labels, training=False)

    def over_batches(
        one: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], images: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        def next_batch(start: Tensor, loss: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            some = images[start : start + batch]
            mean, hits = one(some, labels[start : start + batch])
            return start + batch, loss + mean * tf.cast(tf.shape(some)[0], tf.float32), right + hits

        count = tf.shape(images)[0]
        most = (count + batch - 1) // batch
        nothing = (tf.constant(0), tf.constant(0.0), tf.constant(0.0))
        return tf.while_loop(lambda start, *_: start < count, next_batch, nothing, maximum_iterations=most)[1:]

    def compiled(one: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Callable[..., Any]:
        return tf.function(
            lambda images, labels: over_batches(one, images, labels), input_signature=signature, autograph=False
        )

    return compiled(step), compiled(look)


def _evaluate(
    score: Callable[..., Any], images: Floats, labels: Integers, classes: int, batch: int
) -> tuple[float, float]:
    """Mean loss and accuracy over all images."""
    loss = right = 0.0
    for piece in _pieces(np.arange(len(images)), batch, images[0].nbytes):
        stop.look()
        piece_loss, piece_right = score(images[piece], one_hot(labels[piece], classes))
        loss, right = loss + float(piece_loss), right + float(piece_right)
    return loss / len(images), right / len(images)


def _pieces(order: Integers, batch: int, image_bytes: int) -> Iterator[Integers]:
    """`order` cut into whole batches of about PIECE_BYTES; where it is cut changes no batch."""
    size = max(PIECE_BYTES // (image_bytes * batch), 1) * batch
    for start in range(0, len(order), size):
        yield order[start : start + size]


@contextmanager
def _deterministic() -> Iterator[None]:
    """TensorFlow takes deterministic kernels only; the setting is the process's, so it is put back afterwards."""
    from tensorflow.python.framework import config

    before = config.is_op_determinism_enabled()
    config.enable_op_determinism()
    try:
        yield
    finally:
        if not before:
            config.disable_op_determinism()
