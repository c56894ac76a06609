"""docs/operations.md says what the services do, and they say nothing that AWS's model does not know."""

import pytest

import operations
from clary.resource.service import Service


@pytest.fixture(scope="module")
def services() -> list[Service]:
    return operations.built()


def test_the_page_is_up_to_date(services: list[Service]) -> None:
    assert operations.PAGE.read_text() == operations.text(services), "run `make docs`"


def test_services_know_their_model(services: list[Service]) -> None:
    assert not [(service.name, wrong) for service in services if (wrong := operations.unknown(service))]
