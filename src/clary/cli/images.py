"""`clary images`: which there are, which are pulled, and pulling and removing them."""

from clary.cli import say
from clary.config import Config
from clary.images.image import images, resolve
from clary.images.pull import Images


def show(config: Config) -> None:
    """A line for each image; those of users are a table of their own, since their names are long."""
    there = Images(config)
    rows = [("IMAGE", "HOLDS", "PYTHON", "PULLED")]
    for image in images():
        size = there.size(image)
        rows.append((image.reference, image.library, image.python, f"{size / 1e6:.0f} MB" if size else "no"))
    say.table(rows, ["bold", *("" for _ in rows[1:])])
    own = sorted(there.trees.pulled(), key=lambda one: one.uri)
    if own:
        say.line()
        lines = [(one.uri, one.digest[:19], f"{one.size / 1e6:.0f} MB") for one in own]
        say.table([("YOURS", "DIGEST", "UNPACKED"), *lines], ["bold", *("" for _ in own)])


def pull(config: Config, references: list[str]) -> None:
    """Raises UnknownImage, PullFailed."""
    for image in [resolve(reference) for reference in references]:
        environment = Images(config).built(image, say.note)
        say.line(f"{image.reference} is ready at {environment.folder}.", "green")


def remove(config: Config, references: list[str]) -> None:
    """Of users' images what is unpacked goes; the registry keeps the image. Raises UnknownImage."""
    there = Images(config)
    for reference in references:
        own = [one for one in there.trees.pulled() if reference in (one.uri, one.digest, one.digest[:19])]
        for one in own:
            there.trees.remove(one.digest)
            say.line(f"{one.uri} ({one.digest[:19]}) is removed.")
        if own:
            continue
        image = resolve(reference)
        removed = there.remove(image)
        say.line(f"{image.reference} is removed." if removed else f"{image.reference} was not pulled.")
