//! All resources, data sources and functions, in one place.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block};
use ferroform_provider::ProviderSchema;

use crate::data_source::DataSource;
use crate::data_sources::family::{Many, One};
use crate::resource::Resource;
use crate::{data_sources, functions, resources};

/// Every resource; a new one is added here.
const RESOURCES: &[&dyn Resource] = &[
    &resources::certificate::CERTIFICATE,
    &resources::certificate::MANAGED,
    &resources::certificate::UPLOADED,
    &resources::firewall::Firewall,
    &resources::firewall_attachment::FirewallAttachment,
    &resources::floating_ip::FloatingIp,
    &resources::floating_ip_assignment::FloatingIpAssignment,
    &resources::load_balancer::LoadBalancer,
    &resources::load_balancer_network::LoadBalancerNetwork,
    &resources::load_balancer_service::LoadBalancerService,
    &resources::load_balancer_target::LoadBalancerTarget,
    &resources::network::Network,
    &resources::network_route::NetworkRoute,
    &resources::network_subnet::NetworkSubnet,
    &resources::placement_group::PlacementGroup,
    &resources::primary_ip::PrimaryIp,
    &resources::rdns::Rdns,
    &resources::server::Server,
    &resources::server_network::ServerNetwork,
    &resources::snapshot::Snapshot,
    &resources::ssh_key::SshKey,
    &resources::storage_box::StorageBox,
    &resources::storage_box_snapshot::StorageBoxSnapshot,
    &resources::storage_box_subaccount::StorageBoxSubaccount,
    &resources::volume::Volume,
    &resources::volume_attachment::VolumeAttachment,
    &resources::zone::Zone,
    &resources::zone_record::ZoneRecord,
    &resources::zone_rrset::ZoneRrset,
];

/// Every data source; a new family is added here.
static DATA_SOURCES: &[&dyn DataSource] = &[
    &data_sources::datacenter::MANY,
    &data_sources::datacenter::ONE,
    &One(&data_sources::certificate::FAMILY),
    &Many(&data_sources::certificate::FAMILY),
    &One(&data_sources::firewall::FAMILY),
    &Many(&data_sources::firewall::FAMILY),
    &One(&data_sources::floating_ip::FAMILY),
    &Many(&data_sources::floating_ip::FAMILY),
    &One(&data_sources::image::FAMILY),
    &Many(&data_sources::image::FAMILY),
    &One(&data_sources::load_balancer::FAMILY),
    &Many(&data_sources::load_balancer::FAMILY),
    &One(&data_sources::load_balancer_type::FAMILY),
    &Many(&data_sources::load_balancer_type::FAMILY),
    &One(&data_sources::location::FAMILY),
    &Many(&data_sources::location::FAMILY),
    &One(&data_sources::network::FAMILY),
    &Many(&data_sources::network::FAMILY),
    &One(&data_sources::placement_group::FAMILY),
    &Many(&data_sources::placement_group::FAMILY),
    &One(&data_sources::primary_ip::FAMILY),
    &Many(&data_sources::primary_ip::FAMILY),
    &One(&data_sources::server::FAMILY),
    &Many(&data_sources::server::FAMILY),
    &One(&data_sources::server_type::FAMILY),
    &Many(&data_sources::server_type::FAMILY),
    &One(&data_sources::ssh_key::FAMILY),
    &Many(&data_sources::ssh_key::FAMILY),
    &One(&data_sources::storage_box::FAMILY),
    &Many(&data_sources::storage_box::FAMILY),
    &data_sources::storage_box_part::One(&data_sources::storage_box_part::SNAPSHOT),
    &data_sources::storage_box_part::Many(&data_sources::storage_box_part::SNAPSHOT),
    &data_sources::storage_box_part::One(&data_sources::storage_box_part::SUBACCOUNT),
    &data_sources::storage_box_part::Many(&data_sources::storage_box_part::SUBACCOUNT),
    &One(&data_sources::storage_box_type::FAMILY),
    &Many(&data_sources::storage_box_type::FAMILY),
    &One(&data_sources::volume::FAMILY),
    &Many(&data_sources::volume::FAMILY),
    &One(&data_sources::zone::FAMILY),
    &Many(&data_sources::zone::FAMILY),
    &data_sources::zone_rrset::Many,
    &data_sources::zone_rrset::One,
];

/// What the provider offers, by type.
pub(crate) struct Registry {
    pub(crate) schema: Arc<ProviderSchema>,
    pub(crate) resources: BTreeMap<&'static str, &'static dyn Resource>,
    pub(crate) data_sources: BTreeMap<&'static str, &'static dyn DataSource>,
}

/// The registry, made once.
pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry {
        schema: Arc::new(ProviderSchema {
            provider: provider_block(),
            resources: RESOURCES.iter().map(|r| (r.name().into(), r.schema())).collect(),
            data_sources: DATA_SOURCES.iter().map(|d| (d.name().into(), d.schema())).collect(),
            functions: functions::declarations(),
        }),
        resources: RESOURCES.iter().map(|r| (r.name(), *r)).collect(),
        data_sources: DATA_SOURCES.iter().map(|d| (d.name(), *d)).collect(),
    });
    &REGISTRY
}

fn provider_block() -> Block {
    let text = || Attribute::optional(Type::String);
    Block::of([
        ("token", text().sensitive().describe("The API token of the project; HCLOUD_TOKEN by default.")),
        (
            "endpoint",
            text().describe("The address of the API; HCLOUD_ENDPOINT or the public one by default."),
        ),
        (
            "endpoint_hetzner",
            text().describe("The address of the Hetzner API (storage boxes); HETZNER_ENDPOINT or the public one by default."),
        ),
        (
            "poll_interval",
            text().describe("A duration such as `2s`, the pace at which running actions are looked at."),
        ),
        ("poll_function", text().describe("`constant` or `exponential`. Accepted for compatibility.")),
    ])
}
