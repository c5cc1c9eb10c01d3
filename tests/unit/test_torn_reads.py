"""What a core does when documents and due times were read from two states: it comes to an end, and says so."""

import pytest

from tests.builders.scene import START, Scene

CATALOGUE = """
[problem.return]
title = "Will return it"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "10d", same = "subject" }
grace = "0d"
"""


@pytest.mark.timeout(20)
def test_a_due_time_of_another_state_than_the_customers_is_passed_over() -> None:
    """The customer has nothing due then; the commit will be refused, for the store has fallen back."""
    scene = Scene(CATALOGUE).at("1d").event("order.placed", subject="o-1")
    scene.core.admit_due([(START + 2 * 86_400_000, "c/c")], complete=True)
    scene.at("3d").tick()
    assert scene.core.watermark() == START + 3 * 86_400_000
