"""An official client creates a server as in the documentation. What it is printed for logs in to it."""

import os

from hcloud import Client
from hcloud.images import Image
from hcloud.server_types import ServerType

client = Client(
    token=os.environ["FERROFORM_TEST_TOKEN"],
    api_endpoint=os.environ["FERROFORM_TEST_ENDPOINT"],
    poll_interval=0.1,
)
key = client.ssh_keys.create("python", os.environ["FERROFORM_TEST_KEY"])
created = client.servers.create(
    "python-made",
    server_type=ServerType("cx23"),
    image=Image(name="debian-12"),
    ssh_keys=[key],
    user_data="#cloud-config\nwrite_files: [{path: /root/said, content: hello}]\n",
)
created.action.wait_until_finished(max_retries=1200)
for action in created.next_actions:
    action.wait_until_finished(max_retries=1200)
server = client.servers.get_by_id(created.server.id)
assert server.status == "running", server.status
print(server.public_net.ipv4.ip)
