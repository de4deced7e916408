//! Servers.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, NamedUpdate, Nothing, Object, object};
use crate::error::Error;
use crate::images::Image;
use crate::lenient::{null_as_default, whole};
use crate::locations::Location;
use crate::networks::NetworkAttachment;
use crate::placement_groups::PlacementGroup;
use crate::reverse_dns::ReverseNames;
use crate::server_types::ServerType;

/// A server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Server {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project, and its first host name.
    pub name: String,
    /// `running`, `initializing`, `starting`, `stopping`, `off`, `deleting`, `migrating`, `rebuilding` or `unknown`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: String,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
    /// Its public addresses and firewalls.
    #[serde(default, deserialize_with = "null_as_default")]
    pub public_net: PublicNet,
    /// The networks it is in.
    #[serde(default, deserialize_with = "null_as_default")]
    pub private_net: Vec<PrivateNet>,
    /// Its type.
    pub server_type: ServerType,
    /// Where it is.
    pub location: Location,
    /// The image it was created from; None if that is gone.
    #[serde(default)]
    pub image: Option<Image>,
    /// The medium in its drive.
    #[serde(default)]
    pub iso: Option<Iso>,
    /// Whether it boots into the rescue system next.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rescue_enabled: bool,
    /// Whether an action holds it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub locked: bool,
    /// When backups are made, as `22-02` in UTC; None without backups.
    #[serde(default)]
    pub backup_window: Option<String>,
    /// Whether it can be deleted or rebuilt.
    #[serde(default, deserialize_with = "null_as_default")]
    pub protection: ServerProtection,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// Ids of the volumes attached.
    #[serde(default, deserialize_with = "null_as_default")]
    pub volumes: Vec<i64>,
    /// Size of its disk in gigabytes.
    #[serde(default, deserialize_with = "whole")]
    pub primary_disk_size: i64,
    /// The placement group it is in.
    #[serde(default)]
    pub placement_group: Option<PlacementGroup>,
}

/// A bootable medium.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Iso {
    /// Its id.
    pub id: i64,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
}

/// The public side of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct PublicNet {
    /// Its IPv4 address.
    #[serde(default)]
    pub ipv4: Option<PublicAddress>,
    /// Its IPv6 network, a /64.
    #[serde(default)]
    pub ipv6: Option<PublicAddress>,
    /// The firewalls applied to it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub firewalls: Vec<PublicNetFirewall>,
}

/// A public address of a server or load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct PublicAddress {
    /// Id of the primary IP.
    #[serde(default)]
    pub id: Option<i64>,
    /// The address; for IPv6 the network.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ip: String,
    /// The names of its addresses.
    #[serde(default)]
    pub dns_ptr: ReverseNames,
}

/// A firewall of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PublicNetFirewall {
    /// Id of the firewall.
    pub id: i64,
    /// `applied` or `pending`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: String,
}

/// A network that a server is in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PrivateNet {
    /// Id of the network.
    pub network: i64,
    /// The server's address in it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ip: String,
    /// More addresses.
    #[serde(default, deserialize_with = "null_as_default")]
    pub alias_ips: Vec<String>,
    /// The hardware address of its interface.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mac_address: String,
}

/// Whether a server is protected. The API wants both to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerProtection {
    /// It cannot be deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub delete: bool,
    /// It cannot be rebuilt.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rebuild: bool,
}

object!(Server, "/servers", "server", "servers", created);

/// The public side that a server is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicNetRequest {
    /// Whether it has an IPv4 address.
    pub enable_ipv4: bool,
    /// Whether it has an IPv6 network.
    pub enable_ipv6: bool,
    /// Id of the primary IP to take; a new one when None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<i64>,
    /// Id of the primary IP to take; a new one when None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<i64>,
}

/// A firewall to create a server with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct FirewallRef {
    firewall: i64,
}

/// A server to create.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerCreate {
    /// Its name.
    pub name: String,
    /// Name or id of its type.
    pub server_type: String,
    /// Name or id of its image.
    pub image: String,
    /// Name of the location; the API chooses when None.
    pub location: Option<String>,
    /// Names or ids of SSH keys.
    pub ssh_keys: Vec<String>,
    /// Cloud-init user data, at most 32 KiB.
    pub user_data: Option<String>,
    /// Its labels.
    pub labels: Labels,
    /// Ids of networks to attach it to, with addresses that the API chooses.
    pub networks: Vec<i64>,
    /// Ids of firewalls to apply.
    pub firewalls: Vec<i64>,
    /// Id of a placement group.
    pub placement_group: Option<i64>,
    /// Its public side; new addresses of both kinds when None.
    pub public_net: Option<PublicNetRequest>,
    /// Whether it starts by itself.
    pub start_after_create: bool,
}

#[derive(Serialize)]
struct CreateBody<'a> {
    name: &'a str,
    server_type: &'a str,
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ssh_keys: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<&'a str>,
    labels: &'a Labels,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    networks: &'a [i64],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    firewalls: Vec<FirewallRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement_group: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_net: Option<&'a PublicNetRequest>,
    start_after_create: bool,
}

/// The answer to a creation. The root password that the API gives without SSH keys is not kept.
#[derive(Debug, Clone)]
pub struct ServerCreated {
    /// The server.
    pub server: Server,
    /// Creating it, and what follows, which run on.
    pub actions: Vec<Action>,
}

#[derive(Serialize)]
struct ChangeType<'a> {
    server_type: &'a str,
    upgrade_disk: bool,
}

#[derive(Serialize)]
struct Rebuild<'a> {
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<&'a str>,
}

#[derive(Serialize)]
struct NetworkRef {
    network: i64,
}

#[derive(Serialize)]
struct AliasIps<'a> {
    network: i64,
    alias_ips: &'a [String],
}

#[derive(Serialize)]
struct GroupRef {
    placement_group: i64,
}

#[derive(Serialize)]
struct IsoRef<'a> {
    iso: &'a str,
}

#[derive(Serialize)]
struct Rescue<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ssh_keys: &'a [i64],
}

#[derive(Serialize)]
struct CreateImage<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    description: &'a str,
    labels: &'a Labels,
}

impl Collection<'_, Server> {
    /// Creates a server.
    pub async fn create(self, server: &ServerCreate) -> Result<ServerCreated, Error> {
        let body = CreateBody {
            name: &server.name,
            server_type: &server.server_type,
            image: &server.image,
            location: server.location.as_deref(),
            ssh_keys: &server.ssh_keys,
            user_data: server.user_data.as_deref(),
            labels: &server.labels,
            networks: &server.networks,
            firewalls: server.firewalls.iter().map(|&firewall| FirewallRef { firewall }).collect(),
            placement_group: server.placement_group,
            public_net: server.public_net.as_ref(),
            start_after_create: server.start_after_create,
        };
        let answer = self.client.post(Server::PATH, &body).await?;
        let mut actions: Vec<Action> = answer.optional("action")?.into_iter().collect();
        actions.extend(answer.list("next_actions")?);
        Ok(ServerCreated { server: answer.field(Server::ONE)?, actions })
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<Server, Error> {
        self.put(id, update).await
    }

    /// Deletes a server, its automatic addresses with it.
    pub async fn delete(self, id: i64) -> Result<Option<Action>, Error> {
        self.remove(id).await
    }

    /// Switches it on.
    pub async fn poweron(self, id: i64) -> Result<Action, Error> {
        self.act(id, "poweron", &Nothing {}).await
    }

    /// Switches it off, as if the plug were pulled.
    pub async fn poweroff(self, id: i64) -> Result<Action, Error> {
        self.act(id, "poweroff", &Nothing {}).await
    }

    /// Asks its operating system to shut down. The action ends when the request was sent, not when it is off.
    pub async fn shutdown(self, id: i64) -> Result<Action, Error> {
        self.act(id, "shutdown", &Nothing {}).await
    }

    /// Restarts it, as if the plug were pulled.
    pub async fn reset(self, id: i64) -> Result<Action, Error> {
        self.act(id, "reset", &Nothing {}).await
    }

    /// Makes it one of another type; it must be off. With `upgrade_disk` it can never have a smaller disk again.
    pub async fn change_type(self, id: i64, server_type: &str, upgrade_disk: bool) -> Result<Action, Error> {
        self.act(id, "change_type", &ChangeType { server_type, upgrade_disk }).await
    }

    /// Makes its disk anew from an image (name or id), with user data; None for the user data that it has. Everything on the
    /// disk is lost, volumes are not touched.
    pub async fn rebuild(self, id: i64, image: &str, user_data: Option<&str>) -> Result<Action, Error> {
        self.act(id, "rebuild", &Rebuild { image, user_data }).await
    }

    /// Puts it into a network.
    pub async fn attach_to_network(self, id: i64, attachment: &NetworkAttachment) -> Result<Action, Error> {
        self.act(id, "attach_to_network", attachment).await
    }

    /// Takes it out of a network.
    pub async fn detach_from_network(self, id: i64, network: i64) -> Result<Action, Error> {
        self.act(id, "detach_from_network", &NetworkRef { network }).await
    }

    /// Replaces its further addresses in a network.
    pub async fn change_alias_ips(
        self,
        id: i64,
        network: i64,
        alias_ips: &[String],
    ) -> Result<Action, Error> {
        self.act(id, "change_alias_ips", &AliasIps { network, alias_ips }).await
    }

    /// Has backups made of it.
    pub async fn enable_backup(self, id: i64) -> Result<Action, Error> {
        self.act(id, "enable_backup", &Nothing {}).await
    }

    /// Ends its backups and deletes those there are.
    pub async fn disable_backup(self, id: i64) -> Result<Action, Error> {
        self.act(id, "disable_backup", &Nothing {}).await
    }

    /// Makes a snapshot of its disk.
    pub async fn create_snapshot(
        self,
        id: i64,
        description: &str,
        labels: &Labels,
    ) -> Result<(Image, Option<Action>), Error> {
        let body = CreateImage { kind: "snapshot", description, labels };
        let answer = self.act_raw(id, "create_image", &body).await?;
        Ok((answer.field("image")?, answer.optional("action")?))
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: ServerProtection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }

    /// Puts it into a placement group; it must be off.
    pub async fn add_to_placement_group(self, id: i64, placement_group: i64) -> Result<Action, Error> {
        self.act(id, "add_to_placement_group", &GroupRef { placement_group }).await
    }

    /// Takes it out of its placement group.
    pub async fn remove_from_placement_group(self, id: i64) -> Result<Action, Error> {
        self.act(id, "remove_from_placement_group", &Nothing {}).await
    }

    /// Puts a medium (name or id) into its drive.
    pub async fn attach_iso(self, id: i64, iso: &str) -> Result<Action, Error> {
        self.act(id, "attach_iso", &IsoRef { iso }).await
    }

    /// Takes the medium out of its drive.
    pub async fn detach_iso(self, id: i64) -> Result<Action, Error> {
        self.act(id, "detach_iso", &Nothing {}).await
    }

    /// Lets it boot into the rescue system next.
    pub async fn enable_rescue(self, id: i64, kind: &str, ssh_keys: &[i64]) -> Result<Action, Error> {
        self.act(id, "enable_rescue", &Rescue { kind, ssh_keys }).await
    }

    /// Lets it boot from its disk next.
    pub async fn disable_rescue(self, id: i64) -> Result<Action, Error> {
        self.act(id, "disable_rescue", &Nothing {}).await
    }
}
