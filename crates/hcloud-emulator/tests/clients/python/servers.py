"""Servers, everything that can be done to them, and the images that are made of them."""

from common import FSN1, actions, expect, lists, protection, refused, server, wait
from hcloud import APIException
from hcloud.networks import NetworkSubnet
from hcloud.server_types import ServerType


def check(client):
    web = server(client, "web", start_after_create=True, labels={"role": "web"})
    refused("uniqueness_error", server, client, "web")
    refused("invalid_input", server, client, "not a name")
    expect(client.servers.get_all(status=["running"])[0].id, web.id, "by status")
    expect(web.update(name="www").name, "www", "name")
    power(client, web)
    media(client, web)
    network(client, web)
    images(client, web)
    protection(web, delete=True, rebuild=True)
    actions(client.servers, web, 25)
    refused("deprecated_api_endpoint", client.actions.get_all)
    own = web.get_actions_list(per_page=1).actions[0]
    expect(client.actions.get_by_id(own.id).command, own.command, "an action")
    lists(client.servers, [web], lambda name, labels: server(client, name, labels=labels))
    wait(web.delete())


def power(client, web):
    status = lambda: client.servers.get_by_id(web.id).status  # noqa: E731
    for change, after in (
        (web.power_off, "off"),
        (web.power_on, "running"),
        (web.reboot, "running"),
        (web.reset, "running"),
        (web.shutdown, "off"),
        (web.power_on, "running"),
    ):
        wait(change())
        expect(status(), after, f"status after {change.__name__}")
    refused("server_not_stopped", web.change_type, ServerType("cx33"), upgrade_disk=False)
    wait(web.power_off())
    wait(web.change_type(ServerType("cx33"), upgrade_disk=False))
    expect(client.servers.get_by_id(web.id).server_type.name, "cx33", "type")
    group = client.placement_groups.create(name="group", type="spread").placement_group
    wait(web.add_to_placement_group(group))
    expect(client.servers.get_by_id(web.id).placement_group.id, group.id, "placement group")
    wait(web.remove_from_placement_group())
    group.delete()
    wait(web.power_on())


def media(client, web):
    expect(len(wait(web.reset_password()).root_password) > 10, True, "length of a password")
    expect(bool(wait(web.enable_rescue(type="linux64")).root_password), True, "password of the rescue system")
    wait(web.disable_rescue())
    iso = client.isos.get_all()[0]
    wait(web.attach_iso(iso))
    expect(client.servers.get_by_id(web.id).iso.id, iso.id, "iso")
    wait(web.detach_iso())
    expect(web.request_console().wss_url.startswith("wss://"), True, "console")
    metrics = web.get_metrics("cpu", "2026-10-06T00:00:00Z", "2026-10-06T01:00:00Z", step=60).metrics
    expect(list(metrics.time_series), ["cpu"], "metrics")


def network(client, web):
    net = client.networks.create(name="net", ip_range="10.0.0.0/16", subnets=[
        NetworkSubnet(type="cloud", ip_range="10.0.1.0/24", network_zone="eu-central")])
    wait(web.attach_to_network(net, ip="10.0.1.5", alias_ips=["10.0.1.6"]))
    refused("server_already_attached", web.attach_to_network, net)
    wait(web.change_alias_ips(net, ["10.0.1.7"]))
    private = client.servers.get_by_id(web.id).private_net[0]
    expect((private.ip, private.alias_ips), ("10.0.1.5", ["10.0.1.7"]), "private network")
    wait(web.detach_from_network(net))
    net.delete()
    address = web.public_net.ipv4.ip
    wait(web.change_dns_ptr(address, "www.example.com"))
    expect(client.servers.get_by_id(web.id).public_net.ipv4.dns_ptr, "www.example.com", "reverse DNS")


def images(client, web):
    wait(web.enable_backup())
    expect(bool(client.servers.get_by_id(web.id).backup_window), True, "backup window")
    backup = wait(web.create_image(type="backup")).image
    expect(client.images.get_all(type=["backup"], bound_to=[str(web.id)])[0].id, backup.id, "backup")
    backup = backup.update(description="kept", type="snapshot", labels={"a": "b"})
    expect((backup.type, client.images.get_all(label_selector="a=b")[0].id), ("snapshot", backup.id), "snapshot")
    wait(web.disable_backup())
    wait(backup.change_protection(delete=True))
    refused("protected", backup.delete)
    wait(backup.change_protection(delete=False))
    actions(client.images, backup, 1)
    wait(web.rebuild(image=backup))
    expect(client.servers.get_by_id(web.id).image.id, backup.id, "image")
    backup.delete()
    try:
        client.servers.create("far", ServerType("cx23"), backup, location=FSN1)
    except APIException as error:
        expect(error.code, "invalid_input", "the error for an image that is gone")
    else:
        expect("a server of an image that is gone", "an error", "what was answered")
