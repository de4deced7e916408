//! Lists of the API that are read once a plan at most, and only when the catalogue does not know something.

use std::collections::BTreeMap;

use ferroform_hcloud::{Filter, Image, LoadBalancerType, Location, ServerType, SshKey};
use tokio::sync::{Mutex, OnceCell};

use super::Around;

/// What was read; None where the API did not answer, which is not tried again.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    server_types: OnceCell<Option<Vec<ServerType>>>,
    load_balancer_types: OnceCell<Option<Vec<LoadBalancerType>>>,
    locations: OnceCell<Option<Vec<Location>>>,
    ssh_keys: OnceCell<Option<Vec<SshKey>>>,
    images: Mutex<BTreeMap<String, Option<Vec<Image>>>>,
    images_by_id: Mutex<BTreeMap<i64, Option<Option<Image>>>>,
}

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident: $ty:ty;)*) => {
        impl<'a> Around<'a> {
            $(
                $(#[$doc])*
                pub(super) async fn $name(&self) -> Option<&'a [$ty]> {
                    let cx = self.cx?;
                    let read = || async { cx.client.$name().list(&Filter::default()).await.ok() };
                    cx.lists.$name.get_or_init(read).await.as_deref()
                }
            )*
        }
    };
}

lists! {
    /// The server types that can be had.
    server_types: ServerType;
    /// The load balancer types that can be had.
    load_balancer_types: LoadBalancerType;
    /// All locations.
    locations: Location;
    /// The SSH keys of the project.
    ssh_keys: SshKey;
}

impl Around<'_> {
    /// The images of a name, of all architectures; one request a name.
    pub(super) async fn images_of_name(&self, name: &str) -> Option<Vec<Image>> {
        let cx = self.cx?;
        let mut known = cx.lists.images.lock().await;
        if let Some(images) = known.get(name) {
            return images.clone();
        }
        let filter = Filter::name(name).with("include_deprecated", "true");
        let images = cx.client.images().list(&filter).await.ok();
        known.insert(name.to_owned(), images.clone());
        images
    }

    /// An image by its number, if it exists; one request an image.
    pub(super) async fn image_of_id(&self, id: i64) -> Option<Option<Image>> {
        let cx = self.cx?;
        let mut known = cx.lists.images_by_id.lock().await;
        if let Some(image) = known.get(&id) {
            return image.clone();
        }
        let image = cx.client.images().find(id).await.ok();
        known.insert(id, image.clone());
        image
    }
}
