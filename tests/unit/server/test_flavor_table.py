"""The table of flavors: what holds of every row."""

from collections import Counter

import pytest
from davit_server.flavors.flavor import Flavor
from davit_server.flavors.table import DIRECT, FLAVORS


def test_no_flavor_has_two_rows():
    assert max(Counter(row.loader for row in FLAVORS).values()) == 1


@pytest.mark.parametrize("row", [row for row in FLAVORS if row.fast_paths], ids=lambda row: row.loader)
def test_the_path_for_every_plan_is_the_last_of_its_row(row: Flavor):
    assert row.fast_paths[-1] is DIRECT
    assert all(path.plans < DIRECT.plans for path in row.fast_paths[:-1])
