"""Volumes."""

from common import FSN1, actions, expect, lists, protection, refused, server, wait
from hcloud.locations import Location


def check(client):
    volume = wait(client.volumes.create(size=10, name="data", location=FSN1, format="ext4")).volume
    refused("uniqueness_error", client.volumes.create, size=10, name="data", location=FSN1)
    refused("invalid_input", client.volumes.create, size=1, name="small", location=FSN1)
    expect(volume.update(name="disk", labels={"a": "b"}).name, "disk", "name")
    expect([each.id for each in client.volumes.get_all(status=["available"])], [volume.id], "by status")
    host, far = server(client, "host"), server(client, "far", location=Location("nbg1"))
    refused("invalid_input", volume.attach, far)
    wait(volume.attach(host, automount=False))
    expect(client.volumes.get_by_id(volume.id).server.id, host.id, "server")
    wait(volume.resize(20))
    refused("invalid_input", volume.resize, 10)
    wait(volume.detach())
    protection(volume, delete=True)
    actions(client.volumes, volume, 5)
    for each in (host, far):
        wait(each.delete())
    lists(client.volumes, [volume],
          lambda name, labels: wait(client.volumes.create(10, name, labels=labels, location=FSN1)).volume)
    volume.delete()
