"""Firewalls: rules and what they apply to."""

from common import actions, expect, lists, refused, server, wait
from hcloud.firewalls import FirewallResource, FirewallResourceLabelSelector, FirewallRule


def check(client):
    rule = FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["0.0.0.0/0"])
    firewall = wait(client.firewalls.create(name="wall", rules=[rule])).firewall
    refused("uniqueness_error", client.firewalls.create, name="wall")
    expect(firewall.update(name="gate", labels={"a": "b"}).name, "gate", "name")
    wait(firewall.set_rules([rule, FirewallRule(direction="out", protocol="icmp", destination_ips=["::/0"])]))
    expect(len(client.firewalls.get_by_id(firewall.id).rules), 2, "rules")
    host = server(client, "host", labels={"role": "web"})
    for resource in (
        FirewallResource(type="server", server=host),
        FirewallResource(type="label_selector", label_selector=FirewallResourceLabelSelector("role=web")),
    ):
        wait(firewall.apply_to_resources([resource]))
        expect(len(client.firewalls.get_by_id(firewall.id).applied_to), 1, f"applied to a {resource.type}")
        refused("resource_in_use", firewall.delete)
        wait(firewall.remove_from_resources([resource]))
    refused("firewall_resource_not_found", firewall.remove_from_resources, [FirewallResource(type="server", server=host)])
    actions(client.firewalls, firewall, 5)
    wait(host.delete())
    lists(client.firewalls, [firewall], lambda name, labels: client.firewalls.create(name, labels=labels).firewall)
    firewall.delete()
