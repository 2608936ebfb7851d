//! The configuration: the embedded default file is its reference, then a file, then the environment. A wrong value
//! stops the start naming key, value and expectation.

use ronda_channels::push::Services;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::{Table, Value};
use url::Url;

/// The documented defaults.
pub const DEFAULT: &str = include_str!("config.default.toml");

/// Keys whose values are never printed.
const SECRET_KEYS: [&str; 6] = [
    "secret_key",
    "database",
    "meta.app_secret",
    "meta.verify_token",
    "sandbox.key",
    "mail.smtp_url",
];

/// What the server was told.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Scheme, host and port; no path.
    pub public_url: Url,
    pub data: PathBuf,
    pub database: Option<String>,
    pub files: PathBuf,
    /// Addresses of the bus between nodes; none without one.
    pub nats: Vec<async_nats::ServerAddr>,
    pub roles: Roles,
    pub trusted_proxies: Vec<Network>,
    pub secret_key: Option<[u8; 32]>,
    pub log: String,
    pub log_json: bool,
    pub metrics_public: bool,
    pub meta: Meta,
    /// Where workspaces get numbers for trying; none without one.
    pub sandbox: Option<Sandbox>,
    pub mail: Mail,
    pub push: Services,
    pub limits: Limits,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Answers people, webhooks and sockets.
    pub http: bool,
    /// Receives, assigns and sends.
    pub workers: bool,
}

impl Roles {
    fn parse(text: &str) -> Option<Self> {
        let mut roles = Self {
            http: false,
            workers: false,
        };
        for word in text.split(',').map(str::trim).filter(|w| !w.is_empty()) {
            match word {
                "http" => roles.http = true,
                "workers" => roles.workers = true,
                _ => return None,
            }
        }
        (roles.http || roles.workers).then_some(roles)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.http, self.workers) {
            (true, false) => "http",
            (false, true) => "workers",
            _ => "http,workers",
        })
    }
}

/// The addresses of a bus.
fn servers(text: &str) -> Option<Vec<async_nats::ServerAddr>> {
    text.split(',')
        .map(str::trim)
        .map(|address| {
            let server: async_nats::ServerAddr = address.parse().ok()?;
            let known = matches!(server.scheme(), "nats" | "tls");
            (address.contains("://") && known && !server.host().is_empty()).then_some(server)
        })
        .collect()
}

/// The installation's own Meta app.
#[derive(Clone, Debug)]
pub struct Meta {
    pub graph_url: Url,
    pub app_secret: Option<String>,
    pub verify_token: Option<String>,
}

/// Something that stands in for Meta and gives out numbers.
#[derive(Clone, Debug)]
pub struct Sandbox {
    pub url: Url,
    pub key: String,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub smtp_url: Option<String>,
    pub from: String,
}

#[derive(Clone, Debug)]
pub struct Limits {
    pub body_bytes: usize,
    pub file_bytes: usize,
    pub file_link_days: u32,
    pub requests_per_minute: u32,
    pub anonymous_requests_per_minute: u32,
}

/// A value that cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    key: String,
    value: String,
    expects: String,
    from: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} = {} (from {}): expected {}",
            self.key, self.value, self.from, self.expects
        )
    }
}

impl std::error::Error for ConfigError {}

/// A network in CIDR form, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether the address is inside.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let cut = |bytes: &[u8]| {
            let mut left = usize::from(self.bits);
            bytes
                .iter()
                .map(|b| {
                    let keep = left.min(8);
                    left -= keep;
                    if keep == 0 { 0 } else { b & (0xff << (8 - keep)) }
                })
                .collect::<Vec<u8>>()
        };
        match (self.base, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => cut(&a.octets()) == cut(&b.octets()),
            (IpAddr::V6(a), IpAddr::V6(b)) => cut(&a.octets()) == cut(&b.octets()),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits.parse().map_err(drop)?)),
            None => (text, None),
        };
        let base: IpAddr = base.trim().parse().map_err(drop)?;
        let widest = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(widest);
        if bits > widest {
            return Err(());
        }
        Ok(Self { base, bits })
    }
}

/// The merged values, read one by one.
struct Reader {
    table: Table,
    /// Where a key was last set, when not by the defaults.
    origins: std::collections::BTreeMap<String, String>,
}

impl Reader {
    fn error(&self, key: &str, expects: &str) -> ConfigError {
        let shown = self.find(key).map_or_else(|| "(nothing)".into(), ToString::to_string);
        // The address of the bus may have a password before its host.
        let value = match shown.rsplit_once('@') {
            _ if SECRET_KEYS.contains(&key) => "***".to_owned(),
            Some((_, host)) if key == "nats" => format!("\"***@{host}"),
            _ => shown,
        };
        ConfigError {
            key: key.into(),
            value,
            expects: expects.into(),
            from: self.origins.get(key).cloned().unwrap_or_else(|| "the defaults".into()),
        }
    }

    fn find(&self, key: &str) -> Option<&Value> {
        match key.split_once('.') {
            Some((section, key)) => self.table.get(section)?.get(key),
            None => self.table.get(key),
        }
    }

    fn text(&self, key: &str) -> Result<&str, ConfigError> {
        self.find(key)
            .and_then(Value::as_str)
            .ok_or_else(|| self.error(key, "a text in quotes"))
    }

    fn optional(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        Ok(Some(self.text(key)?.trim()).filter(|t| !t.is_empty()))
    }

    /// A text turned into something by `read`.
    fn parsed<T>(&self, key: &str, expects: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, ConfigError> {
        read(self.text(key)?.trim()).ok_or_else(|| self.error(key, expects))
    }

    fn whole<T: TryFrom<i64>>(&self, key: &str, least: i64, expects: &str) -> Result<T, ConfigError> {
        let value = match self.find(key) {
            Some(Value::Integer(n)) => Some(*n),
            Some(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        value
            .filter(|n| *n >= least)
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| self.error(key, expects))
    }

    fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        match self.find(key) {
            Some(Value::Boolean(b)) => Ok(*b),
            Some(Value::String(text)) if matches!(text.trim(), "true" | "1") => Ok(true),
            Some(Value::String(text)) if matches!(text.trim(), "false" | "0") => Ok(false),
            _ => Err(self.error(key, "true or false")),
        }
    }

    /// Every key of the defaults, sections as `section.key`.
    fn keys(defaults: &Table) -> Vec<String> {
        let mut keys = Vec::new();
        for (key, value) in defaults {
            match value {
                Value::Table(section) => keys.extend(section.keys().map(|k| format!("{key}.{k}"))),
                _ => keys.push(key.clone()),
            }
        }
        keys
    }

    fn set(&mut self, key: &str, value: Value, from: String) {
        match key.split_once('.') {
            Some((section, name)) => {
                if let Some(Value::Table(section)) = self.table.get_mut(section) {
                    section.insert(name.into(), value);
                }
            }
            None => {
                self.table.insert(key.into(), value);
            }
        }
        self.origins.insert(key.into(), from);
    }
}

/// The environment variable of a key.
fn variable(key: &str) -> String {
    format!("RONDA_{}", key.replace('.', "_").to_uppercase())
}

impl Config {
    /// Reads defaults, file, `environment` and at last `overrides` (the command line), in this order.
    ///
    /// # Errors
    /// Names the first key that cannot be used, its value, where it came from and what is expected.
    pub fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
        overrides: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let defaults: Table = DEFAULT.parse().expect("the embedded defaults are TOML");
        let keys = Reader::keys(&defaults);
        let mut reader = Reader {
            table: defaults,
            origins: std::collections::BTreeMap::new(),
        };
        if let Some(path) = file {
            read_file(path, &keys, &mut reader)?;
        }
        for key in &keys {
            let name = variable(key);
            if let Some(value) = environment(&name) {
                reader.set(key, Value::String(value), format!("the environment variable {name}"));
            }
        }
        for (key, value) in overrides {
            reader.set(key, Value::String(value.clone()), "the command line".into());
        }
        build(&reader)
    }

    /// Whether the address people type is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_loopback(&self.public_url)
    }

    /// Whether people may sign in: over https, or over http without leaving this machine.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        self.is_https() || self.is_local()
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// A link to a page of the web application.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// Whether an address names this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn read_file(path: &Path, keys: &[String], reader: &mut Reader) -> Result<(), ConfigError> {
    let broken = |detail: String| ConfigError {
        key: "config".into(),
        value: path.display().to_string(),
        expects: format!("a readable TOML file ({detail})"),
        from: "the command line or RONDA_CONFIG".into(),
    };
    let text = std::fs::read_to_string(path).map_err(|e| broken(e.to_string()))?;
    let table: Table = text.parse().map_err(|e: toml::de::Error| broken(e.message().into()))?;
    for key in Reader::keys(&table) {
        if !keys.contains(&key) {
            return Err(ConfigError {
                value: "***".into(),
                expects: format!("one of {}", keys.join(", ")),
                from: path.display().to_string(),
                key,
            });
        }
        let value = match key.split_once('.') {
            Some((section, name)) => table[section][name].clone(),
            None => table[key.as_str()].clone(),
        };
        reader.set(&key, value, path.display().to_string());
    }
    Ok(())
}

fn build(r: &Reader) -> Result<Config, ConfigError> {
    let listen: SocketAddr = r.parsed("listen", "an address and port such as 127.0.0.1:8080", |t| {
        t.parse().ok()
    })?;
    let public_url = match r.optional("public_url")? {
        None => Url::parse(&format!("http://{listen}")).expect("a socket address makes an address"),
        Some(_) => r.parsed(
            "public_url",
            "an address such as https://chat.example.com, without a path",
            |t| {
                let url = Url::parse(t).ok()?;
                let plain = matches!(url.scheme(), "http" | "https")
                    && url.path() == "/"
                    && url.query().is_none()
                    && url.username().is_empty();
                (plain && url.has_host()).then_some(url)
            },
        )?,
    };
    let data: PathBuf = r.parsed("data", "a folder", |t| (!t.is_empty()).then(|| t.into()))?;
    let database = match r.optional("database")? {
        None => None,
        Some(_) => Some(r.parsed("database", "postgres://user:password@host:port/name", |t| {
            (t.starts_with("postgres://") || t.starts_with("postgresql://")).then(|| t.to_owned())
        })?),
    };
    let shared = database.is_some();
    let roles: Roles = r.parsed("roles", "\"http\", \"workers\" or both, comma separated", Roles::parse)?;
    let both = roles.http && roles.workers;
    if !shared && !both {
        return Err(r.error(
            "roles",
            "\"http,workers\": only processes over one PostgreSQL (database) can share them",
        ));
    }
    let nats = match r.optional("nats")? {
        None => Vec::new(),
        Some(_) if !shared => {
            return Err(r.error(
                "nats",
                "nothing, because one process has its SQLite file to itself (database)",
            ));
        }
        Some(_) => r.parsed("nats", "nats://host:port or tls://host:port, comma separated", servers)?,
    };
    Ok(Config {
        listen,
        public_url,
        nats,
        roles,
        files: r.optional("files")?.map_or_else(|| data.join("files"), PathBuf::from),
        database,
        trusted_proxies: r.parsed(
            "trusted_proxies",
            "addresses or networks such as 10.0.0.0/8, comma separated",
            |t| {
                t.split(',')
                    .map(str::trim)
                    .filter(|p| !p.is_empty())
                    .map(|p| p.parse().ok())
                    .collect()
            },
        )?,
        secret_key: match r.optional("secret_key")? {
            None => None,
            Some(_) => Some(r.parsed("secret_key", "32 bytes in base64", crate::secrets::read_key)?),
        },
        log: r.parsed("log", "a level (error, warn, info, debug, trace) or a filter", |t| {
            t.parse::<tracing_subscriber::EnvFilter>().ok().map(|_| t.to_owned())
        })?,
        log_json: r.parsed("log_format", "\"text\" or \"json\"", |t| match t {
            "text" => Some(false),
            "json" => Some(true),
            _ => None,
        })?,
        metrics_public: r.flag("metrics_public")?,
        meta: Meta {
            graph_url: r.parsed("meta.graph_url", "an address such as https://graph.facebook.com", |t| {
                Url::parse(t)
                    .ok()
                    .filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
            })?,
            app_secret: r.optional("meta.app_secret")?.map(str::to_owned),
            verify_token: r.optional("meta.verify_token")?.map(str::to_owned),
        },
        sandbox: match r.optional("sandbox.url")? {
            None => None,
            Some(_) => Some(Sandbox {
                url: r.parsed(
                    "sandbox.url",
                    "an address such as http://127.0.0.1:8090, without a path",
                    |t| {
                        Url::parse(t).ok().filter(|u| {
                            matches!(u.scheme(), "http" | "https")
                                && u.has_host()
                                && u.path() == "/"
                                && u.query().is_none()
                        })
                    },
                )?,
                key: r.parsed("sandbox.key", "the key of the sandbox at sandbox.url", |t| {
                    (!t.is_empty()).then(|| t.to_owned())
                })?,
            }),
        },
        mail: Mail {
            smtp_url: match r.optional("mail.smtp_url")? {
                None => None,
                Some(_) => Some(r.parsed(
                    "mail.smtp_url",
                    "smtps://user:password@host:port or smtp://host:port",
                    |t| {
                        let url = Url::parse(t).ok()?;
                        (matches!(url.scheme(), "smtp" | "smtps") && url.has_host()).then(|| t.to_owned())
                    },
                )?),
            },
            from: r.parsed("mail.from", "a mail address such as Ronda <ronda@example.com>", |t| {
                t.parse::<lettre::message::Mailbox>().ok().map(|_| t.to_owned())
            })?,
        },
        push: r.parsed(
            "push.services",
            "hosts such as push.example.com, *.example.com or https://push.example.com:8443, comma separated",
            Services::parse,
        )?,
        limits: Limits {
            body_bytes: r.whole("limits.body_bytes", 1024, "bytes, at least 1024")?,
            file_bytes: r.whole("limits.file_bytes", 1024, "bytes, at least 1024")?,
            file_link_days: r.whole("limits.file_link_days", 1, "days, at least 1")?,
            requests_per_minute: r.whole("limits.requests_per_minute", 6, "requests a minute, at least 6")?,
            anonymous_requests_per_minute: r.whole(
                "limits.anonymous_requests_per_minute",
                6,
                "requests a minute, at least 6",
            )?,
        },
        data,
    })
}

/// The page `docs/config.md`, made from the defaults.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Generated from `crates/server/src/config.default.toml` by `ronda config`; a test keeps it fresh.\n\n\
         | Key | Environment | Default | Meaning |\n| --- | --- | --- | --- |\n",
    );
    let (mut section, mut words, mut header) = (String::new(), Vec::new(), true);
    for line in DEFAULT.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            words.push(comment.trim());
        } else if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, value)) = line.split_once(" = ") {
            let key = format!("{section}{key}");
            page.push_str(&format!(
                "| `{key}` | `{}` | `{value}` | {} |\n",
                variable(&key),
                words.join(" ").replace('|', "\\|")
            ));
            words.clear();
        } else if line.is_empty() && std::mem::take(&mut header) {
            // The head of the file speaks about the file.
            words.clear();
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(key: &str, value: &str) -> String {
        Config::load(None, |_| None, &[(key, value.into())])
            .map(|_| "accepted".to_owned())
            .unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn the_defaults_are_complete() {
        let c = Config::load(None, |_| None, &[]).unwrap();
        assert_eq!(c.public_url.as_str(), "http://127.0.0.1:8080/");
        assert!(c.may_sign_in());
        assert_eq!(c.files, Path::new("./data/files"));
    }

    #[test]
    fn plat_8_2_a_wrong_value_names_key_value_and_expectation() {
        assert_eq!(
            refused("listen", "8080"),
            "listen = \"8080\" (from the command line): expected an address and port such as 127.0.0.1:8080"
        );
        assert_eq!(
            refused("public_url", "chat.example.com"),
            "public_url = \"chat.example.com\" (from the command line): expected an address such as https://chat.example.com, without a path"
        );
        assert!(refused("limits.body_bytes", "12").ends_with("expected bytes, at least 1024"));
        assert!(refused("log_format", "xml").contains("\"text\" or \"json\""));
        assert!(refused("roles", "web").contains("roles = \"web\" (from the command line): expected \"http\""));
        assert!(
            refused("roles", "http").contains("PostgreSQL"),
            "one process has a file to itself"
        );
        assert!(refused("nats", "nats://127.0.0.1:4222").contains("SQLite"));
        let over = |nats: &str| {
            let all = [("database", "postgres://h/d".to_owned()), ("nats", nats.to_owned())];
            Config::load(None, |_| None, &all)
                .map(|c| c.nats.len())
                .map_err(|e| e.to_string())
        };
        assert_eq!(over("nats://a:4222, tls://b"), Ok(2));
        let wrong = over("http://bus.example.com").unwrap_err();
        assert_eq!(
            wrong,
            "nats = \"http://bus.example.com\" (from the command line): expected nats://host:port or tls://host:port, comma separated"
        );
        assert!(refused("sandbox.url", "127.0.0.1:8090").contains("without a path"));
        let wrong = refused("sandbox.url", "http://127.0.0.1:8090");
        assert!(wrong.starts_with("sandbox.key = ***"), "a sandbox has its key: {wrong}");
        let wrong = over("http://ronda:hunter2@bus").unwrap_err();
        assert!(!wrong.contains("hunter2") && wrong.contains("***@bus"), "{wrong}");
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let text = refused("secret_key", "hunter2");
        assert!(!text.contains("hunter2"), "{text}");
        let text = refused("database", "mysql://root:hunter2@db/x");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn the_environment_wins_over_the_file_and_unknown_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ronda.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\n[limits]\nbody_bytes = 2048\n").unwrap();
        let env = |name: &str| (name == "RONDA_LISTEN").then(|| "127.0.0.1:2".to_owned());
        let c = Config::load(Some(&path), env, &[]).unwrap();
        assert_eq!((c.listen.port(), c.limits.body_bytes), (2, 2048));
        std::fs::write(&path, "lisen = \"127.0.0.1:1\"\n").unwrap();
        let text = Config::load(Some(&path), |_| None, &[]).unwrap_err().to_string();
        assert!(text.starts_with("lisen = "), "{text}");
    }

    #[test]
    fn networks_contain_their_addresses() {
        let n: Network = "10.1.0.0/16".parse().unwrap();
        assert!(n.contains("10.1.200.3".parse().unwrap()));
        assert!(!n.contains("10.2.0.1".parse().unwrap()));
        let one: Network = "::1".parse().unwrap();
        assert!(one.contains("::1".parse().unwrap()) && !one.contains("::2".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
