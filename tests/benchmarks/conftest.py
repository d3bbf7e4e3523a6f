"""What the tests of the report share: one browser, and a report that is open in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.chromium import Visit, chromium
from tests.support.report_pages import Reports, loaded, reports

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The test is skipped where there is none."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def found(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return reports(browser, tmp_path_factory.mktemp("results"))


@pytest.fixture
def seen(found: Reports) -> Iterator[Visit]:
    with loaded(found, viewport={"width": 1200, "height": 900}) as page:
        yield page
