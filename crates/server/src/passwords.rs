//! Password hashes: Argon2id on the blocking pool, a few at a time, so that sign-ins cannot starve the rest.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes computed at the same time; each takes about 19 MiB and 20 ms.
const AT_ONCE: usize = 2;

/// Hashes and checks passwords.
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// Checked when there is no account, so that the answer takes as long.
    nobody: Arc<str>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    #[must_use]
    pub fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: hash(&crate::secrets::token()).into(),
        }
    }

    /// The hash of a password in PHC form.
    pub async fn hash(&self, password: String) -> String {
        self.run(move || hash(&password)).await
    }

    /// Whether the password is the one of `stored`. Without a stored hash the work is done all the same.
    pub async fn matches(&self, stored: Option<String>, password: String) -> bool {
        let nobody = self.nobody.clone();
        self.run(move || {
            let right = verify(stored.as_deref().unwrap_or(&nobody), &password);
            right && stored.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = self.permits.clone().acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.expect("hashing does not panic")
    }
}

/// [`Passwords::hash`] for the command line.
#[must_use]
pub fn hash(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("default parameters hash any password")
        .to_string()
}

fn verify(stored: &str, password: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_hash_is_argon2id_and_fits_its_password_only() {
        let hash = super::hash("correct horse battery");
        assert!(hash.starts_with("$argon2id$"));
        assert!(super::verify(&hash, "correct horse battery"));
        assert!(!super::verify(&hash, "correct horse"));
        assert!(!super::verify("nonsense", "correct horse"));
    }
}
