from ipaddress import IPv4Network
from itertools import combinations

import pytest

from devcluster.errors import DevclusterError
from devcluster.node.addresses import SLOTS, AddressPlan, choose_slot

PARTS = ("pods", "services", "transfer")


def test_no_two_clusters_share_an_address():
    for one, other in combinations([AddressPlan(slot) for slot in range(SLOTS)], 2):
        assert not one.network.overlaps(other.network)


@pytest.mark.parametrize("slot", [0, SLOTS - 1])
def test_the_networks_of_a_cluster_are_inside_its_own_and_apart(slot):
    plan = AddressPlan(slot)
    networks = [getattr(plan, part) for part in PARTS]
    assert all(network.subnet_of(plan.network) for network in networks)
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


def test_well_known_services_have_the_addresses_kubernetes_expects():
    plan = AddressPlan(3)
    assert str(plan.api_service) == "10.203.128.1"
    assert plan.dns in plan.services
    assert plan.host != plan.node
    assert {plan.host, plan.node} == set(plan.transfer.hosts())


def test_the_pods_of_the_node_leave_room_for_more_nodes():
    plan = AddressPlan(0)
    assert plan.node_pods.subnet_of(plan.pods)
    assert plan.pods.num_addresses // plan.node_pods.num_addresses >= 100


def test_an_interface_name_fits_the_kernel():
    assert max(len(AddressPlan(slot).interface) for slot in range(SLOTS)) <= 15


def test_the_first_free_slot_is_chosen():
    assert choose_slot([0, 2], []) == 1


def test_a_slot_that_a_route_of_the_host_overlaps_is_passed_over():
    assert choose_slot([], [IPv4Network("10.200.7.0/24"), IPv4Network("10.201.0.0/16")]) == 2


def test_a_default_route_blocks_no_slot():
    assert choose_slot([], [IPv4Network("0.0.0.0/0")]) == 0


def test_when_every_address_is_taken_the_error_names_the_cure():
    with pytest.raises(DevclusterError, match="remove a cluster with `down`"):
        choose_slot([], [IPv4Network("10.0.0.0/8")])
