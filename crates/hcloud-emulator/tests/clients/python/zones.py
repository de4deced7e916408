"""DNS zones and their record sets."""

from common import actions, expect, refused, wait
from hcloud.zones import ZonePrimaryNameserver, ZoneRecord


def check(client):
    resource = client.zones
    zone = wait(resource.create(name="example.com", mode="primary", ttl=600)).zone
    refused("uniqueness_error", resource.create, name="example.com", mode="primary")
    expect(zone.update(labels={"a": "b"}).labels, {"a": "b"}, "labels")
    expect([each.id for each in resource.get_all(name="example.com", label_selector="a=b")], [zone.id], "zones")
    expect(resource.get_list(per_page=1).zones[0].id, zone.id, "a page of zones")
    wait(zone.change_ttl(ttl=120))
    expect(resource.get("example.com").ttl, 120, "TTL")
    record_sets(zone)
    text = zone.export_zonefile().zonefile
    wait(zone.import_zonefile(text))
    wait(zone.change_protection(delete=True))
    refused("protected", zone.delete)
    wait(zone.change_protection(delete=False))
    actions(resource, zone, 10)
    wait(zone.delete())
    servers = [ZonePrimaryNameserver(address="192.0.2.1", port=53)]
    second = wait(resource.create(name="example.org", mode="secondary", primary_nameservers=servers)).zone
    refused("incorrect_zone_mode", second.import_zonefile, text)
    servers.append(ZonePrimaryNameserver(address="192.0.2.2", tsig_algorithm="hmac-sha256", tsig_key="c2VjcmV0"))
    wait(second.change_primary_nameservers(servers))
    expect(len(resource.get("example.org").primary_nameservers), 2, "name servers")
    wait(second.delete())


def record_sets(zone):
    rrset = wait(zone.create_rrset(name="www", type="A", records=[ZoneRecord("192.0.2.1")], labels={"a": "b"})).rrset
    refused("uniqueness_error", zone.create_rrset, name="www", type="A", records=[ZoneRecord("192.0.2.1")])
    refused("invalid_input", zone.create_rrset, name="x", type="A", records=[ZoneRecord("none")])
    expect([each.id for each in zone.get_rrset_all(type=["A"])], ["www/A"], "record sets")
    expect(zone.get_rrset_list(per_page=1).rrsets[0].zone.id, zone.id, "a page of record sets")
    expect(rrset.update_rrset(labels={"c": "d"}).labels, {"c": "d"}, "labels")
    wait(rrset.add_rrset_records([ZoneRecord("192.0.2.2")]))
    wait(rrset.update_rrset_records([ZoneRecord("192.0.2.2", comment="two")]))
    wait(rrset.remove_rrset_records([ZoneRecord("192.0.2.1")]))
    values = lambda: [(each.value, each.comment) for each in zone.get_rrset("www", "A").records]  # noqa: E731
    expect(values(), [("192.0.2.2", "two")], "records")
    wait(rrset.set_rrset_records([ZoneRecord("192.0.2.3")]))
    wait(rrset.change_rrset_ttl(ttl=60))
    expect((values()[0][0], zone.get_rrset("www", "A").ttl), ("192.0.2.3", 60), "record set")
    wait(rrset.change_rrset_protection(change=True))
    refused("protected", rrset.delete_rrset)
    wait(rrset.change_rrset_protection(change=False))
    wait(rrset.delete_rrset())
    refused("not_found", zone.get_rrset, "www", "A")
