//! What the operator does at the command line (spec CP-6, PLAT-1, PLAT-7, PLAT-8).

use crate::invitations::token_of;
use ronda_domain::permission::Role;
use ronda_domain::{Clock, GroupId};
use ronda_server::cli::backup;
use ronda_server::cli::doctor::{self, Verdict};
use ronda_server::cli::operator::{Operator, UserArgs, WorkspaceArgs};
use ronda_server::config::Config;
use ronda_storage::testing::fresh_config;
use ronda_storage::{Db, DbConfig, Lane, StoreResult, Tx, groups, transfer, users};
use ronda_testkit::{Engine, PASSWORD, TestApp, api_suite};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Runs a command as the binary does: on a thread that may wait.
async fn command<T: Send + 'static>(app: &TestApp, work: impl FnOnce(Config) -> T + Send + 'static) -> T {
    let config = app.app.config.clone();
    tokio::task::spawn_blocking(move || work(config))
        .await
        .expect("the command ends")
}

fn ana(workspace: Option<i64>, role: &str) -> UserArgs {
    UserArgs {
        email: "ana@example.com".into(),
        name: Some("Ana".into()),
        role: role.into(),
        workspace,
    }
}

api_suite! {
    /// Given no mail server, then the command line gives a link.
    async fn cp_6_3_the_operator_makes_a_link(app) {
        app.workspace().await;
        let link = command(app, |c| Operator::open(c).unwrap().reset_link(" OLGA@example.com").unwrap()).await;
        assert!(link.starts_with(&app.address), "{link}");
        let path = format!("/password-resets/{}", token_of(&link));
        app.browser().post(&path, json!({ "password": "an entirely new one" })).await.ok();
        app.browser().try_sign_in("olga@example.com", "an entirely new one").await.expect(201);
        let unknown = command(app, |c| Operator::open(c).unwrap().reset_link("nobody@example.com").is_err()).await;
        assert!(unknown);
    }

    async fn plat_1_the_operator_creates_workspaces_and_users(app) {
        let args = WorkspaceArgs {
            name: "Nueva".into(),
            owner: "nora@example.com".into(),
            owner_name: None,
            language: "es".into(),
            zone: "America/Montevideo".into(),
            country: "UY".into(),
        };
        let wrong = WorkspaceArgs { zone: "Moon".into(), ..args.clone() };
        let error = command(app, move |c| Operator::open(c).unwrap().create_workspace(&wrong).unwrap_err().to_string()).await;
        assert!(error.starts_with("zone: "), "{error}");
        let (id, link) = command(app, move |c| Operator::open(c).unwrap().create_workspace(&args).unwrap()).await;
        let nora = app.browser();
        let path = format!("/password-resets/{}", token_of(&link.expect("a first password")));
        nora.post(&path, json!({ "password": PASSWORD })).await.ok();
        let me = nora.try_sign_in("nora@example.com", PASSWORD).await.expect(201);
        assert_eq!((&me["workspace"]["id"], &me["agent"]["role"]), (&json!(id), &json!("owner")));
        // The only workspace needs no name; a second one does.
        let link = command(app, |c| Operator::open(c).unwrap().create_user(&ana(None, "supervisor")).unwrap()).await;
        assert!(link.is_some());
        let again = command(app, |c| Operator::open(c).unwrap().create_user(&ana(None, "supervisor")).is_err()).await;
        assert!(again, "a member already");
        let other = app.workspace().await;
        let error = command(app, |c| Operator::open(c).unwrap().create_user(&ana(None, "agent")).unwrap_err().to_string()).await;
        assert!(error.contains("Acme") && error.contains("Nueva"), "{error}");
        let link = command(app, move |c| Operator::open(c).unwrap().create_user(&ana(Some(other.0), "agent")).unwrap()).await;
        assert_eq!(link, None, "her account stays as it is");
        assert!(command(app, |c| Operator::open(c).unwrap().create_user(&ana(None, "king")).is_err()).await);
        let log = nora.get("/audit-entries").await.expect(200)["items"].clone();
        assert!(log.as_array().unwrap().iter().all(|e| e["actor_name"] == "operator"));
    }

    /// Given a row altered in the database, then it is named.
    async fn plat_5_2_an_altered_entry_is_named(app) {
        let owner = app.owner().await;
        let (one, two) = (app.sign_in("olga").await, app.sign_in("olga").await);
        // Written at the same time, the entries still follow each other.
        for n in 0..8 {
            let group = |who: &'static str| json!({ "name": format!("{who} {n}") });
            let (a, b, c) = tokio::join!(
                owner.post("/groups", group("a")), one.post("/groups", group("b")), two.post("/groups", group("c")));
            for answer in [a, b, c] { answer.expect(201); }
        }
        assert_eq!(command(app, |c| Operator::open(c).unwrap().verify_audit().unwrap()).await, 25);
        let alter = |text: &'static str| async move {
            let changed: StoreResult<_> = app.app.db.write("test", Lane::Interactive, move |tx| tx.query_dynamic(text, &[], |r| r.i(0))).await;
            let error = command(app, |c| Operator::open(c).unwrap().verify_audit().unwrap_err().to_string()).await;
            (changed.unwrap(), error)
        };
        let (_, error) = alter("delete from audit_entry where id = (select max(id) from audit_entry) returning id").await;
        assert!(error.contains("newest"), "{error}");
        let (_, error) = alter("update audit_entry set actor_name = 'Nobody' where id = 7 returning id").await;
        assert!(error.contains("entry 7 "), "{error}");
        let (_, error) = alter("delete from audit_entry where id = 3 returning id").await;
        assert!(error.contains("entry 4 "), "{error}");
    }

    async fn plat_8_doctor_says_what_is_broken(app) {
        app.workspace().await;
        let fine = command(app, |c| doctor::examine(&c)).await;
        assert!(fine.iter().all(|f| f.verdict != Verdict::Broken), "{fine:?}");
        assert!(fine.iter().any(|f| f.about == "database" && f.verdict == Verdict::Fine), "{fine:?}");
        let sole: StoreResult<_> = app.app.db.write("test", Lane::Interactive, |tx| {
            tx.query_dynamic("update agent set status = 'suspended' returning id", &[], |r| r.i(0))
        }).await;
        sole.unwrap();
        let broken = command(app, |c| doctor::examine(&c)).await;
        assert!(broken.iter().any(|f| f.about == "workspaces" && f.verdict == Verdict::Broken), "{broken:?}");
        let elsewhere = command(app, |mut c| {
            c.public_url = "http://chat.example.com".parse().unwrap();
            doctor::examine(&c)
        }).await;
        assert!(elsewhere.iter().any(|f| f.about == "public_url" && f.verdict == Verdict::Broken), "{elsewhere:?}");
    }
}

fn elsewhere(folder: &Path) -> Config {
    Config::load(None, |_| None, &[("data", folder.join("data").display().to_string())]).unwrap()
}

fn waiting(tx: &mut Tx<'_>) -> StoreResult<Vec<i64>> {
    let message = "insert into message(workspace, conversation, channel_account, direction, author, at, received_at, kind, content, status)
        values (1, 1, 1, 'out', 'agent', 1, 1, 'text', '{}', 'queued') returning id";
    let message = tx.query_dynamic(message, &[], |r| r.i(0))?[0];
    let row =
        "insert into outbox(workspace, channel_account, conversation, position, message, state, due_at, created_at)
        values (1, 1, 1, 1, $1, 'queued', 1, 1) returning id";
    tx.query_dynamic(row, &[message.into()], |r| r.i(0))
}

/// Given a backup under load, then the restored copy is whole and starts; given a restore, then nothing that waited is
/// sent.
#[tokio::test(flavor = "multi_thread")]
async fn plat_7_a_backup_under_load_is_restored_and_sends_nothing_again() {
    let app = TestApp::start(Engine::Sqlite).await;
    let owner = app.owner().await;
    app.app.db.write("test", Lane::Interactive, waiting).await.unwrap();
    std::fs::create_dir_all(app.app.config.files.join("ab")).unwrap();
    std::fs::write(app.app.config.files.join("ab/cdef"), b"a picture").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("backups");
    let place = into.clone();
    let busy = async {
        for n in 0..40 {
            owner
                .post("/groups", json!({ "name": format!("Grupo {n}") }))
                .await
                .expect(201);
        }
    };
    let (made, ()) = tokio::join!(
        command(&app, move |c| backup::create(&c, &place, None, true).unwrap()),
        busy
    );
    let target = elsewhere(folder.path());
    let (from, config) = (made.clone(), target.clone());
    let held = command(&app, move |_| backup::restore(&config, &from).unwrap()).await;
    assert_eq!(held, 1);
    let picture = std::fs::read(target.files.join("ab/cdef")).unwrap();
    assert_eq!(picture, b"a picture");
    let restored = target.data.join("ronda.db");
    let rows = move |tx: &mut Tx<'_>| -> StoreResult<_> {
        let states = tx.query_dynamic(
            "select m.status, m.error, o.state from message m, outbox o where o.message = m.id",
            &[],
            |r| Ok((r.t(0)?, r.t(1)?, r.t(2)?)),
        )?;
        Ok((states, groups::page(tx, 1.into(), 0, 100)?.len()))
    };
    let (states, groups) = tokio::task::spawn_blocking(move || {
        let db = Db::open(&DbConfig::Sqlite(restored), Clock::system(), Arc::new(|_| {})).unwrap();
        db.read_blocking("look", rows).unwrap()
    })
    .await
    .unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!((states[0].0.as_str(), states[0].2.as_str()), ("failed", "failed"));
    assert!(states[0].1.contains("\"key\":\"restored\""), "{}", states[0].1);
    assert!(groups <= 40);
    // Only into an empty installation.
    let again = command(&app, move |_| backup::restore(&target, &made).unwrap_err().to_string()).await;
    assert!(again.contains("empty"), "{again}");
}

/// Given a corrupt file, then it is named.
#[tokio::test(flavor = "multi_thread")]
async fn plat_7_3_a_damaged_backup_names_the_file() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.workspace().await;
    std::fs::create_dir_all(&app.app.config.files).unwrap();
    std::fs::write(app.app.config.files.join("picture"), b"a picture").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_path_buf();
    let made = command(&app, move |c| backup::create(&c, &place, None, false).unwrap()).await;
    backup::check(&made).unwrap();
    assert!(!made.join("secret.key").exists(), "the key is elsewhere");
    let say = || backup::check(&made).unwrap_err().to_string();
    std::fs::write(made.join("files/picture"), b"another picture").unwrap();
    assert!(say().contains("files/picture is damaged"), "{}", say());
    std::fs::remove_file(made.join("files/picture")).unwrap();
    assert!(say().contains("files/picture is missing"), "{}", say());
    std::fs::write(made.join("files/picture"), b"a picture").unwrap();
    std::fs::write(made.join("files/stranger"), b"").unwrap();
    assert!(say().contains("files/stranger"), "{}", say());
    std::fs::remove_file(made.join("files/stranger")).unwrap();
    let mut bytes = std::fs::read(made.join("ronda.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(made.join("ronda.db"), bytes).unwrap();
    assert!(say().contains("ronda.db is damaged"), "{}", say());
}

#[tokio::test(flavor = "multi_thread")]
async fn plat_7_old_backups_go_and_the_key_is_needed() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.workspace().await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("backups");
    let mut last = None;
    for _ in 0..3 {
        let place = into.clone();
        last = Some(command(&app, move |c| backup::create(&c, &place, Some(2), false).unwrap()).await);
    }
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 2);
    let (target, made) = (elsewhere(folder.path()), last.unwrap());
    let (config, from) = (target.clone(), made.clone());
    let error = command(&app, move |_| backup::restore(&config, &from).unwrap_err().to_string()).await;
    assert!(error.contains("secret.key"), "{error}");
    std::fs::copy(app.app.config.data.join("secret.key"), target.data.join("secret.key")).unwrap();
    command(&app, move |_| backup::restore(&target, &made).unwrap()).await;
}

/// Everything is there after the move, and new rows get new numbers.
#[tokio::test(flavor = "multi_thread")]
async fn plat_8_one_command_moves_from_sqlite_to_postgresql() {
    let app = TestApp::start(Engine::Sqlite).await;
    let owner = app.owner().await;
    let ana = app.member("ana", Role::Agent).await;
    let group = json!({ "name": "Ventas", "members": [ana.agent] });
    let group = owner.post("/groups", group).await.expect(201);
    command(&app, move |config| {
        let (target, _place) = fresh_config(Engine::Postgres);
        let DbConfig::Postgres(url) = &target else {
            unreachable!("asked for PostgreSQL")
        };
        let from = config.data.join("ronda.db");
        let moved = transfer::to_postgres(&from, url).unwrap();
        assert!(
            moved.iter().any(|(table, rows)| table == "agent" && *rows == 2),
            "{moved:?}"
        );
        let db = Db::open(&target, Clock::system(), Arc::new(|_| {})).unwrap();
        let (people, ventas, next) = db
            .write_blocking("look", |tx| -> StoreResult<_> {
                let people = users::page(tx, 1.into(), 0, 10)?;
                let ventas = groups::get(tx, 1.into(), 1.into())?.expect("the group");
                let mut other = ventas.clone();
                (other.name_key, other.key) = ("otro".into(), "otro".into());
                Ok((people, ventas, groups::insert(tx, &other)?))
            })
            .unwrap();
        assert_eq!(
            people.iter().map(|u| u.email.as_str()).collect::<Vec<_>>(),
            ["olga@example.com", "ana@example.com"]
        );
        assert_eq!(ventas.id.0, group["id"].as_i64().unwrap());
        assert_eq!(ventas.members.len(), 1);
        assert_eq!(next, GroupId(2));
        assert!(transfer::to_postgres(&from, url).is_err(), "not twice");
    })
    .await;
}
