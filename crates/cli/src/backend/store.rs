//! A bucket as the state crate wants it: calls that wait for their answer.

use std::sync::mpsc;

use ferroform_core::Diagnostic;
use ferroform_s3::backend::{Backend, hint};
use ferroform_s3::{Body, Client, Condition as S3Condition, Error, Headers, Put};
use ferroform_state::remote::{Condition, ObjectStore, StoreError, Stored};
use tokio::runtime::{Builder, Runtime};

/// No state has more objects beside it: segments of a journal, of which a run makes one for each sync.
const MOST_KEYS: usize = 1_000_000;

/// The objects of a bucket.
pub(crate) struct S3Store {
    client: Client,
    bucket: String,
    instructions: Vec<(&'static str, String)>,
    /// Of its own, so that a caller may be a thread of any other. None only while it is dropped.
    runtime: Option<Runtime>,
}

impl S3Store {
    /// The bucket of a backend. Nothing is sent yet.
    pub(crate) fn new(backend: &Backend) -> Result<S3Store, Diagnostic> {
        let user_agent = concat!("ferroform/", env!("CARGO_PKG_VERSION"));
        let client = backend
            .client(user_agent)
            .map_err(|why| Diagnostic::error("Invalid backend configuration").detail(why))?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|error| {
                Diagnostic::error("Program cannot start").detail(format!("No threads can be had: {error}."))
            })?;
        Ok(S3Store {
            client,
            bucket: backend.bucket.clone(),
            instructions: backend.instructions(),
            runtime: Some(runtime),
        })
    }

    /// Whether the bucket is there.
    pub(crate) fn has_bucket(&self) -> Result<bool, StoreError> {
        let (client, bucket) = (self.client.clone(), self.bucket.clone());
        self.wait(async move { client.has_bucket(&bucket).await })
    }

    fn wait<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ended = || StoreError::Failed { message: "the program is ending".into(), hint: None };
        let (sender, receiver) = mpsc::sync_channel(1);
        let runtime = self.runtime.as_ref().ok_or_else(ended)?;
        runtime.spawn(async move {
            // Nobody waits any more only when the whole program ends.
            let _ = sender.send(call.await);
        });
        receiver.recv().map_err(|_| ended())?.map_err(|error| store_error(&error))
    }
}

impl Drop for S3Store {
    fn drop(&mut self) {
        // Waiting for its threads is not allowed on those of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn store_error(error: &Error) -> StoreError {
    if error.is_condition() {
        return StoreError::Condition;
    }
    StoreError::Failed { message: error.to_string(), hint: hint(error).map(str::to_owned) }
}

impl ObjectStore for S3Store {
    fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let (client, bucket, key) = (self.client.clone(), self.bucket.clone(), key.to_owned());
        let found = self.wait(async move { client.get_object(&bucket, &key).await })?;
        Ok(found.map(|(bytes, tag)| Stored { bytes: bytes.to_vec(), tag }))
    }

    fn put(&self, key: &str, bytes: &[u8], condition: &Condition) -> Result<String, StoreError> {
        let (client, bucket, key) = (self.client.clone(), self.bucket.clone(), key.to_owned());
        let put = Put {
            body: Body::Bytes(bytes.to_vec().into()),
            headers: Headers { content_type: Some("application/json".to_owned()), ..Headers::default() },
            amz: self.instructions.clone(),
            condition: match condition {
                Condition::Absent => S3Condition::Absent,
                Condition::Unchanged(tag) => S3Condition::Unchanged(tag.clone()),
            },
        };
        self.wait(async move { client.put_object(&bucket, &key, &put).await })
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        let (client, bucket, key) = (self.client.clone(), self.bucket.clone(), key.to_owned());
        self.wait(async move { client.delete_object(&bucket, &key).await })
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let (client, bucket, prefix) = (self.client.clone(), self.bucket.clone(), prefix.to_owned());
        let (keys, more) = self.wait(async move { client.list_keys(&bucket, &prefix, MOST_KEYS).await })?;
        if more {
            let message = format!("there are more than {MOST_KEYS} objects of that name");
            return Err(StoreError::Failed { message, hint: None });
        }
        Ok(keys)
    }

    fn name(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}
