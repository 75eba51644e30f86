"""HEIC, the format of phones' photographs, by the plug-in pillow-heif: loaded only where there is such a picture."""

from functools import cache


@cache
def register() -> bool:
    """Make Pillow read HEIC; False where the plug-in is not installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False)
    return True
