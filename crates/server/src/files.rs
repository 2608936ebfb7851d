//! The store of received and sent files: a folder, one file per UUID.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The folder of the files.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn path(&self, id: uuid::Uuid) -> PathBuf {
        let name = id.simple().to_string();
        self.folder.join(&name[name.len() - 2..]).join(name)
    }

    /// Stores bytes under `id`, durable before it returns. The same id is written once: ids are made for one content.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub async fn put(&self, id: uuid::Uuid, bytes: Bytes) -> std::io::Result<String> {
        let path = self.path(id);
        tokio::task::spawn_blocking(move || {
            use std::io::Write as _;
            let sha256 = hex::encode(Sha256::digest(&bytes));
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            let temporary = path.with_extension("part");
            let mut file = std::fs::File::create(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            Ok(sha256)
        })
        .await
        .map_err(std::io::Error::other)?
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn get(&self, id: uuid::Uuid) -> std::io::Result<Bytes> {
        Ok(tokio::fs::read(self.path(id)).await?.into())
    }
}
