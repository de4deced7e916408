"""Storage boxes with their snapshots and subaccounts."""

from common import FSN1, actions, expect, lists, refused, wait
from hcloud.storage_box_types import StorageBoxType
from hcloud.storage_boxes import (
    StorageBoxAccessSettings,
    StorageBoxSnapshotPlan,
    StorageBoxSubaccountAccessSettings,
)

PASSWORD = "Rosenkohl-2026"


def check(client):
    small = client.storage_box_types.get_by_name("bx11")
    expect(client.storage_box_types.get_by_id(small.id).name, "bx11", "type")
    expect(len(client.storage_box_types.get_all()) >= 4, True, "types")
    resource = client.storage_boxes
    box = create(client, "box")
    refused("uniqueness_error", create, client, "box")
    refused("invalid_input", create, client, "other", password="short")
    expect(box.update(name="backups", labels={"a": "b"}).name, "backups", "name")
    wait(box.change_type(StorageBoxType("bx21")))
    expect(resource.get_by_id(box.id).storage_box_type.name, "bx21", "type of the box")
    wait(box.reset_password("Grünkohl-2026"))
    wait(box.update_access_settings(StorageBoxAccessSettings(ssh_enabled=True)))
    expect(resource.get_by_id(box.id).access_settings.ssh_enabled, True, "access by SSH")
    snapshots(box)
    subaccounts(box)
    wait(box.change_protection(delete=True))
    refused("protected", box.delete)
    wait(box.change_protection(delete=False))
    actions(resource, box, 10)
    lists(resource, [box], lambda name, labels: create(client, name, labels=labels))
    wait(box.delete())


def create(client, name, password=PASSWORD, **more):
    return wait(client.storage_boxes.create(
        name=name, password=password, location=FSN1, storage_box_type=StorageBoxType("bx11"), **more)).storage_box


def snapshots(box):
    wait(box.enable_snapshot_plan(StorageBoxSnapshotPlan(max_snapshots=3, hour=6, minute=30)))
    wait(box.disable_snapshot_plan())
    snapshot = wait(box.create_snapshot(description="first", labels={"a": "b"})).snapshot
    snapshot = box.get_snapshot_by_id(snapshot.id)
    expect((snapshot.description, box.get_snapshot_by_name(snapshot.name).id), ("first", snapshot.id), "snapshot")
    expect(snapshot.update(description="kept", labels={}).description, "kept", "description")
    expect([each.id for each in box.get_snapshot_all(is_automatic=False)], [snapshot.id], "snapshots")
    wait(box.rollback_snapshot(snapshot))
    wait(snapshot.delete())
    refused("not_found", box.get_snapshot_by_id, snapshot.id)


def subaccounts(box):
    account = wait(box.create_subaccount(name="web", home_directory="web", password=PASSWORD)).subaccount
    account = box.get_subaccount_by_id(account.id)
    refused("uniqueness_error", box.create_subaccount, name="web", home_directory="other", password=PASSWORD)
    expect(box.get_subaccount_by_username(account.username).id, account.id, "by user name")
    expect(box.get_subaccount_by_name("web").home_directory, "web", "home")
    expect(account.update(description="of the web server", labels={"a": "b"}).labels, {"a": "b"}, "labels")
    expect([each.id for each in box.get_subaccount_all(label_selector="a=b")], [account.id], "subaccounts")
    expect(box.get_folders().folders, ["web"], "folders")
    wait(account.change_home_directory("www"))
    wait(account.reset_password("Grünkohl-2026"))
    wait(account.update_access_settings(StorageBoxSubaccountAccessSettings(readonly=True)))
    account = box.get_subaccount_by_id(account.id)
    expect((account.home_directory, account.access_settings.readonly), ("www", True), "subaccount")
    wait(account.delete())
    refused("not_found", box.get_subaccount_by_id, account.id)
