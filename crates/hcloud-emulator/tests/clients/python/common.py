"""What the checks of all resources have in common."""

import sys

from hcloud import APIException
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType

FSN1 = Location("fsn1")
DEBIAN = Image(name="debian-12")


def expect(got, wanted, what):
    if got != wanted:
        sys.exit(f"failed: {what} is {got!r}, not {wanted!r}")


def refused(code, call, *args, **kwargs):
    """The call must end with an error of this code, in the library's own class."""
    try:
        call(*args, **kwargs)
    except APIException as error:
        expect(error.code, code, f"the error of {getattr(call, '__name__', call)} ({error.message})")
        return error
    sys.exit(f"failed: {code} expected of {getattr(call, '__name__', call)}, but it worked")


def wait(answer):
    """Waits for whatever actions an answer has; gives the answer."""
    actions = list(answer) if isinstance(answer, list) else [answer, getattr(answer, "action", None)]
    for more in ("actions", "next_actions"):
        actions += getattr(answer, more, None) or []
    for action in actions:
        if hasattr(action, "wait_until_finished"):
            action.wait_until_finished()
    return answer


def server(client, name, **more):
    more = {"start_after_create": False, "location": FSN1, **more}
    return wait(client.servers.create(name=name, server_type=ServerType("cx23"), image=DEBIAN, **more)).server


def lists(resource, objects, create):
    """Pages, names and selectors: two more objects are made, looked for in every way, and removed."""
    one, two = create("page-1", {"number": "1"}), create("page-2", {"number": "2"})
    ids = {object.id for object in objects} | {one.id, two.id}
    pages = [resource.get_list(page=page, per_page=1) for page in range(1, len(ids) + 1)]
    found = [object.id for page in pages for object in page[0]]
    expect((sorted(found), pages[0].meta.pagination.total_entries), (sorted(ids), len(ids)), "pages")
    expect(pages[-1].meta.pagination.next_page, None, "the page after the last")
    expect({object.id for object in resource.get_all()}, ids, "all")
    for selector, wanted in (("number=1", [one]), ("number,number!=1", [two]), ("number in (1,2)", [one, two])):
        got = [object.id for object in resource.get_all(label_selector=selector)]
        expect(sorted(got), sorted(object.id for object in wanted), f"selector {selector}")
    expect(resource.get_by_name("page-2").id, two.id, "by name")
    expect(resource.get_by_name("page-3"), None, "by a name that nobody has")
    expect(resource.get_by_id(one.id).labels, {"number": "1"}, "labels")
    for object in (one, two):
        wait(object.delete())
    refused("not_found", resource.get_by_id, one.id)


def actions(resource, bound, minimum):
    """The actions of an object, by themselves and of all objects of its kind."""
    own = bound.get_actions(status=["success"], sort=["id:asc"])
    expect(len(own) >= minimum, True, f"{len(own)} actions, {minimum} at least")
    expect([action.id for action in own], sorted(action.id for action in own), "order of actions")
    expect(bound.get_actions_list(per_page=1).actions[0].id in {action.id for action in own}, True, "a page of actions")
    everybodys = {action.id for action in resource.actions.get_all()}
    expect({action.id for action in own} <= everybodys, True, "actions of all objects")
    expect(resource.actions.get_by_id(own[0].id).status, "success", "an action")


def protection(bound, **kinds):
    wait(bound.change_protection(**dict.fromkeys(kinds, True)))
    refused("protected", bound.delete)
    wait(bound.change_protection(**dict.fromkeys(kinds, False)))
