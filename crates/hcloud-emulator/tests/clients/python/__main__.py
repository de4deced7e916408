"""Every call that the official Python library offers, made against the local cloud, resource by resource.

Environment: FERROFORM_TEST_ENDPOINT, FERROFORM_TEST_TOKEN.
"""

import os
import warnings

import addresses
import balancers
import boxes
import catalogue
import firewalls
import networks
import servers
import volumes
import zones
from hcloud import Client


def main():
    # What the library itself will no longer offer soon is called all the same.
    warnings.simplefilter("ignore", DeprecationWarning)
    endpoint = os.environ["FERROFORM_TEST_ENDPOINT"]
    client = Client(
        token=os.environ["FERROFORM_TEST_TOKEN"],
        api_endpoint=endpoint,
        api_endpoint_hetzner=endpoint,
        poll_interval=0.01,
    )
    for resource in (catalogue, networks, firewalls, servers, volumes, addresses, balancers, zones, boxes):
        resource.check(client)
    print("all steps done")


main()
