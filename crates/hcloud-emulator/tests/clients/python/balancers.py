"""Load balancers and certificates."""

import subprocess
import tempfile
from pathlib import Path

from common import FSN1, actions, expect, lists, protection, refused, server, wait
from hcloud.actions import ActionFailedException
from hcloud.load_balancer_types import LoadBalancerType
from hcloud.load_balancers import (
    LoadBalancerAlgorithm,
    LoadBalancerHealthCheck,
    LoadBalancerService,
    LoadBalancerServiceHttp,
    LoadBalancerTarget,
    LoadBalancerTargetIP,
    LoadBalancerTargetLabelSelector,
)
from hcloud.networks import NetworkSubnet


def check(client):
    certificate = certificates(client)
    balancers(client, certificate)
    certificate.delete()


def self_signed():
    """A certificate and its key, as texts."""
    with tempfile.TemporaryDirectory() as folder:
        key, chain = Path(folder, "key.pem"), Path(folder, "chain.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "30", "-subj", "/CN=example.com", "-addext", "subjectAltName=DNS:www.example.com",
             "-keyout", key, "-out", chain], check=True, capture_output=True)
        return chain.read_text(), key.read_text()


def certificates(client):
    resource = client.certificates
    chain, key = self_signed()
    certificate = resource.create(name="tls", certificate=chain, private_key=key)
    refused("uniqueness_error", resource.create, name="tls", certificate=chain, private_key=key)
    refused("invalid_input", resource.create, name="bad", certificate=key, private_key=key)
    expect("www.example.com" in certificate.domain_names, True, "domain names")
    expect(certificate.update(name="web", labels={"a": "b"}).name, "web", "name")
    # Nobody has delegated the domain to the local cloud's name servers, so that nothing can be issued.
    managed = resource.create_managed(name="managed", domain_names=["example.com"])
    issuance_fails(managed.action)
    managed = resource.get_by_id(managed.certificate.id)
    expect((managed.status.issuance, managed.status.error.code), ("failed", "dns_zone_not_found"), "issuance")
    issuance_fails(managed.retry_issuance())
    refused("unsupported_error", certificate.retry_issuance)
    failed = managed.get_actions(status=["error"])
    expect(len(failed), 2, "failed actions")
    expect(resource.actions.get_by_id(failed[0].id).error["code"], "dns_zone_not_found", "an action's error")
    expect(managed.get_actions_list(per_page=1).meta.pagination.total_entries, 2, "actions")
    expect(len(resource.actions.get_all()) >= 2, True, "actions of all certificates")
    managed.delete()
    lists(resource, [certificate],
          lambda name, labels: resource.create(name, *self_signed(), labels=labels))
    return certificate


def issuance_fails(action):
    """Waiting for the action must end in the library's own error."""
    try:
        action.wait_until_finished()
    except ActionFailedException as error:
        expect(error.action.error["code"], "dns_zone_not_found", "the action's error")
    else:
        expect("success", "an error", "the end of the issuance")


def balancers(client, certificate):
    resource = client.load_balancers
    balancer = wait(resource.create(name="lb", load_balancer_type=LoadBalancerType("lb11"), location=FSN1)).load_balancer
    refused("uniqueness_error", resource.create, name="lb", load_balancer_type=LoadBalancerType("lb11"), location=FSN1)
    expect(balancer.update(name="front", labels={"a": "b"}).name, "front", "name")
    network = client.networks.create(name="net", ip_range="10.0.0.0/16", subnets=[
        NetworkSubnet(type="cloud", ip_range="10.0.1.0/24", network_zone="eu-central")])
    wait(balancer.attach_to_network(network, ip="10.0.1.9"))
    expect(resource.get_by_id(balancer.id).private_net[0].ip, "10.0.1.9", "private address")
    services(resource, balancer, certificate)
    targets(client, balancer)
    wait(balancer.change_algorithm(LoadBalancerAlgorithm("least_connections")))
    expect(resource.get_by_id(balancer.id).algorithm.type, "least_connections", "algorithm")
    wait(balancer.change_type(LoadBalancerType("lb21")))
    wait(balancer.change_dns_ptr(balancer.public_net.ipv4.ip, "lb.example.com"))
    wait(balancer.disable_public_interface())
    expect(resource.get_by_id(balancer.id).public_net.enabled, False, "public interface")
    wait(balancer.enable_public_interface())
    metrics = balancer.get_metrics("open_connections", "2026-10-06T00:00:00Z", "2026-10-06T01:00:00Z").metrics
    expect(list(metrics.time_series), ["open_connections"], "metrics")
    wait(balancer.detach_from_network(network))
    network.delete()
    protection(balancer, delete=True)
    actions(resource, balancer, 15)
    lists(resource, [balancer], lambda name, labels: wait(resource.create(
        name, LoadBalancerType("lb11"), location=FSN1, labels=labels)).load_balancer)
    balancer.delete()


def services(resource, balancer, certificate):
    health = LoadBalancerHealthCheck(protocol="tcp", port=80, interval=15, timeout=10, retries=3)
    service = LoadBalancerService(
        protocol="https", listen_port=443, destination_port=80, proxyprotocol=False, health_check=health,
        http=LoadBalancerServiceHttp(certificates=[certificate], redirect_http=True))
    wait(balancer.add_service(service))
    refused("source_port_already_used", balancer.add_service, service)
    refused("resource_in_use", certificate.delete)
    service.destination_port = 8080
    wait(balancer.update_service(service))
    expect(resource.get_by_id(balancer.id).services[0].destination_port, 8080, "port")
    wait(balancer.delete_service(service))


def targets(client, balancer):
    host = server(client, "host", labels={"role": "web"})
    for target in (
        LoadBalancerTarget(type="server", server=host),
        LoadBalancerTarget(type="label_selector", label_selector=LoadBalancerTargetLabelSelector("role=web")),
        # A dedicated server's, which the local cloud takes anybody's address for.
        LoadBalancerTarget(type="ip", ip=LoadBalancerTargetIP("203.0.113.200")),
    ):
        wait(balancer.add_target(target))
        expect(client.load_balancers.get_by_id(balancer.id).targets[0].type, target.type, "target")
        refused("target_already_defined", balancer.add_target, target)
        wait(balancer.remove_target(target))
    refused("invalid_input", balancer.add_target, LoadBalancerTarget(type="ip", ip=LoadBalancerTargetIP("none")))
    wait(host.delete())
