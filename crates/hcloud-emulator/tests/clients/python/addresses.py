"""Primary IPs and floating IPs."""

from common import FSN1, actions, expect, lists, protection, refused, server, wait
from hcloud.servers import ServerCreatePublicNetwork


def check(client):
    bare = server(client, "bare", public_net=ServerCreatePublicNetwork(enable_ipv4=False, enable_ipv6=True))
    primary(client, bare)
    floating(client, bare)
    wait(bare.delete())


def primary(client, bare):
    resource = client.primary_ips
    own = wait(resource.create(type="ipv4", name="own", location=FSN1)).primary_ip
    refused("uniqueness_error", resource.create, type="ipv4", name="own", location=FSN1)
    refused("invalid_input", resource.create, type="ipv5", name="other", location=FSN1)
    expect(own.update(name="mine", auto_delete=False, labels={"a": "b"}).labels, {"a": "b"}, "labels")
    wait(own.assign(bare.id, "server"))
    expect(resource.get_by_id(own.id).assignee_id, bare.id, "assignee")
    wait(own.unassign())
    wait(own.change_dns_ptr(own.ip, "own.example.com"))
    expect(resource.get_by_id(own.id).dns_ptr[0]["dns_ptr"], "own.example.com", "reverse DNS")
    expect(resource.get_list(ip=own.ip).primary_ips[0].id, own.id, "by address")
    protection(own, delete=True)
    actions(resource, own, 4)
    # The other one is the server's own, for IPv6.
    lists(resource, resource.get_all(),
          lambda name, labels: wait(resource.create("ipv6", name, location=FSN1, labels=labels)).primary_ip)
    own.delete()


def floating(client, bare):
    resource = client.floating_ips
    float_ip = wait(resource.create(type="ipv4", home_location=FSN1, name="float", description="one")).floating_ip
    refused("uniqueness_error", resource.create, type="ipv4", home_location=FSN1, name="float")
    expect(float_ip.update(name="free", description="two", labels={"a": "b"}).description, "two", "description")
    wait(float_ip.assign(bare))
    expect(resource.get_by_id(float_ip.id).server.id, bare.id, "server")
    wait(float_ip.unassign())
    wait(float_ip.change_dns_ptr(float_ip.ip, "free.example.com"))
    protection(float_ip, delete=True)
    actions(resource, float_ip, 5)
    lists(resource, [float_ip],
          lambda name, labels: wait(resource.create("ipv6", home_location=FSN1, name=name, labels=labels)).floating_ip)
    float_ip.delete()
