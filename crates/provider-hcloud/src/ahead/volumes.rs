//! Volumes and servers: where both are, and how many a server has.

use ferroform_core::Value;

use super::{Around, Name, concerns};
use crate::resource::Plan;

/// Most volumes of a server (hcloud CSI driver, `MaxVolumesPerNode`).
const MOST_PER_SERVER: usize = 16;

/// A volume that names its server.
pub(crate) fn volume(plan: &mut Plan<'_>, around: &Around<'_>) {
    let volume = Value::from_attributes(plan.planned.clone());
    let location = volume.get("location").cloned();
    attached(plan, around, location.as_ref(), Some(&volume));
}

/// A volume's attachment.
pub(crate) fn attachment(plan: &mut Plan<'_>, around: &Around<'_>) {
    let volume = around.object("hcloud_volume", plan.get("volume_id"));
    let location = volume.as_ref().and_then(|volume| volume.get("location")).cloned();
    attached(plan, around, location.as_ref(), volume.as_ref());
}

fn attached(plan: &mut Plan<'_>, around: &Around<'_>, location: Option<&Value>, volume: Option<&Value>) {
    let server_id = plan.get("server_id").clone();
    if concerns(plan, &["server_id", "volume_id"])
        && let Some(at) = location.and_then(Value::as_str)
        && let Some(server) = around.object("hcloud_server", &server_id)
        && let Some(place) = server.get("location").and_then(Value::as_str)
        && at != place
    {
        plan.problems.add(
            "server_id",
            "Volume and server in different locations",
            format!(
                "The volume is in {at} and the server in {place}; a volume is attached in its own location only. Set the \
                 `location` of one of them to that of the other; the volume's data does not move with it."
            ),
        );
    }
    let mut volumes = Vec::new();
    for type_name in ["hcloud_volume", "hcloud_volume_attachment"] {
        for other in around.others(type_name, &server_id, Some(plan.get("id"))) {
            let id = if type_name == "hcloud_volume" { "id" } else { "volume_id" };
            volumes.extend(other.get(id).and_then(Name::of));
        }
    }
    let own = volume.and_then(|volume| volume.get("id")).and_then(Name::of);
    volumes.extend(own.or_else(|| Name::of(plan.get("volume_id"))));
    volumes.sort();
    volumes.dedup();
    if Name::of(&server_id).is_some() && volumes.len() > MOST_PER_SERVER {
        plan.problems.add(
            "server_id",
            "Too many volumes",
            format!(
                "A server has at most {MOST_PER_SERVER} volumes, and this one gets {}. Use larger volumes, or another server.",
                volumes.len()
            ),
        );
    }
}
