"""How much of an image is fine detail, and how much of it is colour: numbers to lay beside those of a data set."""

import numpy as np

from lib.arrays import Array, Doubles

FINE = 0.25
"""Cycles a pixel, from which on detail counts as fine."""


def fine_shares(images: Array) -> Doubles:
    """The share of each image's power, [n], that is at `FINE` and above; 0 for an image without any.

    Args:
        images: [n, H, W, C], of which the mean over the channels counts.
    """
    grey = np.asarray(images, np.float64).mean(-1)
    grey = grey - grey.mean((1, 2), keepdims=True)
    height, width = grey.shape[1:]
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    found = []
    for image in grey:  # one by one: spectra of a whole layer would need much memory
        power = np.abs(np.fft.fft2(image)) ** 2
        whole = power.sum()
        found.append(power[frequency >= FINE].sum() / whole if whole > 0 else 0.0)
    return np.array(found, np.float64)


def colour_shares(images: Array) -> Doubles:
    """The share of each image's variance, [n], that is difference between channels; 0 for an image without any.

    Args:
        images: [n, H, W, C]. One channel has no colour.
    """
    pixels = np.asarray(images, np.float64).reshape(len(images), -1, images.shape[-1])
    grey = pixels.mean(-1, keepdims=True)
    colour = ((pixels - grey) ** 2).mean((1, 2))
    whole = colour + ((grey - grey.mean(1, keepdims=True)) ** 2).mean((1, 2))
    return np.divide(colour, whole, out=np.zeros_like(whole), where=whole > 0)
