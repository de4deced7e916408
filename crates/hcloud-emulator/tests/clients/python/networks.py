"""Networks: subnets, routes, their range, members."""

from common import actions, expect, lists, protection, refused, server, wait
from hcloud.networks import NetworkRoute, NetworkSubnet

SUBNET = NetworkSubnet(type="cloud", ip_range="10.0.1.0/24", network_zone="eu-central")
ROUTE = NetworkRoute(destination="10.100.0.0/16", gateway="10.0.1.9")


def check(client):
    network = client.networks.create(name="net", ip_range="10.0.0.0/16")
    refused("invalid_input", client.networks.create, name="other", ip_range="8.8.0.0/16")
    expect(network.update(name="private", labels={"a": "b"}).name, "private", "name")
    wait(network.add_subnet(SUBNET))
    refused("invalid_input", network.add_subnet, SUBNET)
    wait(network.add_route(ROUTE))
    wait(network.change_ip_range("10.0.0.0/15"))
    network = client.networks.get_by_id(network.id)
    expect((network.ip_range, len(network.subnets), len(network.routes)), ("10.0.0.0/15", 1, 1), "network")
    member = server(client, "member", networks=[network])
    expect([each.type for each in network.get_member_all()], ["server"], "members")
    expect(network.get_member_list(type=["load_balancer"]).members, [], "members of a type")
    refused("invalid_input", network.delete_subnet, NetworkSubnet(ip_range="10.0.9.0/24", type="cloud"))
    wait(member.delete())
    wait(network.delete_route(ROUTE))
    wait(network.delete_subnet(SUBNET))
    protection(network, delete=True)
    actions(client.networks, network, 5)
    lists(client.networks, [network], lambda name, labels: client.networks.create(name, "10.0.0.0/16", labels=labels))
    network.delete()
