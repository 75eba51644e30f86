"""What pictures of the world are like, as an ascent can be told: how their power falls with frequency, and how their
colours go together.

The amplitude of a photograph at frequency f is about 1/f (Field 1987), and its red, green and blue are nearly one.
Raw pixels know neither: an ascent of them fills every frequency and colour alike, and that is what looks like noise
(Olah et al. 2017).
"""

from dataclasses import dataclass

import numpy as np

from lib.arrays import Doubles, Images

LONGEST = 32
"""Pixels: where steps fall with frequency, waves that are longer count as so long. Else light and shade of the whole
image take its range."""

_MOST_IMAGES = 500
_LOWEST, _HIGHEST = 2.0, 0.4  # cycles an image, cycles a pixel: between them the exponent is measured
_STEEPEST, _FLATTEST = 1.5, 0.5  # exponents outside of these are of no picture that one could look at
_LEAST_PIXELS = 16
_LEAST_FREQUENCIES = 3
_LEAST_VARIANCE = 1e-9  # of images that are all alike rounding leaves something
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
        contrast: the standard deviation of the pixels, as a share of the range.
    """

    exponent: float
    covariance: Doubles
    chroma: float
    contrast: float


def of_photographs(channels: int) -> PictureStatistics:
    """Of photographs in general, for images of so many channels.

    All of it was measured on the photographs that scikit-learn, scikit-image and Matplotlib bring along.
    """
    covariance = np.array([[1.18, 0.82, 0.65], [0.82, 0.88, 0.86], [0.65, 0.86, 0.94]])
    if channels == 3:
        return PictureStatistics(_OF_PHOTOGRAPHS, covariance, 0.2, 0.25)
    return PictureStatistics(_OF_PHOTOGRAPHS, np.eye(channels), np.inf, 0.25)


def measure_pictures(images: Images) -> PictureStatistics:
    """Of images [N, H, W, C], of which some hundreds are taken at even distances, one at a time."""
    n, height, width, channels = images.shape
    usual = of_photographs(channels)
    rows = np.linspace(0, n - 1, min(n, _MOST_IMAGES)).astype(int)
    mean, square, power = np.zeros(channels), np.zeros((channels, channels)), np.zeros((height, width))
    chroma = []
    window = np.hanning(height)[:, None] * np.hanning(width)[None]  # else the borders would count as edges
    for row in rows:
        image = np.asarray(images[row], np.float64)
        pixels, grey = image.reshape(-1, channels), image.mean(-1)
        mean += pixels.mean(0) / len(rows)
        square += pixels.T @ pixels / len(pixels) / len(rows)
        power += np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
        chroma.append(np.sqrt(((image - grey[..., None]) ** 2).mean()))
    covariance = square - np.outer(mean, mean)
    variance = float(np.trace(covariance)) / channels
    if not variance > _LEAST_VARIANCE:
        return usual
    exponent = usual.exponent if min(height, width) < _LEAST_PIXELS else _exponent(power)
    colourful = float(np.quantile(chroma, _COLOURFUL))
    return PictureStatistics(exponent, covariance / variance, colourful, variance**0.5)


def _exponent(power: Doubles) -> float:
    """Of the fall of the amplitude with frequency, fitted to power [H, W]."""
    height, width = power.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    used = (frequency > _LOWEST / min(height, width)) & (frequency < _HIGHEST) & (power > 0)
    if used.sum() < _LEAST_FREQUENCIES:
        return _OF_PHOTOGRAPHS
    slope = np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)[0]
    return float(np.clip(-slope / 2, _FLATTEST, _STEEPEST))
