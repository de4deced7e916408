//! SSH keys.

use base64::Engine as _;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::names::is_plain_name;
use super::table::named_row;
use super::{Kind, Labels, Refusal, Tx};

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SshKey {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) public_key: String,
    /// MD5 of the key, as pairs of hexadecimal digits with colons between.
    pub(crate) fingerprint: String,
}

named_row!(SshKey);

/// The fingerprint of a key in OpenSSH's one-line form; `None` if it is not such a key.
fn fingerprint(public_key: &str) -> Option<String> {
    let mut parts = public_key.split_whitespace();
    let (algorithm, body) = (parts.next()?, parts.next()?);
    let blob = base64::engine::general_purpose::STANDARD.decode(body).ok()?;
    // The blob begins with the algorithm's name, after its length.
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let known = ["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|prefix| algorithm.starts_with(prefix));
    if !known || rest.get(..length)? != algorithm.as_bytes() || rest.len() == length {
        return None;
    }
    let digest: Vec<String> = Md5::digest(&blob).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(digest.join(":"))
}

impl Tx<'_> {
    /// The key, or the refusal that there is none.
    pub(crate) fn ssh_key(&self, id: i64) -> Result<&SshKey, Refusal> {
        self.project.ssh_keys.get(id).ok_or_else(|| Refusal::not_found("ssh_key", id))
    }

    /// The key a server is to be created with, by id or name.
    pub(crate) fn find_ssh_key(&self, id_or_name: &str) -> Result<i64, Refusal> {
        let keys = &self.project.ssh_keys;
        let by_id = id_or_name.parse().ok().filter(|id| keys.contains(*id));
        by_id
            .or_else(|| keys.values().find(|key| key.name == id_or_name).map(|key| key.id))
            .ok_or_else(|| Refusal::invalid("ssh_keys", format!("SSH key '{id_or_name}' not found")))
    }

    fn check_key_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 255) {
            return Err(Refusal::invalid("name", "name must have 1 to 255 characters"));
        }
        if self.project.ssh_keys.name_taken(name, except) {
            return Err(Refusal::not_unique("SSH key", "name"));
        }
        Ok(())
    }

    pub(crate) fn create_ssh_key(
        &mut self,
        name: String,
        public_key: String,
        labels: Labels,
    ) -> Result<i64, Refusal> {
        self.check_key_name(&name, None)?;
        let Some(fingerprint) = fingerprint(&public_key) else {
            return Err(Refusal::invalid("public_key", "public key is not in OpenSSH format"));
        };
        if self.project.ssh_keys.values().any(|key| key.fingerprint == fingerprint) {
            return Err(Refusal::not_unique("SSH key", "public_key"));
        }
        self.within_limit(Kind::SshKey, self.project.ssh_keys.len())?;
        let id = self.new_id(Kind::SshKey);
        let created = self.now;
        self.project.ssh_keys.insert(SshKey { id, name, labels, created, public_key, fingerprint });
        Ok(id)
    }

    pub(crate) fn update_ssh_key(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.ssh_key(id)?;
        if let Some(name) = &name {
            self.check_key_name(name, Some(id))?;
        }
        let key = self.project.ssh_keys.get_mut(id).ok_or_else(|| Refusal::not_found("ssh_key", id))?;
        key.name = name.unwrap_or_else(|| key.name.clone());
        key.labels = labels.unwrap_or_else(|| key.labels.clone());
        Ok(())
    }

    /// Deletes a key; servers created with it keep it.
    pub(crate) fn delete_ssh_key(&mut self, id: i64) -> Result<(), Refusal> {
        self.ssh_key(id)?;
        self.project.ssh_keys.remove(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    /// Expected value: Python's hashlib over the decoded key, which is what `ssh-keygen -l -E md5` prints.
    #[test]
    fn fingerprints_are_those_of_ssh_keygen() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl someone@example";
        assert_eq!(fingerprint(key).as_deref(), Some("65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd"));
    }

    #[test]
    fn what_is_no_key_has_no_fingerprint() {
        for key in
            ["", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==", "ssh-rsa AAAA"]
        {
            assert_eq!(fingerprint(key), None, "{key}");
        }
    }
}
