import json
import threading

from devcluster.node.paths import Paths
from devcluster.node.slots import exclusively, recorded_plan


def test_a_cluster_without_a_record_has_no_addresses(tmp_path):
    assert recorded_plan(Paths("demo", tmp_path)) is None


def test_a_damaged_record_counts_as_none(tmp_path):
    paths = Paths("demo", tmp_path)
    paths.state.mkdir()
    paths.record.write_text("{")
    assert recorded_plan(paths) is None


def test_a_recorded_cluster_keeps_its_addresses(tmp_path):
    paths = Paths("demo", tmp_path)
    paths.state.mkdir()
    paths.record.write_text(json.dumps({"slot": 5}))
    assert str(recorded_plan(paths).network) == "10.205.0.0/16"


def test_commands_on_one_cluster_are_serialized(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(50):
            with exclusively("demo", tmp_path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 200
    assert max(most) == 1


def test_no_lock_file_is_left(tmp_path):
    with exclusively("demo", tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
