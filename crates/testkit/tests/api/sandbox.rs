//! A number without Meta, by one click (specs PS-1, PS-2, PLAT-13).

use crate::whatsapp::says;
use ronda_domain::permission::Role;
use ronda_simulator::{Config, Simulator};
use ronda_testkit::{Browser, Engine, TestApp, eventually, hasty};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const KEY: &str = "la palabra del operador";
/// Source: spec PS-1, check 1.
const PROMISED: Duration = Duration::from_secs(10);

/// A simulator, and a server whose operator has named it.
struct Rig {
    simulator: Simulator,
    app: TestApp,
    /// Asks the simulator itself.
    phone: Browser,
}

async fn simulator() -> Simulator {
    let config = Config {
        sandbox_key: Some(KEY.into()),
        ..hasty()
    };
    ronda_simulator::start(config).await.expect("a simulator")
}

async fn rig(engine: Engine) -> Rig {
    let simulator = simulator().await;
    let base = simulator.base_url();
    let app = TestApp::start_with(engine, &[("sandbox.url", &base), ("sandbox.key", KEY)]).await;
    let phone = Browser::at(&base);
    Rig { simulator, app, phone }
}

impl Rig {
    async fn people(&self) -> Vec<Value> {
        let all = self
            .phone
            .send(self.phone.outside("GET", "/_sim/people"))
            .await
            .expect(200);
        all["people"].as_array().expect("people").clone()
    }

    /// What the business has said to somebody, by the phone.
    async fn received(&self, number: &Value, person: &str) -> Vec<String> {
        let path = format!(
            "/_sim/people/{person}/thread?phone_number_id={}",
            number.as_str().unwrap()
        );
        eventually("an answer on the phone", async || {
            let thread = self.phone.send(self.phone.outside("GET", &path)).await.expect(200);
            let all = thread["messages"].as_array().expect("messages").iter();
            let theirs: Vec<String> = all
                .filter(|m| m["from_customer"] == false)
                .map(|m| m["body"]["body"].as_str().unwrap_or_default().to_owned())
                .collect();
            (!theirs.is_empty()).then_some(theirs)
        })
        .await
    }

    async fn writes(&self, number: &Value, person: &str, text: &str) {
        let path = format!("/_sim/people/{person}/messages");
        let body = json!({ "text": text, "phone_number_id": number });
        self.phone
            .send(self.phone.outside("POST", &path).json(&body))
            .await
            .expect(201);
    }
}

async fn waiting(owner: &Browser) -> Value {
    let some = |l: &Value| l["items"].as_array().is_some_and(|items| !items.is_empty());
    owner.until("/conversations?tray=unassigned", some).await["items"][0].clone()
}

async fn ps_1_1_within_ten_seconds_of_one_click_a_simulated_customer_is_answered(engine: Engine) {
    let rig = rig(engine).await;
    let owner = rig.app.owner().await;
    let state = owner.get("/channel-accounts/sandbox").await.expect(200);
    assert_eq!(state, json!({ "available": true }));
    let clicked = Instant::now();
    let made = owner.post("/channel-accounts/sandbox", json!({})).await.expect(201);
    assert_eq!(
        (&made["kind"], &made["name"]),
        (&json!("whatsapp"), &json!("Número de prueba"))
    );
    assert_eq!(
        (&made["simulated"], &made["status"]),
        (&json!(true), &json!("connected"))
    );
    assert_eq!(made["health"]["subscribed"], true, "{made}");
    assert_eq!(made["health"]["callback_error"], Value::Null, "{made}");
    let page = format!(
        "{}/phone?number={}",
        rig.simulator.base_url(),
        made["external_id"].as_str().unwrap()
    );
    assert_eq!(made["phone_page"], page.as_str());
    let phone = rig
        .phone
        .send(rig.phone.outside("GET", &page[rig.simulator.base_url().len()..]))
        .await;
    assert_eq!(phone.status, 200);
    let conversation = waiting(&owner).await;
    assert!(clicked.elapsed() < PROMISED, "{:?}", clicked.elapsed());
    assert_eq!(conversation["customer"]["name"], "Cliente de prueba");
    assert!(
        conversation["last_message"]["preview"]
            .as_str()
            .unwrap()
            .contains("cliente simulado")
    );
    assert_eq!(conversation["simulated"], true);
    let path = format!("/conversations/{}", conversation["id"]);
    owner.post(&format!("{path}/take"), json!({})).await.ok();
    let sent = owner
        .post(&format!("{path}/messages"), says("¡Hola! La escucho."))
        .await
        .expect(201);
    let people = rig.people().await;
    assert_eq!(people.len(), 1, "one customer wrote: {people:?}");
    let person = people[0]["id"].as_str().unwrap();
    assert_eq!(rig.received(&made["external_id"], person).await, ["¡Hola! La escucho."]);
    owner
        .message(&conversation["id"], &sent["message"]["id"], |m| {
            m["status"] == "delivered"
        })
        .await;
    // Answering is no end: the customer goes on from the phone.
    rig.writes(&made["external_id"], person, "Gracias").await;
    owner.until(&path, |c| c["last_message"]["preview"] == "Gracias").await;
    rig.app.settled().await;
}

async fn ps_2_1_clicking_twice_connects_one_sandbox_number(engine: Engine) {
    let rig = rig(engine).await;
    let owner = rig.app.owner().await;
    let click = async || owner.post("/channel-accounts/sandbox", json!({})).await;
    let (a, b) = tokio::join!(click(), click());
    assert_eq!(
        BTreeSet::from([a.status, b.status]),
        BTreeSet::from([200, 201]),
        "{} {}",
        a.body,
        b.body
    );
    assert_eq!(a.body["id"], b.body["id"]);
    let first = a.body;
    let all = owner.get("/channel-accounts").await.expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    let again = click().await.expect(200);
    assert_eq!(again["id"], first["id"]);
    waiting(&owner).await;
    assert_eq!(rig.people().await.len(), 1, "who writes first does so once");
    // Its secrets stay in the server.
    assert!(!again.to_string().contains("SIM"), "{again}");
    // Taken out of service it comes back under the same number, as another channel.
    let path = format!("/channel-accounts/{}", first["id"]);
    owner.delete(&path).await.expect(204);
    let back = click().await.expect(201);
    assert_eq!(back["external_id"], first["external_id"]);
    assert_ne!(back["id"], first["id"]);
    owner
        .post(&format!("/channel-accounts/{}/check", back["id"]), json!({}))
        .await
        .expect(200);
    rig.app.settled().await;
}

async fn ps_2_1_two_workspaces_have_two_sandbox_numbers(engine: Engine) {
    let rig = rig(engine).await;
    let owner = rig.app.owner().await;
    let other = rig.app.new_workspace("Otra", "vera").await;
    let vera = rig.app.sign_in("vera").await;
    let ours = owner.post("/channel-accounts/sandbox", json!({})).await.expect(201);
    let theirs = vera.post("/channel-accounts/sandbox", json!({})).await.expect(201);
    assert_ne!(ours["external_id"], theirs["external_id"]);
    assert_ne!(ours["settings"]["waba_id"], theirs["settings"]["waba_id"]);
    waiting(&owner).await;
    let waits = waiting(&vera).await;
    let people = rig.people().await;
    assert_eq!(people.len(), 2);
    // Somebody writes to the number of the second: the first hears nothing of it.
    rig.writes(
        &theirs["external_id"],
        people[0]["id"].as_str().unwrap(),
        "Para la otra",
    )
    .await;
    vera.until("/conversations?tray=unassigned", |l| {
        l.to_string().contains("Para la otra")
    })
    .await;
    let list = owner.get("/conversations?tray=unassigned").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert!(!list.to_string().contains("Para la otra"), "{list}");
    owner
        .get(&format!("/conversations/{}", waits["id"]))
        .await
        .problem(404, "not_found");
    owner
        .get(&format!("/channel-accounts/{}", theirs["id"]))
        .await
        .problem(404, "not_found");
    // An agent may neither have one nor ask.
    let ana = rig.app.member_of(other, "ana", Role::Agent).await;
    ana.post("/channel-accounts/sandbox", json!({}))
        .await
        .problem(403, "forbidden");
    ana.get("/channel-accounts/sandbox").await.problem(403, "forbidden");
}

async fn ps_2_1_without_a_sandbox_the_reason_is_named_and_nothing_is_kept(engine: Engine) {
    let app = TestApp::start(engine).await;
    let owner = app.owner().await;
    assert_eq!(
        owner.get("/channel-accounts/sandbox").await.expect(200)["available"],
        false
    );
    let off = owner
        .post("/channel-accounts/sandbox", json!({}))
        .await
        .problem(409, "sandbox_off");
    assert!(
        off.body["detail"].as_str().unwrap().contains("sandbox.url"),
        "{}",
        off.body
    );
    drop(app);
    // Named and away; there and with another key.
    let simulator = simulator().await;
    let base = simulator.base_url();
    let app = TestApp::start_with(engine, &[("sandbox.url", &base), ("sandbox.key", "another")]).await;
    let owner = app.owner().await;
    let refused = owner
        .post("/channel-accounts/sandbox", json!({}))
        .await
        .problem(502, "sandbox_refused");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("key"),
        "{}",
        refused.body
    );
    simulator.stop().await.expect("it stops");
    let away = owner
        .post("/channel-accounts/sandbox", json!({}))
        .await
        .problem(502, "sandbox_unreachable");
    assert!(
        !away.body.to_string().contains(&base),
        "the address is the operator's business: {}",
        away.body
    );
    assert_eq!(owner.get("/channel-accounts").await.expect(200)["items"], json!([]));
}

/// The same story on two numbers of one stand-in: one that the server takes for the platform itself, one of the sandbox.
/// Everything that is kept of them is the same but the mark, the address, and what names the number.
async fn plat_13_1_nothing_differs_but_the_base_address(engine: Engine) {
    let simulator = simulator().await;
    let (base, phone) = (simulator.base_url(), Browser::at(&simulator.base_url()));
    // Two spellings of one place, so that the account has to carry the address of its own.
    let sandbox = base.replace("127.0.0.1", "localhost");
    let settings = [
        ("meta.graph_url", base.as_str()),
        ("sandbox.url", &sandbox),
        ("sandbox.key", KEY),
    ];
    let rig = Rig {
        app: TestApp::start_with(engine, &settings).await,
        simulator,
        phone,
    };
    let owner = rig.app.owner().await;
    let form = json!({ "kind": "whatsapp", "name": "Número de prueba", "phone_number_id": "100000000000001",
        "waba_id": "200000000000001", "access_token": "sim-token", "app_secret": "sim-app-secret" });
    let real = owner.post("/channel-accounts", form).await.expect(201);
    let made = owner.post("/channel-accounts/sandbox", json!({})).await.expect(201);
    assert_eq!((&real["simulated"], &made["simulated"]), (&json!(false), &json!(true)));
    assert_eq!(real["settings"]["graph_url"], Value::Null);
    assert_eq!(made["settings"]["graph_url"], format!("{sandbox}/"));
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&real["settings"]),
        keys(&made["settings"]),
        "no switch but the address"
    );
    let hello = rig.people().await[0]["id"].as_str().unwrap().to_owned();
    let mut stories = Vec::new();
    for account in [&real, &made] {
        rig.writes(&account["external_id"], &hello, "¿Siguen ahí?").await;
        let of = format!("/conversations?tray=unassigned&channel={}", account["id"]);
        let list = owner.until(&of, |l| l.to_string().contains("¿Siguen ahí?")).await;
        let id = list["items"][0]["id"].clone();
        owner.post(&format!("/conversations/{id}/take"), json!({})).await.ok();
        let sent = owner.says(&id, "Sí, acá estamos").await;
        owner.message(&id, &sent["id"], |m| m["status"] == "delivered").await;
        assert_eq!(rig.received(&account["external_id"], &hello).await, ["Sí, acá estamos"]);
        let conversation = owner.get(&format!("/conversations/{id}")).await.expect(200);
        let mut messages = owner.messages(&id, 2).await;
        messages.retain(|m| m["content"]["text"] != "" && !m.to_string().contains("cliente simulado"));
        let story: Vec<Value> = messages.iter().map(plain).collect();
        assert_eq!(story.len(), 2);
        stories.push((story, plain(&conversation)));
    }
    assert_eq!(stories[0], stories[1]);
    rig.app.settled().await;
}

/// What is left of an object without names, times, and the mark.
fn plain(object: &Value) -> Value {
    const OWN: &[&str] = &[
        "id",
        "number",
        "conversation",
        "channel",
        "channel_account",
        "client_id",
        "provider_id",
        "simulated",
        "seq",
        "unread",
        "last_message",
        "epoch",
        "version",
    ];
    match object {
        Value::Object(map) => map
            .iter()
            .filter(|(key, value)| !OWN.contains(&key.as_str()) && !is_time(key, value))
            .map(|(key, value)| match value.as_object().filter(|_| key == "status_at") {
                // Which states it went through, not when.
                Some(states) => (key.clone(), states.keys().cloned().collect()),
                None => (key.clone(), plain(value)),
            })
            .collect(),
        Value::Array(list) => list.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// Milliseconds of this century.
fn is_time(key: &str, value: &Value) -> bool {
    (key == "at" || key.ends_with("_at") || key.ends_with("_since")) && value.as_i64().is_some_and(|n| n > 1 << 40)
}

macro_rules! both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Engine::Sqlite).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Engine::Postgres).await; })*
        }
    };
}

both! {
    ps_1_1_within_ten_seconds_of_one_click_a_simulated_customer_is_answered
    ps_2_1_clicking_twice_connects_one_sandbox_number
    ps_2_1_two_workspaces_have_two_sandbox_numbers
    ps_2_1_without_a_sandbox_the_reason_is_named_and_nothing_is_kept
    plat_13_1_nothing_differs_but_the_base_address
}
