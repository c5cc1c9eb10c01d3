"""Many partitions, live, foresee as well as one does with learning in line."""

import pytest
import rich.console

from tests.bench import partitions


@pytest.mark.long
@pytest.mark.timeout(900)
def test_sixteen_partitions_live_foresee_as_well_as_one_in_line() -> None:
    """On the smallest sample: the same questions, what was said of them nearly the same, and every notice told."""
    found = partitions.run(rich.console.Console(quiet=True), quick=True, partitions=16, outstanding=100)
    e1 = found["tasks"]["E1"]
    assert e1["rows"] == 1_365
    assert abs(e1["auroc_difference"]) < 0.003
    assert 0 < e1["mean_difference_of_p"] < 0.02
    told = found["notices"]["helpdesk"]["another_ticket"]
    assert told["notices"] > 100
    assert 300 < told["bytes"] / told["notices"] < 100_000
