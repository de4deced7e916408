//! Packages that were fetched before. Files whose address says what is in them (packages with their version, indexes
//! by their hash) never change and are kept; all else is fetched each time.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use parking_lot::Mutex;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// How long somebody waits for another one to have fetched the same. apt gives up after thirty seconds of silence.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of files by their addresses.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Distinguishes temporary files.
    count: AtomicU64,
    /// Files that are being fetched.
    fetching: Mutex<HashMap<PathBuf, Arc<AsyncMutex<()>>>>,
}

/// Where a file is kept.
#[derive(Clone, Debug)]
pub(super) struct Place(PathBuf);

/// The right to fetch a file; absent for one who lost patience.
pub(super) type Filling = Option<OwnedMutexGuard<()>>;

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, count: AtomicU64::new(0), fetching: Mutex::default() }
    }

    /// Where the file with this address is kept, if it is of a kind that never changes.
    pub(super) fn place(&self, address: &str) -> Option<Place> {
        let (_, rest) = address.split_once("://")?;
        let constant =
            [".deb", ".udeb", ".ddeb"].iter().any(|end| rest.ends_with(end)) || rest.contains("/by-hash/");
        let mut path = self.folder.clone();
        for part in rest.split('/') {
            if part.is_empty() || part.starts_with('.') || part.len() > 200 {
                return None;
            }
            path.push(part);
        }
        constant.then_some(Place(path))
    }

    /// Answers with what is kept, or gives the right to fetch it.
    pub(super) async fn open(&self, place: &Place) -> Result<Response, Filling> {
        if let Ok(response) = serve(&place.0).await {
            return Ok(response);
        }
        let lock = Arc::clone(self.fetching.lock().entry(place.0.clone()).or_default());
        let Ok(guard) = tokio::time::timeout(PATIENCE, lock.lock_owned()).await else { return Err(None) };
        // Another one may have fetched it meanwhile.
        serve(&place.0).await.map_err(|_| Some(guard))
    }

    /// Begins to keep a file. Nothing is kept if that is not possible.
    pub(super) async fn fill(self: &Arc<Self>, place: Place, filling: Filling) -> Option<Writer> {
        let guard = filling?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let temporary = self.folder.join(format!(".{}-{number}", std::process::id()));
        tokio::fs::create_dir_all(place.0.parent()?).await.ok()?;
        let file = File::create(&temporary).await.ok()?;
        Some(Writer { file, temporary: Temporary(temporary), place, cache: Arc::clone(self), guard })
    }
}

async fn serve(path: &Path) -> io::Result<Response> {
    let file = File::open(path).await?;
    let length = file.metadata().await?.len();
    let body = futures_util::stream::unfold(Some(file), |file| async {
        let mut file = file?;
        let mut chunk = vec![0; 1 << 16];
        match file.read(&mut chunk).await {
            Ok(0) => None,
            Ok(count) => {
                chunk.truncate(count);
                Some((Ok(Bytes::from(chunk)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    Ok(response)
}

/// A file that is being written; nothing of it stays unless it is finished.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    temporary: Temporary,
    place: Place,
    cache: Arc<Cache>,
    guard: OwnedMutexGuard<()>,
}

impl Writer {
    pub(super) async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk).await
    }

    /// Keeps it.
    pub(super) async fn finish(mut self) {
        if self.file.flush().await.is_ok() {
            // If not, it is fetched again another time.
            let _ = tokio::fs::rename(&self.temporary.0, &self.place.0).await;
        }
        self.cache.fetching.lock().remove(&self.place.0);
        drop(self.guard);
    }
}

/// Removes a temporary file if it is still there.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_changes_is_kept_below_the_folder() {
        let cache = Cache::new("/cache".into());
        let check = |address: &str, expected: Option<&str>| {
            let place = cache.place(address).map(|place| place.0);
            assert_eq!(place.as_deref(), expected.map(Path::new), "{address}");
        };
        check("http://a:80/debian/pool/x/x_1%3a2_all.deb", Some("/cache/a:80/debian/pool/x/x_1%3a2_all.deb"));
        check("https://a/dists/s/by-hash/SHA256/00ff", Some("/cache/a/dists/s/by-hash/SHA256/00ff"));
        check("http://a/debian/dists/bookworm/InRelease", None);
        check("http://a/../x.deb", None);
        check("http://a//x.deb", None);
        check(&format!("http://a/{}.deb", "x".repeat(300)), None);
    }
}
