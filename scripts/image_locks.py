"""Resolve the images' environments anew: src/clary/images/<image>/locks/<tag>.txt, from the requirements in image.toml.

    python scripts/image_locks.py             all of them
    python scripts/image_locks.py 1.7-1 …     these tags

Every version and hash, naming no index; uv's default index alone is asked, as for requirements/*.txt.
"""

import argparse
import subprocess
import sys

from clary.images.image import Image, images
from clary.images.sources import uv


def lock(image: Image) -> None:
    image.lock.parent.mkdir(exist_ok=True)
    form = ("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--universal", "--upgrade")
    subprocess.run(
        [uv(), "pip", "compile", *form, "--quiet", "--python-version", image.python, "-", "-o", str(image.lock)],
        input="\n".join(image.requirements),
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tags", nargs="*", metavar="TAG")
    given = parser.parse_args()
    for image in images():
        if not given.tags or image.tag in given.tags:
            print(image.reference, image.library, file=sys.stderr)
            lock(image)


if __name__ == "__main__":
    main()
