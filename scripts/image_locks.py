"""Resolve the images' environments anew: src/clary/images/<image>/locks/<tag>.txt, from the requirements in image.toml.

    python scripts/image_locks.py             all of them
    python scripts/image_locks.py 1.7-1 …     these tags

Every version and hash, naming no index; uv's default index alone is asked, as for requirements/*.txt. What that doesn't
have (`apart`) is added as image.toml says it, and what it needs is among the image's requirements.
"""

import argparse
import subprocess
import sys

from clary.images.image import Image, images
from clary.images.sources import uv


def lock(image: Image) -> None:
    image.lock.parent.mkdir(exist_ok=True)
    # A build for CPUs is one for Linux on x86-64; what its package needs elsewhere may not even be there.
    where = ("--python-platform", "linux") if image.processors == ("cpu",) else ("--universal",)
    form = ("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", *where, "--upgrade")
    subprocess.run(
        [uv(), "pip", "compile", *form, "--quiet", "--python-version", image.python, "-", "-o", str(image.lock)],
        input="\n".join(image.requirements),
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with image.lock.open("a") as file:
        file.writelines(one.replace(" --hash", " \\\n    --hash") + "\n" for one in image.apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tags", nargs="*", metavar="TAG")
    given = parser.parse_args()
    for image in {image.lock: image for image in images()}.values():
        if not given.tags or image.tag in given.tags:
            print(image.reference, image.library, file=sys.stderr)
            lock(image)


if __name__ == "__main__":
    main()
