from pathlib import Path

import pytest

from devcluster.errors import DevclusterError
from devcluster.node.cgroups import ControlGroup, hierarchies
from devcluster.node.mount_points import ensure_mount_points, remove_mount_points
from devcluster.node.mounts import mounts_below

MOUNTINFO = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
31 22 0:27 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
40 22 254:0 /a /var/lib/clusters/one/run rw,relatime shared:3 master:1 - ext4 /dev/vda rw
41 40 0:4 net:[402] /var/lib/clusters/one/run/network rw - nsfs nsfs rw
42 22 0:50 / /var/lib/clusters/one\\040two rw - tmpfs tmpfs rw
43 22 0:51 / /var/lib/clusters/one-more rw - tmpfs tmpfs rw
"""


def test_mounts_are_listed_innermost_first_without_neighbours():
    found = mounts_below(Path("/var/lib/clusters/one"), MOUNTINFO)
    assert [str(path) for path in found] == ["/var/lib/clusters/one/run/network", "/var/lib/clusters/one/run"]


def test_a_mount_point_with_a_space_is_understood():
    assert mounts_below(Path("/var/lib/clusters/one two"), MOUNTINFO) == [Path("/var/lib/clusters/one two")]


def test_control_groups_of_both_versions_are_found():
    assert [str(path) for path in hierarchies(MOUNTINFO)] == [
        "/sys/fs/cgroup/memory",
        "/sys/fs/cgroup/unified",
    ]


@pytest.fixture
def hierarchy(tmp_path):
    """A folder that stands for a version 1 hierarchy with processors to hand out."""
    (tmp_path / "cgroup.clone_children").write_text("0")
    (tmp_path / "cpuset.cpus").write_text("0-1\n")
    return tmp_path


def test_members_of_nested_groups_are_all_found(hierarchy):
    group = ControlGroup("demo", [hierarchy])
    group.create()
    pod = hierarchy / "davit-demo" / "kubepods" / "pod1"
    pod.mkdir(parents=True)
    (pod / "cgroup.procs").write_text("7\n8\n")
    group.entrances()[0].write_text("9\n")
    (hierarchy / "cgroup.procs").write_text("1\n")
    assert group.members() == {7, 8, 9}


def test_removed_groups_are_gone_and_removing_twice_is_harmless(hierarchy):
    group = ControlGroup("demo", [hierarchy])
    group.create()
    (hierarchy / "davit-demo" / "kubepods" / "pod1").mkdir(parents=True)
    assert group.exists()
    group.remove()
    group.remove()
    assert not group.exists()


def test_a_machine_without_control_groups_is_reported():
    with pytest.raises(DevclusterError, match="no control groups are mounted"):
        ControlGroup("demo", []).create()


def test_folders_for_nodes_are_removed_with_the_last_cluster(tmp_path):
    root, mine, theirs = tmp_path / "clusters", tmp_path / "mine" / "deep", tmp_path / "theirs"
    theirs.mkdir()
    (root / "demo").mkdir(parents=True)
    ensure_mount_points(root, [str(mine), str(theirs)])
    remove_mount_points(root)
    assert mine.exists(), "a cluster is left"
    (root / "demo").rmdir()
    remove_mount_points(root)
    assert not mine.exists()
    assert theirs.exists(), "it was there before"
    assert not root.exists()


def test_a_folder_in_use_is_kept(tmp_path):
    root, mine = tmp_path / "clusters", tmp_path / "mine"
    ensure_mount_points(root, [str(mine)])
    (mine / "file").touch()
    remove_mount_points(root)
    assert mine.exists()
