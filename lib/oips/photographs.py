"""What pictures of the world are like, as an ascent can be told: how their power falls with frequency, and how their
colours go together.

The amplitude of a photograph at frequency f is about 1/f (Field 1987), and its red, green and blue are nearly one.
Raw pixels know neither: an ascent of them fills every frequency and colour alike, and that is what looks like noise
(Olah et al. 2017).
"""

from dataclasses import dataclass

import numpy as np

from lib.arrays import Array, Doubles

LONGEST = 32
"""Pixels: where steps fall with frequency, waves that are longer count as so long. Else light and shade of the whole
image take its range."""

_MOST_IMAGES = 1000
_LOWEST, _HIGHEST = 2.0, 0.4  # cycles an image, cycles a pixel: between them the exponent is measured
_STEEPEST, _FLATTEST = 1.5, 0.5  # exponents outside of these are of no picture that one could look at
_LEAST_PIXELS = 16
_OF_PHOTOGRAPHS = 1.25
_COLOURFUL = 0.9  # the quantile


@dataclass(frozen=True)
class PictureStatistics:
    """Of some pictures.

    Attributes:
        exponent: of the fall of the amplitude with frequency.
        covariance: [C, C], of the channels, its mean variance 1.
        chroma: the root mean square of the difference between a pixel's channels and their mean, as a share of the
            range, in the most colourful tenth of the pictures; infinite where nothing is known.
    """

    exponent: float
    covariance: Doubles
    chroma: float


def of_photographs(channels: int) -> PictureStatistics:
    """Of photographs in general, for images of so many channels.

    All of it was measured on the photographs that scikit-learn, scikit-image and Matplotlib bring along.
    """
    covariance = np.array([[1.18, 0.82, 0.65], [0.82, 0.88, 0.86], [0.65, 0.86, 0.94]])
    if channels == 3:
        return PictureStatistics(_OF_PHOTOGRAPHS, covariance, 0.2)
    return PictureStatistics(_OF_PHOTOGRAPHS, np.eye(channels), np.inf)


def measure_pictures(images: Array) -> PictureStatistics:
    """Of images [N, H, W, C], of which a thousand are taken at even distances."""
    n, height, width, channels = images.shape
    some = np.asarray(images[np.linspace(0, n - 1, min(n, _MOST_IMAGES)).astype(int)], np.float64)
    usual = of_photographs(channels)
    pixels = some.reshape(-1, channels)
    covariance = np.atleast_2d(np.cov(pixels.T))
    variance = float(np.trace(covariance)) / channels
    if not variance > 0:
        return usual
    exponent = usual.exponent if min(height, width) < _LEAST_PIXELS else _exponent(some.mean(-1))
    colour = some - some.mean(-1, keepdims=True)
    chroma = float(np.quantile(np.sqrt((colour**2).mean((1, 2, 3))), _COLOURFUL))
    return PictureStatistics(exponent, covariance / variance, chroma)


def _exponent(grey: Doubles) -> float:
    """Of the fall of the amplitude of images [N, H, W], fitted to the mean power over frequencies."""
    height, width = grey.shape[1:]
    grey = grey - grey.mean((1, 2), keepdims=True)
    window = np.hanning(height)[:, None] * np.hanning(width)[None]  # else the borders would count as edges
    power = np.mean([np.abs(np.fft.fft2(image * window)) ** 2 for image in grey], axis=0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    used = (frequency > _LOWEST / min(height, width)) & (frequency < _HIGHEST) & (power > 0)
    if used.sum() < 3:
        return of_photographs(1).exponent
    slope = np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)[0]
    return float(np.clip(-slope / 2, _FLATTEST, _STEEPEST))
