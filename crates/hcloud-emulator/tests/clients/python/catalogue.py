"""What is on offer, and what belongs to a project without anything else: SSH keys and placement groups."""

from common import expect, lists, refused

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b"
# The first test key of RFC 8032, and two made of it by changing one letter: the cloud reads keys, it does not use them.
MORE = ("AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4g")


def check(client):
    offered(client)
    keys(client)
    groups(client)


def offered(client):
    for kind, name in (("locations", "fsn1"), ("server_types", "cx23"), ("load_balancer_types", "lb11")):
        resource = getattr(client, kind)
        one = resource.get_by_name(name)
        expect(resource.get_by_id(one.id).name, name, kind)
        expect(one.id in {each.id for each in resource.get_all()}, True, kind)
        refused("not_found", resource.get_by_id, 999_999)
    iso = client.isos.get_list(per_page=1).isos[0]
    expect(client.isos.get_by_id(iso.id).name, iso.name, "iso")
    arm = client.images.get_by_name_and_architecture("debian-12", "arm")
    expect(client.images.get_by_id(arm.id).architecture, "arm", "image")
    refused("deprecated_api_endpoint", client.datacenters.get_all)
    refused("deprecated_api_endpoint", client.datacenters.get_by_id, 1)
    expect(client._client.request(method="GET", url="/pricing")["pricing"]["currency"], "EUR", "currency")


def keys(client):
    key = client.ssh_keys.create(name="key", public_key=KEY)
    error = refused("uniqueness_error", client.ssh_keys.create, name="key", public_key=f"ssh-ed25519 {MORE[0]}")
    expect(error.details["fields"][0]["name"], "name", "the field that is not unique")
    error = refused("invalid_input", client.ssh_keys.create, name="other", public_key="none")
    expect(error.details["fields"][0]["name"], "public_key", "the field that is wrong")
    expect(client.ssh_keys.get_by_fingerprint(key.fingerprint).id, key.id, "by fingerprint")
    expect(key.update(name="login", labels={"a": "b"}).name, "login", "name")
    more = iter(MORE)
    lists(client.ssh_keys, [key],
          lambda name, labels: client.ssh_keys.create(name, f"ssh-ed25519 {next(more)}", labels=labels))
    key.delete()
    refused("not_found", key.delete)


def groups(client):
    group = client.placement_groups.create(name="group", type="spread").placement_group
    refused("uniqueness_error", client.placement_groups.create, name="group", type="spread")
    refused("invalid_input", client.placement_groups.create, name="other", type="heap")
    expect(group.update(name="spread", labels={"a": "b"}).labels, {"a": "b"}, "labels")
    lists(client.placement_groups, [group],
          lambda name, labels: client.placement_groups.create(name, "spread", labels=labels).placement_group)
    group.delete()
