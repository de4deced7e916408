//! Which secrets can be rotated, and the resource that one comes from.

use ferroform_core::Diagnostic;
use ferroform_core::addr::ResourceInstance;
use ferroform_platform::Contract;
use ferroform_platform::contract::Secret;
use ferroform_state::State;

/// What is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    SshKey,
    DbPassword,
    K3sToken,
}

impl Kind {
    /// As on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::SshKey => "ssh-key",
            Kind::DbPassword => "db-password",
            Kind::K3sToken => "k3s-token",
        }
    }

    /// In words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Kind::SshKey => "administrator's key",
            Kind::DbPassword => "password of the database's owner",
            Kind::K3sToken => "token to join with",
        }
    }

    /// The type of resource that makes such secrets.
    fn resource_type(self) -> &'static str {
        match self {
            Kind::SshKey => "tls_private_key",
            Kind::DbPassword | Kind::K3sToken => "random_password",
        }
    }

    /// The attribute that is the secret.
    pub(super) fn attribute(self) -> &'static str {
        match self {
            Kind::SshKey => "private_key_openssh",
            Kind::DbPassword | Kind::K3sToken => "result",
        }
    }

    /// The attribute of the contract that shows it.
    fn in_contract(self) -> &'static str {
        match self {
            Kind::SshKey => "ssh.private_key",
            Kind::DbPassword => "postgres.password",
            Kind::K3sToken => "kubernetes.token",
        }
    }

    /// What the contract shows.
    pub(super) fn current(self, contract: &Contract) -> Option<&Secret> {
        match self {
            Kind::SshKey => contract.ssh.private_key.as_ref(),
            Kind::DbPassword => contract.postgres.as_ref()?.password.as_ref(),
            Kind::K3sToken => contract.kubernetes.as_ref()?.token.as_ref(),
        }
    }

    /// What is left to be done by the person.
    pub(super) fn afterwards(self) -> &'static str {
        match self {
            Kind::SshKey => "New servers get the new key by themselves.",
            Kind::DbPassword => {
                "Whoever connects with it needs it now: make the cluster's secrets anew from the outputs, and deploy."
            }
            Kind::K3sToken => "New nodes join with the new token; the old one is refused.",
        }
    }
}

/// The resource instance that a secret comes from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its address.
    pub address: ResourceInstance,
}

impl Source {
    /// The one that is named, or the one whose secret the contract shows.
    pub(super) fn find(
        state: Option<&State>,
        kind: &Kind,
        named: Option<&str>,
        current: Option<&Secret>,
    ) -> Result<Source, Diagnostic> {
        if let Some(text) = named {
            let address = text.parse().map_err(|error: ferroform_core::addr::AddrError| {
                Diagnostic::error("Invalid address").detail(format!("The option -resource: {error}."))
            })?;
            let source = Source { address };
            source.value(state, kind.attribute())?;
            return Ok(source);
        }
        let unknown = |why: String| {
            Diagnostic::error("Source of the secret not known").detail(why).hint(format!(
                "Name it: -resource=ADDRESS of the {} that makes it. ferroform state list shows all.",
                kind.resource_type()
            ))
        };
        let current = current.ok_or_else(|| {
            unknown(format!(
                "The contract has no {}, by which the {} would be found.",
                kind.in_contract(),
                kind.what()
            ))
        })?;
        let mut found = state.into_iter().flat_map(State::objects).filter(|(address, deposed, _, object)| {
            deposed.is_none()
                && &*address.resource.type_name == kind.resource_type()
                && attribute(object, kind.attribute())
                    .is_some_and(|value| value.trim() == current.reveal().trim())
        });
        match (found.next(), found.next()) {
            (Some((address, ..)), None) => Ok(Source { address }),
            (None, _) => Err(unknown(format!(
                "No {} in the state has the value of {} in the contract.",
                kind.resource_type(),
                kind.in_contract()
            ))),
            (Some((one, ..)), Some((other, ..))) => {
                Err(unknown(format!("{one} and {other} both have the value of {}.", kind.in_contract())))
            }
        }
    }

    /// The value of an attribute now.
    pub(super) fn value(&self, state: Option<&State>, name: &str) -> Result<Secret, Diagnostic> {
        let object = state.and_then(|state| state.current(&self.address));
        let value = object.and_then(|object| attribute(object, name));
        value.map(Secret::from).ok_or_else(|| {
            Diagnostic::error("No such secret")
                .detail(format!("The state has no {} with an attribute {name:?}.", self.address))
        })
    }
}

/// A text among an object's attributes.
fn attribute(object: &ferroform_state::Object, name: &str) -> Option<String> {
    object.attributes.to_value().get(name)?.as_str().map(str::to_owned)
}
