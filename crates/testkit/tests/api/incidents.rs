//! Failures of service: closings of conversations that are owed a reply, told before and recorded after (spec CORE-2).

use crate::whatsapp::scene;
use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, Visitor, api_suite};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;

async fn waiting(app: &TestApp, owner: &Browser) -> Visitor {
    let (_, key) = app.web_chat(owner, json!({})).await;
    let visitor = app.visitor(&key).await;
    visitor.writes("Hola, ¿hay alguien?").await;
    app.settled().await;
    visitor
}

async fn kinds(by: &Browser) -> Vec<String> {
    let alerts = by.get("/alerts").await.expect(200);
    let items = alerts["items"].as_array().unwrap();
    items.iter().map(|a| a["kind"].as_str().unwrap().to_owned()).collect()
}

fn one(page: &Value) -> &Value {
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    &page["items"][0]
}

api_suite! {
    /// Given an unanswered chat closed by time, then one incident with who had it and how long the customer waited; two
    /// hours before, supervisors and the owner of the chat are told, once.
    async fn core_2_4_a_closing_while_owed_is_told_before_and_recorded_after(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let visitor = waiting(app, &owner).await;
        // Nothing is given or taken away automatically, whoever is there.
        let by_hand = json!({ "excluded": [owner.agent, ana.agent, berta.agent], "reassign_seconds": null });
        app.policy(&owner, "sales", by_hand).await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        app.advance(HOUR);
        // A colleague has it for the rest.
        owner.post("/conversations/1/transfer", json!({ "to": { "agent": berta.agent } })).await.expect(200);
        let mut screen = berta.screen(None).await;
        app.advance(21 * HOUR - 60_000);
        app.settled().await;
        let berta = app.sign_in("berta").await;
        assert!(!kinds(&berta).await.contains(&"closing_soon".to_owned()));
        app.advance(120_000);
        let alert = screen.until("alert.raised", |a| a["kind"] == "closing_soon").await;
        assert_eq!((&alert["conversation"]["number"], &alert["agent"]["id"]), (&json!(1), &json!(berta.agent)));
        let olga = app.sign_in("olga").await;
        olga.until("/alerts", |a| a["items"].as_array().unwrap().iter().any(|a| a["kind"] == "closing_soon")).await;
        let ana = app.sign_in("ana").await;
        assert_eq!(kinds(&ana).await, Vec::<String>::new(), "it is not hers");
        app.advance(2 * HOUR);
        app.settled().await;
        let olga = app.sign_in("olga").await;
        let incidents = olga.until("/incidents", |i| !i["items"].as_array().unwrap().is_empty()).await;
        let incident = one(&incidents);
        assert_eq!((&incident["kind"], &incident["phase"]), (&json!("closed_unanswered"), &json!("agent")), "{incident}");
        let waited = incident["waited"].as_i64().unwrap();
        assert!((24 * HOUR..24 * HOUR + 600_000).contains(&waited), "{incident}");
        let owners: Vec<&Value> = incident["owners"].as_array().unwrap().iter().map(|o| &o["name"]).collect();
        assert_eq!(owners, ["Ana", "Berta"], "{incident}");
        let times: i64 = incident["owners"].as_array().unwrap().iter().map(|o| o["to"].as_i64().unwrap() - o["from"].as_i64().unwrap()).sum();
        assert!(times <= waited && times > 23 * HOUR, "{incident}");
        let told = kinds(&olga).await.into_iter().filter(|k| k == "closing_soon").count();
        assert_eq!(told, 1, "once");
        assert_eq!(kinds(&olga).await.into_iter().filter(|k| k == "closed_unanswered").count(), 1);
        let past = format!("/incidents?to={}", incident["at"]);
        assert_eq!(olga.get(&past).await.expect(200)["items"], json!([]));
        drop(visitor);
    }

    /// Given the value changed from 24 h to 1 h, then the open chats older than 1 h are listed before anything closes.
    async fn core_2_5_a_shorter_period_lists_what_it_closes(app) {
        let owner = app.owner().await;
        waiting(app, &owner).await;
        app.advance(2 * HOUR);
        let owner = app.sign_in("olga").await;
        let shorter = json!({ "auto_close": { "waiting": 60 } });
        let asked = owner.patch("/workspace", 1, shorter).await;
        let findings = asked.body["findings"].clone();
        asked.problem(409, "needs_confirmation");
        let listed = &findings;
        assert_eq!(listed["closing"]["waiting"], 1, "{listed}");
        assert_eq!(listed["conversations"][0]["number"], 1, "{listed}");
        assert_eq!(owner.get("/workspace").await.expect(200)["auto_close"]["waiting"], 1_440);
        assert_eq!(owner.get("/conversations/1").await.expect(200)["place"], "waiting");
        let confirmed = json!({ "auto_close": { "waiting": 60 }, "confirm": true });
        owner.patch("/workspace", 1, confirmed).await.expect(200);
        owner.until("/conversations/1", |c| c["place"] == "closed").await;
    }

    /// Given a channel that fails, then it is news at the first failed call, and its end too; what was refused for good
    /// is in the list of failed messages.
    async fn cp_1_3_a_failing_channel_is_news_at_the_first_failed_call(app) {
        // The number is simulated: only where everything is does it count.
        app.all_simulated().await;
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let condition = async || s.owner.get("/routing/overview").await.expect(200)["channels"][0].clone();
        assert_eq!(condition().await["failing_since"], Value::Null);
        let mut screen = s.owner.screen(None).await;
        s.graph.faults(json!({ "error_code": 131_016, "error_rate": 1.0 })).await;
        s.ana.says(&held["id"], "¿Cómo va?").await;
        screen.until("channel.changed", |c| c["status"] == "failing").await;
        let failing = condition().await;
        assert!(failing["failing_since"].is_i64() && failing["failing_error"].is_string(), "{failing}");
        s.graph.faults(json!({})).await;
        app.advance(120_000);
        screen.until("channel.changed", |c| c["status"] == "working").await;
        assert_eq!(condition().await["failing_since"], Value::Null);
        // What is refused for good is in the list of failed messages, and the channel works.
        s.graph.faults(json!({ "error_code": 131_026, "error_rate": 1.0 })).await;
        let refused = s.ana.says(&held["id"], "¿Seguís ahí?").await;
        let list = s.owner.until("/failed-messages", |l| !l["items"].as_array().unwrap().is_empty()).await;
        let failed = one(&list);
        assert_eq!((&failed["id"], &failed["preview"], &failed["agent"]["name"]), (&refused["id"], &json!("¿Seguís ahí?"), &json!("Ana")), "{failed}");
        assert!(failed["error"]["code"] == 131_026 && failed["conversation"]["id"] == held["id"], "{failed}");
        assert_eq!(s.owner.get("/routing/overview").await.expect(200)["failed_today"], 1);
        assert_eq!(condition().await["failing_since"], Value::Null);
    }

    async fn cp_1_failed_messages_are_listed_for_supervisors(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        assert_eq!(owner.get("/failed-messages").await.expect(200)["items"], json!([]));
        owner.get("/failed-messages?limit=0").await.wrong("/query/limit", "out_of_range");
        ana.get("/failed-messages").await.problem(403, "forbidden");
    }
}
