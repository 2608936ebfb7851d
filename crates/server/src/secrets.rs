//! Secrets: encryption at rest, and the random tokens whose hashes the database keeps.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ronda_domain::WorkspaceId;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Where a secret is stored. The ciphertext is bound to it: moved to another row it does not open.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub workspace: WorkspaceId,
    pub table: &'a str,
    pub column: &'a str,
    /// The row's id, or whatever names it.
    pub row: &'a str,
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        // Lengths before the parts: no two places make the same bytes.
        let mut out = self.workspace.0.to_be_bytes().to_vec();
        for part in [self.table, self.column, self.row] {
            out.extend((part.len() as u64).to_be_bytes());
            out.extend(part.as_bytes());
        }
        out
    }
}

/// Why a secret does not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretError {
    #[error("the secret was encrypted with another key ({0})")]
    OtherKey(String),
    #[error("the secret is damaged or stands in the wrong place")]
    Damaged,
}

/// The key of the installation's secrets.
pub struct Secrets {
    key: LessSafeKey,
    id: String,
}

impl Secrets {
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, key).expect("32 bytes are a key");
        Self {
            key: LessSafeKey::new(unbound),
            id: hex::encode(&Sha256::digest(key)[..4]),
        }
    }

    /// The key of the configuration, or the key file of the data folder, which is made when there is none.
    ///
    /// # Errors
    /// When the file cannot be read, written, or is readable by others.
    pub fn load(configured: Option<&[u8; 32]>, data: &Path) -> anyhow::Result<Self> {
        if let Some(key) = configured {
            return Ok(Self::new(key));
        }
        let path = data.join("secret.key");
        if !path.exists() {
            make_key_file(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        check_mode(&path)?;
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let key =
            read_key(text.trim()).with_context(|| format!("{} does not hold 32 bytes in base64", path.display()))?;
        Ok(Self::new(&key))
    }

    /// Names the key without telling it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// Encrypts for one place.
    #[must_use]
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> String {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce);
        let mut out = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.bytes()), &mut out)
            .expect("a short text can be encrypted");
        let mut whole = nonce.to_vec();
        whole.extend(out);
        format!("1:{}:{}", self.id, STANDARD.encode(whole))
    }

    /// Decrypts what [`Secrets::seal`] made for the same place.
    ///
    /// # Errors
    /// When another key made it, or it is not intact, or it was made for another place.
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<Vec<u8>, SecretError> {
        let (id, body) = sealed
            .strip_prefix("1:")
            .and_then(|rest| rest.split_once(':'))
            .ok_or(SecretError::Damaged)?;
        if id != self.id {
            return Err(SecretError::OtherKey(id.to_owned()));
        }
        let whole = STANDARD.decode(body).map_err(|_| SecretError::Damaged)?;
        let (nonce, cipher) = whole.split_at_checked(NONCE_LEN).ok_or(SecretError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Damaged)?;
        let mut cipher = cipher.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(place.bytes()), &mut cipher)
            .map_err(|_| SecretError::Damaged)?;
        Ok(plain.to_vec())
    }

    /// As [`Secrets::open`], for texts.
    ///
    /// # Errors
    /// As [`Secrets::open`].
    pub fn open_text(&self, place: Place<'_>, sealed: &str) -> Result<String, SecretError> {
        String::from_utf8(self.open(place, sealed)?).map_err(|_| SecretError::Damaged)
    }
}

/// 32 bytes in base64, or nothing.
#[must_use]
pub fn read_key(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Fills with bytes from the operating system.
pub fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// A new 256-bit token for a cookie or a link.
#[must_use]
pub fn token() -> String {
    let mut bytes = [0; 32];
    random(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What the database keeps of a token.
#[must_use]
pub fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// A code that a person copies from the terminal: 12 letters and digits without look-alikes, about 58 bits.
#[must_use]
pub fn code() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let mut bytes = [0; 12];
    random(&mut bytes);
    let letters: Vec<u8> = bytes.iter().map(|b| LETTERS[usize::from(*b) % LETTERS.len()]).collect();
    let text = String::from_utf8_lossy(&letters).into_owned();
    format!("{}-{}-{}", &text[..4], &text[4..8], &text[8..])
}

#[cfg(unix)]
fn make_key_file(path: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut key = [0; 32];
    random(&mut key);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", STANDARD.encode(key))?;
    file.sync_all()
}

#[cfg(not(unix))]
fn make_key_file(path: &Path) -> std::io::Result<()> {
    let mut key = [0; 32];
    random(&mut key);
    std::fs::write(path, STANDARD.encode(key))
}

#[cfg(unix)]
fn check_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    anyhow::ensure!(
        mode & 0o077 == 0,
        "{} can be read by others (mode {mode:o}): chmod 600 it",
        path.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: &str) -> Place<'_> {
        Place {
            workspace: WorkspaceId(1),
            table: "channel_account",
            column: "secrets",
            row,
        }
    }

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let s = Secrets::new(&[7; 32]);
        let sealed = s.seal(place("4"), b"token");
        assert!(!sealed.contains("token"));
        assert_eq!(s.open_text(place("4"), &sealed).unwrap(), "token");
        assert_eq!(s.open(place("5"), &sealed), Err(SecretError::Damaged));
        let other = Place {
            workspace: WorkspaceId(2),
            ..place("4")
        };
        assert_eq!(s.open(other, &sealed), Err(SecretError::Damaged));
        assert!(matches!(
            Secrets::new(&[8; 32]).open(place("4"), &sealed),
            Err(SecretError::OtherKey(_))
        ));
        assert_eq!(s.open(place("4"), "plain"), Err(SecretError::Damaged));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::load(None, folder.path()).unwrap();
        let again = Secrets::load(None, folder.path()).unwrap();
        assert_eq!(first.key_id(), again.key_id());
        let path = folder.path().join("secret.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Secrets::load(None, folder.path()).is_err());
    }

    #[test]
    fn codes_are_easy_to_copy() {
        let code = code();
        assert_eq!(code.len(), 14);
        assert_ne!(code, super::code());
    }
}
