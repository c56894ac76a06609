"""Packages that PyPI doesn't have, such as PyTorch's builds for CPUs: whether a place that pip's settings name does.

uv is asked before anything is built, so that who lacks one is told at once, and what there is instead.
"""

import subprocess

from clary.images.image import Image, images
from clary.images.sources import indexes, uv

_NONE = ("there is no version of", "was not found", "are unsatisfiable")  # in uv's words; a network that fails differs


def lacking(image: Image) -> str:
    """Why the image cannot be had here; empty if it can."""
    missing = [one for one in image.apart if not _there(one, image.python)]
    if not missing:
        return ""
    names = " and ".join(one.partition(" ")[0].replace("==", " ") for one in missing)
    others = {one.lock: one for one in images() if one.name == image.name and one.lock != image.lock}.values()
    found = [
        f"{one.reference} ({one.library})"
        for one in others
        if not [it for it in one.apart if not _there(it, one.python)]
    ]
    return (
        f"The image {image.reference} cannot be had: no place that pip's settings name has {names}. Please name one "
        "that does, by pip's extra-index-url or find-links, for the user that Clary runs as. "
        f"What can be had here: {', '.join(found) or 'no other tag of this image'}."
    )


def _there(requirement: str, python: str) -> bool:
    command = [uv(), "pip", "compile", "-", "--no-deps", "--quiet", "--no-config", "--color", "never"]
    asked = subprocess.run(
        [*command, "--no-python-downloads", "--python-version", python, "--python-platform", "linux", *indexes()],
        input=requirement.partition(" ")[0],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.returncode == 0 or not any(words in asked.stderr for words in _NONE)
