"""Drives the emulator with the official Python client: create, read, change and delete of everything it knows.

Environment: FERROFORM_TEST_ENDPOINT, FERROFORM_TEST_TOKEN.
"""

import os
import sys

from hcloud import APIException, Client
from hcloud.firewalls import FirewallResource, FirewallRule
from hcloud.images import Image
from hcloud.load_balancer_types import LoadBalancerType
from hcloud.load_balancers import (
    LoadBalancerAlgorithm,
    LoadBalancerHealthCheck,
    LoadBalancerService,
    LoadBalancerTarget,
)
from hcloud.locations import Location
from hcloud.networks import NetworkRoute, NetworkSubnet
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b"


def expect(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def refused(code, call):
    try:
        call()
    except APIException as error:
        expect(error.code == code, f"{code} expected, got {error.code}: {error.message}")
        return
    sys.exit(f"failed: {code} expected, but it worked")


def main():
    client = Client(
        token=os.environ["FERROFORM_TEST_TOKEN"],
        api_endpoint=os.environ["FERROFORM_TEST_ENDPOINT"],
        poll_interval=0.05,
    )
    expect(len(client.locations.get_all()) == 6, "locations")
    expect(client.server_types.get_by_name("cx23").cores == 2, "server type")
    expect(client.load_balancer_types.get_by_name("lb11").max_services == 5, "load balancer type")
    expect(client.images.get_by_name_and_architecture("ubuntu-24.04", "arm") is not None, "image")
    expect(len(client.isos.get_all()) == 3, "isos")

    key = client.ssh_keys.create(name="key", public_key=KEY)
    group = client.placement_groups.create(name="group", type="spread").placement_group
    network = client.networks.create(
        name="net",
        ip_range="10.0.0.0/16",
        subnets=[NetworkSubnet(type="cloud", ip_range="10.0.1.0/24", network_zone="eu-central")],
    )
    network.add_route(NetworkRoute(destination="10.100.0.0/16", gateway="10.0.1.1")).wait_until_finished()
    firewall = client.firewalls.create(
        name="wall",
        rules=[FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["0.0.0.0/0"])],
    ).firewall
    volume = client.volumes.create(size=10, name="data", location=Location("fsn1"), format="ext4")
    volume.action.wait_until_finished()
    volume = volume.volume

    created = client.servers.create(
        name="web",
        server_type=ServerType("cx23"),
        image=Image(name="ubuntu-24.04"),
        location=Location("fsn1"),
        ssh_keys=[key],
        placement_group=group,
        networks=[network],
        firewalls=[firewall],
        volumes=[volume],
        labels={"role": "web"},
        user_data="#cloud-config\n",
    )
    created.action.wait_until_finished()
    for action in created.next_actions:
        action.wait_until_finished()
    server = client.servers.get_by_name("web")
    expect(server.status == "running", "status")
    expect(server.private_net[0].ip == "10.0.1.2" or server.private_net[0].ip == "10.0.1.1", "private address")
    expect([v.id for v in server.volumes] == [volume.id], "volumes")
    expect(server.public_net.firewalls[0].firewall.id == firewall.id, "firewall")
    expect(server.placement_group.id == group.id, "placement group")
    expect(server.update(labels={"role": "db"}).labels == {"role": "db"}, "labels")
    expect(client.servers.get_all(label_selector="role=db")[0].id == server.id, "selector")
    refused("uniqueness_error", lambda: client.servers.create("web", ServerType("cx23"), Image(name="debian-12")))
    refused("invalid_input", lambda: client.servers.create("x", ServerType("cx23"), Image(name="debian-12"),
                                                           location=Location("hil")))
    server.power_off().wait_until_finished()
    server.change_type(ServerType("cx33"), upgrade_disk=False).wait_until_finished()
    server.power_on().wait_until_finished()
    server.enable_backup().wait_until_finished()
    server.change_protection(delete=True, rebuild=True).wait_until_finished()
    refused("protected", server.delete)
    server.change_protection(delete=False, rebuild=False).wait_until_finished()
    image = server.create_image(description="snap")
    image.action.wait_until_finished()
    expect(client.images.get_all(type="snapshot")[0].id == image.image.id, "snapshot")
    server.rebuild(image=image.image).action.wait_until_finished()
    server.change_alias_ips(network, ["10.0.1.50"]).wait_until_finished()

    balancer = client.load_balancers.create(
        name="lb",
        load_balancer_type=LoadBalancerType("lb11"),
        location=Location("fsn1"),
        algorithm=LoadBalancerAlgorithm("round_robin"),
        network=network,
        services=[LoadBalancerService(
            protocol="tcp", listen_port=80, destination_port=80, proxyprotocol=False,
            health_check=LoadBalancerHealthCheck(protocol="tcp", port=80, interval=15, timeout=10, retries=3))],
    )
    balancer.action.wait_until_finished()
    balancer = client.load_balancers.get_by_id(balancer.load_balancer.id)
    balancer.add_target(
        LoadBalancerTarget(type="server", server=server, use_private_ip=True)).wait_until_finished()
    balancer = client.load_balancers.get_by_id(balancer.id)
    expect(balancer.targets[0].health_status[0].status == "healthy", "health")
    balancer.change_protection(delete=True).wait_until_finished()
    balancer.change_protection(delete=False).wait_until_finished()

    primary = client.primary_ips.create(type="ipv4", name="ip", location=Location("fsn1")).primary_ip
    expect(primary.assignee_id is None, "unassigned")
    primary.delete()
    floating = client.floating_ips.create(type="ipv4", home_location=Location("fsn1"), name="float").floating_ip
    floating.assign(server).wait_until_finished()
    floating.unassign().wait_until_finished()
    floating.delete()

    members = {member.type for member in client.networks.get_member_all(network)}
    expect(members == {"server", "load_balancer"}, f"members are {members}")
    deletion = balancer.delete()
    if hasattr(deletion, "wait_until_finished"):
        deletion.wait_until_finished()
    firewall.remove_from_resources([FirewallResource(type="server", server=server)])[0].wait_until_finished()
    volume.detach().wait_until_finished()
    server.delete().wait_until_finished()
    for resource in (volume, firewall, network, group, key, image.image):
        resource.delete()
    expect(client.servers.get_all() == [] and client.primary_ips.get_all() == [], "nothing is left")
    server_off = client.servers.create("off", ServerType("cax11"), Image(name="debian-12"), start_after_create=False,
                                       public_net=ServerCreatePublicNetwork(enable_ipv4=False, enable_ipv6=True))
    server_off.action.wait_until_finished()
    expect(client.servers.get_by_id(server_off.server.id).status == "off", "off")
    if hasattr(client, "zones"):
        zones(client)
    print("all steps done")


def zones(client):
    """DNS, which the client knows since version 2.6."""
    from hcloud.zones import ZoneRecord, ZoneRRSet

    created = client.zones.create(
        name="example.com",
        mode="primary",
        ttl=600,
        labels={"a": "b"},
        rrsets=[ZoneRRSet(name="www", type="A", records=[ZoneRecord("192.0.2.1")])],
    )
    created.action.wait_until_finished()
    zone = client.zones.get("example.com")
    expect((zone.id, zone.status, zone.record_count) == (created.zone.id, "ok", 5), "zone")
    expect([z.name for z in client.zones.get_all(mode="primary", label_selector="a=b")] == ["example.com"], "zones")
    refused("uniqueness_error", lambda: client.zones.create(name="example.com", mode="primary"))
    expect(zone.update(labels={}).labels == {}, "labels of a zone")
    zone.change_ttl(ttl=120).wait_until_finished()
    mail = zone.create_rrset(name="@", type="MX", records=[ZoneRecord("10 mail", comment="post")])
    mail.action.wait_until_finished()
    expect(mail.rrset.records[0].comment == "post", "comment")
    www = zone.get_rrset("www", "A")
    www.add_rrset_records([ZoneRecord("192.0.2.2")]).wait_until_finished()
    www.remove_rrset_records([ZoneRecord("192.0.2.1")]).wait_until_finished()
    www.set_rrset_records([ZoneRecord("192.0.2.3")]).wait_until_finished()
    www.change_rrset_ttl(ttl=60).wait_until_finished()
    www.change_rrset_protection(change=True).wait_until_finished()
    refused("protected", www.delete_rrset)
    www.change_rrset_protection(change=False).wait_until_finished()
    www = zone.get_rrset("www", "A")
    expect(([r.value for r in www.records], www.ttl) == (["192.0.2.3"], 60), "records")
    expect({r.id for r in zone.get_rrset_all()} == {"@/SOA", "@/NS", "@/MX", "www/A"}, "record sets")
    text = zone.export_zonefile().zonefile
    www.delete_rrset().action.wait_until_finished()
    zone.import_zonefile(text).wait_until_finished()
    expect(client.zones.get("example.com").record_count == 6, "record count")
    zone.change_protection(delete=True).wait_until_finished()
    refused("protected", zone.delete)
    zone.change_protection(delete=False).wait_until_finished()
    zone.delete().action.wait_until_finished()
    expect(client.zones.get_all() == [], "no zone is left")


if __name__ == "__main__":
    main()
