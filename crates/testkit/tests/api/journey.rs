//! The main job, end to end over the real interfaces: a customer writes, the right agent answers.

use ronda_domain::permission::Role;
use ronda_testkit::api_suite;
use serde_json::json;

fn text(text: &str) -> serde_json::Value {
    json!({ "client_id": uuid::Uuid::now_v7().to_string(), "content": { "type": "text", "text": text } })
}

api_suite! {
    async fn a_visitor_writes_and_the_agent_who_is_online_answers(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({})).await;
        let mut screen = ana.screen(None).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola, ¿tienen envíos a Córdoba?").await;
        let mine = ana.agent.0;
        let held = screen.until("conversation.changed", |c| c["owner"]["id"] == mine).await;
        assert_eq!(held["place"], "held");
        assert_eq!(held["phase"], "unanswered");
        assert_eq!(held["last_message"]["preview"], "Hola, ¿tienen envíos a Córdoba?");
        let path = format!("/conversations/{}/messages", held["id"]);
        let sent = ana.post(&path, text("¡Hola! Sí, en 48 horas.")).await.expect(201);
        assert_eq!(sent["conversation"]["owed_since"], serde_json::Value::Null);
        let seen = visitor.reads(0).await;
        assert_eq!(seen["items"][1]["content"]["text"], "¡Hola! Sí, en 48 horas.");
        assert_eq!(seen["items"][1]["from"], "agent");
        assert_eq!(seen["conversation"]["state"], "held");
        app.settled().await;
        let closed = ana.post(&format!("/conversations/{}/close", held["id"]), json!({})).await.expect(200);
        assert_eq!(closed["conversation"]["place"], "closed");
        assert_eq!(closed["conversation"]["close_reason"], "agent");
        app.settled().await;
        let log = owner.get("/routing-decisions").await.expect(200);
        let acts: Vec<&str> = log["items"].as_array().unwrap().iter().map(|d| d["act"].as_str().unwrap()).collect();
        assert_eq!(acts, ["close", "assign", "enqueue"]);
    }

    async fn cp_11_1_a_silent_agent_loses_the_chat_to_the_next(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let luis = app.member("luis", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("¿Hay alguien?").await;
        app.settled().await;
        let list = owner.get("/conversations?tray=agents").await.expect(200);
        let first = list["items"][0]["owner"]["id"].as_i64().unwrap();
        assert!(first == ana.agent.0 || first == luis.agent.0);
        app.advance(59_000);
        app.settled().await;
        let list = owner.get("/conversations?tray=agents").await.expect(200);
        assert_eq!(list["items"][0]["owner"]["id"], first, "not before its time");
        app.advance(1_500);
        app.settled().await;
        let list = owner.get("/conversations?tray=agents").await.expect(200);
        let second = list["items"][0]["owner"]["id"].as_i64().unwrap();
        assert!(second != first && (second == ana.agent.0 || second == luis.agent.0));
    }
}
