"""A worker whose cores count: `python -m tests.counting_worker [--alone]`, settings from the environment."""

import sys
from functools import partial

from forestall.agents.settings_sources import load_settings
from forestall.agents.supervisor import Supervisor
from forestall.agents.worker import parts_of, run, start_logging
from tests.counting import CountingCore


def main() -> int:
    """Runs supervised, or alone."""
    if "--alone" not in sys.argv:
        return Supervisor([sys.executable, "-m", "tests.counting_worker", "--alone"]).run()
    settings = load_settings()
    start_logging(settings)
    return run(settings, parts_of(settings, partial(CountingCore, "foresee"), partial(CountingCore, "learn")))


if __name__ == "__main__":
    sys.exit(main())
