"""A browser for the pages: Debian's chromium, without a network of its own."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module, and no longer: while it is open, playwright keeps an event loop running in
    this thread, and no test that waits could run one."""
    program = shutil.which("chromium")
    assert program is not None, "the tests of pages need chromium: tests/servers/install.sh installs it"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()
