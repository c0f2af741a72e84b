"""Model code is untrusted code."""

from support.cluster.live import Place


def test_a_hostile_pickle_finds_nothing_worth_stealing(place: Place, models):
    place.deploy("thief", f"models:/e2e-thief/{models['thief']['version']}")
    place.wait_ready("thief")
    assert place.ask("thief").predictions == ["nothing"] * 3
