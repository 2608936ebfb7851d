//! What the platform delivers, and what it should not (spec PS-2, meta-platform §2).

use crate::whatsapp::scene;
use ronda_testkit::{Engine, TestApp, api_suite, text};
use serde_json::{Value, json};

fn body(number: &str, value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value["metadata"] = json!({ "phone_number_id": number });
    json!({ "object": "whatsapp_business_account",
        "entry": [{ "id": "200000000000001", "changes": [{ "field": "messages", "value": value }] }] })
    .to_string()
    .into_bytes()
}

async fn installation_wide(engine: Engine) {
    let settings = [
        ("meta.app_secret", "of the installation"),
        ("meta.verify_token", "a word of ours"),
    ];
    let app = TestApp::start_with(engine, &settings).await;
    let owner = app.owner().await;
    let graph = app.whatsapp_with(&owner, json!({ "app_secret": null }), |_| {}).await;
    let hello = |token: &str| format!("/webhooks/meta?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=12345");
    let browser = app.browser();
    let greeted = browser
        .send(browser.outside("GET", &hello("a%20word%20of%20ours")))
        .await;
    assert_eq!((greeted.status, &greeted.body), (200, &json!(12345)));
    browser
        .send(browser.outside("GET", &hello("another")))
        .await
        .problem(403, "verify_token");
    let now = app.clock.now().0;
    let hola = body(
        "100000000000001",
        &json!({ "messages": [text("wamid.1", "5491155552001", now, "Hola")] }),
    );
    graph
        .posts("/webhooks/meta", &hola, "sim-app-secret")
        .await
        .problem(401, "signature");
    graph
        .posts("/webhooks/meta", &hola, "of the installation")
        .await
        .expect(200);
    let list = owner
        .until("/conversations?tray=unassigned", |l| {
            !l["items"].as_array().unwrap().is_empty()
        })
        .await;
    assert_eq!(list["items"][0]["last_message"]["preview"], "Hola");
    // A part that is not understood is found by the people of the number it came with.
    let odd = body("100000000000001", &json!({ "messages": [7] }));
    graph
        .posts("/webhooks/meta", &odd, "of the installation")
        .await
        .expect(200);
    let kept = owner
        .until("/inbound-failures", |l| !l["items"].as_array().unwrap().is_empty())
        .await;
    assert_eq!(kept["items"][0]["pointer"], "/entry/0/changes/0/value/messages/0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ps_2_the_installation_s_app_delivers_for_all_numbers_sqlite() {
    installation_wide(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ps_2_the_installation_s_app_delivers_for_all_numbers_postgres() {
    installation_wide(Engine::Postgres).await;
}

api_suite! {
    async fn ps_2_the_callback_proves_itself_with_the_verify_token_only(app) {
        let s = scene(app).await;
        let token = s.graph.connected["verify_token"].as_str().unwrap();
        assert_eq!(token.len(), 32);
        let browser = app.browser();
        let ask = |path: &str, token: &str| {
            let path = format!("{path}?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=987");
            browser.outside("GET", &path)
        };
        assert_eq!(browser.send(ask(&s.graph.webhook, token)).await.expect(200), json!(987));
        browser.send(ask(&s.graph.webhook, "x")).await.problem(403, "verify_token");
        browser.send(ask("/webhooks/meta", "")).await.problem(403, "verify_token");
        assert_eq!(browser.send(ask("/webhooks/meta/nonsense", token)).await.status, 404);
        let unsigned = browser.outside("POST", &s.graph.webhook).body("{}");
        browser.send(unsigned).await.problem(401, "signature");
        // Without an app of the installation, its callback believes nobody.
        s.graph.posts("/webhooks/meta", b"{}", "").await.problem(401, "signature");
    }

    async fn what_is_not_understood_is_kept_and_read_again_on_demand(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        let known = text("wamid.1", "5491155552001", now, "Hola");
        let value = json!({ "messages": [known, { "type": "text" }, { "id": "wamid.9", "type": "text", "text": { "body": "¿quién?" } }], "statuses": "none" });
        s.graph.delivers(value).await.expect(200);
        s.graph.posts(&s.graph.webhook, b"this is not JSON {", "sim-app-secret").await.expect(200);
        s.graph.posts(&s.graph.webhook, b"[]", "sim-app-secret").await.expect(200);
        let held = s.ana.holds().await;
        let kept = s.owner.until("/inbound-failures", |l| l["items"].as_array().unwrap().len() == 5).await;
        for part in kept["items"].as_array().unwrap() {
            assert!(!part["reason"].as_str().unwrap().is_empty(), "{part}");
        }
        // A number that is connected only later.
        let later = text("wamid.2", "5491155552002", now, "¿Se puede?");
        s.graph.posts(&s.graph.webhook, &body("100000000000002", &json!({ "messages": [later, known] })), "sim-app-secret").await.expect(200);
        let kept = s.owner.until("/inbound-failures", |l| l["items"].as_array().unwrap().len() == 7).await;
        let part = kept["items"].as_array().unwrap().iter().find(|p| p["raw"].to_string().contains("¿Se puede?")).unwrap();
        assert!(part["reason"].as_str().unwrap().contains("number"), "{part}");
        let second = ronda_simulator::Number { phone_number_id: "100000000000002".into(), ..ronda_simulator::Number::default() };
        let simulator = app.simulator(|c| c.numbers = vec![second]).await;
        let connect = json!({ "kind": "whatsapp", "name": "Otra", "phone_number_id": "100000000000002",
            "waba_id": "200000000000001", "access_token": "sim-token", "graph_url": simulator.base_url() });
        s.owner.post("/channel-accounts", connect).await.expect(201);
        s.owner.post(&format!("/inbound-failures/{}/replay", part["id"]), json!({})).await.expect(204);
        let all = s.owner.until("/conversations?tray=agents", |l| l["items"].as_array().unwrap().len() == 3).await;
        assert!(all.to_string().contains("¿Se puede?"));
        let kept = s.owner.get("/inbound-failures").await.expect(200);
        let again = kept["items"].as_array().unwrap().iter().find(|p| p["id"] == part["id"]).unwrap();
        assert!(again["replayed_at"].is_i64());
        assert_eq!(kept["items"].as_array().unwrap().len(), 7, "all of it was understood");
        assert_eq!(s.ana.messages(&held["id"], 1).await.len(), 1, "nothing came twice");
        app.settled().await;
    }

    async fn a_body_above_4_mb_is_refused(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        let large = text("wamid.1", "5491155552001", now, &"a".repeat((3 << 20) + (1 << 19)));
        let fits = body("100000000000001", &json!({ "messages": [large] }));
        assert_eq!(s.graph.posts(&s.graph.webhook, &fits, "sim-app-secret").await.status, 200);
        let too_large = vec![b' '; (4 << 20) + 1];
        assert_eq!(s.graph.posts(&s.graph.webhook, &too_large, "sim-app-secret").await.status, 413);
        s.ana.holds().await;
    }

    async fn an_app_of_one_workspace_does_not_speak_for_the_numbers_of_another(app) {
        let s = scene(app).await;
        app.new_workspace("Vecina", "vera").await;
        let vera = app.sign_in("vera").await;
        let second = ronda_simulator::Number { phone_number_id: "100000000000002".into(), waba_id: "200000000000002".into(), ..ronda_simulator::Number::default() };
        let hers = app.whatsapp_with(&vera, json!({ "phone_number_id": "100000000000002", "waba_id": "200000000000002" }), |c| c.numbers = vec![second]).await;
        let now = app.clock.now().0;
        let forged = body("100000000000001", &json!({ "messages": [text("wamid.1", "5491155552001", now, "soy de otro")] }));
        hers.posts(&hers.webhook, &forged, "sim-app-secret").await.expect(200);
        let kept = vera.until("/inbound-failures", |l| !l["items"].as_array().unwrap().is_empty()).await;
        assert!(kept.to_string().contains("soy de otro"));
        assert_eq!(s.owner.get("/conversations/counts").await.expect(200)["agents"]["active"], 0);
        assert_eq!(s.owner.get("/inbound-failures").await.expect(200)["items"], json!([]));
    }

    async fn news_about_the_number_reach_its_health(app) {
        let s = scene(app).await;
        let mut told = s.owner.screen(None).await;
        let news = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "200000000000001", "time": 1_900_000_000,
            "changes": [{ "field": "account_update", "value": { "event": "ACCOUNT_RESTRICTION", "phone_number": "5491155550100" } }] }] });
        s.graph.posts(&s.graph.webhook, news.to_string().as_bytes(), "sim-app-secret").await.expect(200);
        told.until("channel.changed", |c| c["id"] == s.graph.account).await;
        let path = format!("/channel-accounts/{}", s.graph.account);
        let health = s.owner.until(&path, |a| a["health"]["last_update"]["event"] == "ACCOUNT_RESTRICTION").await;
        assert_eq!(health["health"]["subscribed"], true, "what was known before stays");
    }
}
