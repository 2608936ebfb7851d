//! Rules of the house that a compiler does not check: who may use whom, and what may not be committed.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `docs/ARCHITECTURE.md`: the crates each crate may use. No other edge exists.
const EDGES: &[(&str, &[&str])] = &[
    ("ronda-domain", &[]),
    ("ronda-routing", &["ronda-domain"]),
    ("ronda-whatif", &["ronda-domain", "ronda-routing"]),
    ("ronda-storage", &["ronda-domain"]),
    ("ronda-channels", &["ronda-domain"]),
    ("ronda-simulator", &["ronda-domain"]),
    (
        "ronda-server",
        &[
            "ronda-domain",
            "ronda-routing",
            "ronda-whatif",
            "ronda-storage",
            "ronda-channels",
            "ronda-simulator",
        ],
    ),
    (
        "ronda-testkit",
        &["ronda-domain", "ronda-storage", "ronda-server", "ronda-simulator"],
    ),
    (
        "ronda-bench",
        &[
            "ronda-domain",
            "ronda-routing",
            "ronda-storage",
            "ronda-channels",
            "ronda-server",
        ],
    ),
    ("xtask", &[]),
];

/// In tests a crate may also use itself with other features, and everybody may use the test kit.
const EDGES_IN_TESTS: &[(&str, &[&str])] = &[
    // The simulator is checked with the client and the parser of the product.
    ("ronda-simulator", &["ronda-channels"]),
    ("ronda-storage", &["ronda-storage"]),
    // After a kill, what the rows say is checked with the engine's own invariants.
    ("ronda-testkit", &["ronda-routing"]),
    ("ronda-server", &["ronda-server", "ronda-testkit"]),
];

/// Libraries that belong to certain crates only.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["ronda-storage", "ronda-bench"]),
    ("postgres", &["ronda-storage", "ronda-bench"]),
    ("axum", &["ronda-server", "ronda-simulator"]),
    ("reqwest", &["ronda-channels", "ronda-simulator", "ronda-testkit"]),
];

/// The pure crates use these and nothing else.
const PURE: &[(&str, &[&str])] = &[
    (
        "ronda-domain",
        &["serde", "serde_json", "thiserror", "uuid", "phonenumber", "utoipa"],
    ),
    ("ronda-routing", &["serde", "ronda-domain"]),
    ("ronda-whatif", &["serde", "ronda-domain", "ronda-routing"]),
];

struct Dependency {
    name: String,
    in_tests: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

fn crates() -> BTreeMap<String, Vec<Dependency>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |v: &Value| v.as_str().expect("a name").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
            let dependencies = dependencies
                .map(|d| Dependency {
                    name: text(&d["name"]),
                    in_tests: d["kind"] == "dev",
                })
                .collect();
            (text(&package["name"]), dependencies)
        })
        .collect()
}

fn allowed(table: &'static [(&str, &[&str])], name: &str) -> &'static [&'static str] {
    table.iter().find(|(n, _)| *n == name).map_or(&[], |(_, list)| list)
}

#[test]
fn crates_use_only_whom_they_may() {
    let crates = crates();
    let ours: BTreeSet<&String> = crates.keys().collect();
    let listed: BTreeSet<String> = EDGES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        ours,
        listed.iter().collect(),
        "each crate of the workspace has a line in EDGES"
    );
    let mut wrong = Vec::new();
    for (name, dependencies) in &crates {
        for dependency in dependencies.iter().filter(|d| ours.contains(&d.name)) {
            let target = dependency.name.as_str();
            let fine = allowed(EDGES, name).contains(&target)
                || (dependency.in_tests && allowed(EDGES_IN_TESTS, name).contains(&target));
            if !fine {
                wrong.push(format!("{name} -> {target}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "edges that docs/ARCHITECTURE.md does not have: {wrong:?}"
    );
}

#[test]
fn drivers_and_clients_stay_in_their_crates() {
    let mut wrong = Vec::new();
    for (name, dependencies) in &crates() {
        for dependency in dependencies.iter().filter(|d| !d.in_tests) {
            let homes = HOMES.iter().find(|(library, _)| *library == dependency.name);
            if homes.is_some_and(|(_, homes)| !homes.contains(&name.as_str())) {
                wrong.push(format!("{name} -> {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries outside their crates: {wrong:?}");
}

#[test]
fn pure_crates_use_nothing_that_touches_the_world() {
    let crates = crates();
    for (name, list) in PURE {
        for dependency in crates[*name].iter().filter(|d| !d.in_tests) {
            assert!(
                list.contains(&dependency.name.as_str()),
                "{name} -> {}",
                dependency.name
            );
        }
    }
}

type Words = &'static [(&'static str, &'static str)];

/// Words that may not be committed, per kind of file. Written in two halves, so that this file passes its own test.
const FORBIDDEN: &[(&[&str], Words)] = &[
    (
        &["rs"],
        &[
            ("todo", "!("),
            ("unimplement", "ed!("),
            ("#[ign", "ore"),
            ("dbg", "!("),
            ("unsafe", " {"),
            ("unsafe", " fn"),
        ],
    ),
    (
        &["ts", "tsx", "mjs", "js"],
        &[
            ("it.on", "ly("),
            ("test.on", "ly("),
            ("describe.on", "ly("),
            ("it.sk", "ip("),
            ("test.sk", "ip("),
            ("describe.sk", "ip("),
            ("debug", "ger;"),
            ("@ts-ig", "nore"),
        ],
    ),
    (
        &[
            "rs", "ts", "tsx", "mjs", "js", "md", "toml", "json", "sh", "css", "html", "sql", "yml",
        ],
        &[
            ("<<<<<", "<< "),
            (">>>>>", ">> "),
            ("FIX", "ME"),
            ("/wo", "rk/main"),
            ("/wo", "rk/shared"),
            ("/tmp/", "wt/"),
        ],
    ),
];

#[test]
fn nothing_unfinished_is_committed() {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git ls-files");
    // A copy without its history has no list of files; the rule is checked where commits are made.
    let files = String::from_utf8(output.stdout).expect("names in UTF-8");
    let mut found = Vec::new();
    for file in files
        .split('\0')
        .filter(|f| !f.is_empty() && !f.ends_with("package-lock.json"))
    {
        let extension = Path::new(file).extension().and_then(|e| e.to_str()).unwrap_or_default();
        let Ok(text) = std::fs::read_to_string(root().join(file)) else {
            continue;
        };
        for (kinds, words) in FORBIDDEN {
            if !kinds.contains(&extension) {
                continue;
            }
            for (first, second) in *words {
                let word = format!("{first}{second}");
                for (number, _) in text.lines().enumerate().filter(|(_, line)| line.contains(&word)) {
                    found.push(format!("{file}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Where the server may speak of what is simulated, and why. Nothing that receives, assigns, renders or sends is here
/// (spec PLAT-13, check 1): an account of a simulator differs from others by the base address in its settings alone.
const SIMULATED: &[(&str, &str)] = &[
    ("cli.rs", "the command `ronda simulator`"),
    (
        "cli/",
        "the commands `simulator` and `demo`, and a workspace made by the operator, which is not simulated",
    ),
    ("demo/", "the demo starts a simulator and marks its workspace"),
    ("config.rs", "the address of the sandbox"),
    ("app/mod.rs", "names the files below"),
    ("app/sandbox.rs", "what a workspace asks the sandbox for"),
    ("app/simulated.rs", "what reports leave out"),
    ("app/setup.rs", "a new workspace is marked or not"),
    ("app/channel_accounts.rs", "the mark of an account is kept and shown"),
    ("app/receive.rs", "a new conversation gets the mark of its account"),
    ("app/start.rs", "so does one that we begin"),
    ("app/views.rs", "the mark of a conversation is shown"),
    (
        "app/sessions.rs",
        "pages hide the choice that a simulated workspace does not have",
    ),
    ("app/fairness.rs", "reports leave it out"),
    ("app/reports.rs", "reports leave it out"),
    ("app/incidents.rs", "reports leave it out"),
    ("app/service_levels.rs", "reports leave it out"),
    ("app/wall.rs", "figures leave it out"),
    ("http/mod.rs", "names the file below"),
    (
        "http/sandbox.rs",
        "connects a number of the sandbox, as every other number is connected",
    ),
    (
        "http/channel_accounts.rs",
        "an account with an address of its own gets the mark",
    ),
    ("http/setup.rs", "a first workspace is not simulated"),
    ("http/files.rs", "a policy of browsers has the same word"),
    ("http/reports.rs", "reports can be asked for it"),
    ("http/incidents.rs", "reports can be asked for it"),
    ("http/service_levels.rs", "reports can be asked for it"),
];

/// The same in the connectors: a client that asks for a number, and its line in the list of modules.
const SIMULATED_IN_CHANNELS: &[(&str, &str)] = &[
    ("sandbox.rs", "asks for a number, and uses none"),
    ("lib.rs", "names the file above"),
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn plat_13_1_no_code_path_knows_that_it_is_simulated() {
    let mut wrong = Vec::new();
    for (sources, allowed) in [
        ("crates/server/src", SIMULATED),
        ("crates/channels/src", SIMULATED_IN_CHANNELS),
    ] {
        let folder = root().join(sources);
        let (mut files, mut used) = (Vec::new(), BTreeSet::new());
        rust_files(&folder, &mut files);
        for file in files {
            let name = file.strip_prefix(&folder).expect("inside").display().to_string();
            let may = allowed
                .iter()
                .find(|(place, _)| name == *place || (place.ends_with('/') && name.starts_with(place)));
            let text = std::fs::read_to_string(&file).expect("a source");
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default().to_lowercase();
                if !code.contains("simulat") && !code.contains("sandbox") {
                    continue;
                }
                match may {
                    Some((place, _)) => {
                        used.insert(*place);
                    }
                    None => wrong.push(format!("{sources}/{name}:{}: {}", number + 1, line.trim())),
                }
            }
        }
        let idle = allowed.iter().map(|(place, _)| *place).filter(|p| !used.contains(p));
        wrong.extend(idle.map(|place| format!("{sources}/{place} is allowed and does not need to be")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // And the connectors cannot know the simulator at all.
    let channels = &crates()["ronda-channels"];
    assert!(channels.iter().all(|d| d.name != "ronda-simulator"));
}
