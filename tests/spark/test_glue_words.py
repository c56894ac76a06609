"""What a run of Glue says of the error that ended it."""

from clary.images.spark.glue import words


class Gone(Exception):
    """As an error of Java's that is asked for its text when there is no JVM any more."""

    def __str__(self) -> str:
        raise ConnectionRefusedError


def test_an_error_that_cannot_say_more_says_what_it_is() -> None:
    assert words(Gone()) == "Gone"
    assert words(ValueError("so\nit is")) == "so\nit is"
    assert words(ValueError()) == ""
