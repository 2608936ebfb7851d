//! Skills: what agents can do and conversations ask for (routing rows 72 and 73).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

async fn skill(owner: &Browser, name: &str) -> Value {
    owner.post("/skills", json!({ "name": name })).await.expect(201)["id"].clone()
}

/// Gives an agent these skills and whatever else.
async fn edit_user(owner: &Browser, agent: &Browser, change: Value) -> Value {
    let path = format!("/users/{}", agent.agent);
    let version = owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
    owner.patch(&path, version, change).await.expect(200)
}

async fn edit_channel(owner: &Browser, id: i64, change: Value) -> ronda_testkit::Answer {
    let path = format!("/channel-accounts/{id}");
    let version = owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
    owner.patch(&path, version, change).await
}

async fn chat(by: &Browser, id: i64) -> Value {
    by.get(&format!("/conversations/{id}")).await.expect(200)
}

async fn why(by: &Browser, id: i64) -> Value {
    by.get(&format!("/conversations/{id}/routing")).await.expect(200)
}

/// Ana knows Portuguese, Luis does not; both are online and nothing is paced.
struct Team {
    owner: Browser,
    ana: Browser,
    luis: Browser,
    portuguese: Value,
    channel: i64,
    key: String,
    _screens: Vec<ronda_testkit::Screen>,
}

async fn team(app: &TestApp, changes: Value) -> Team {
    let owner = app.owner().await;
    let ana = app.member("ana", Role::Agent).await;
    let luis = app.member("luis", Role::Agent).await;
    let portuguese = skill(&owner, "portugués").await;
    edit_user(&owner, &ana, json!({ "skills": [portuguese] })).await;
    let (channel, key) = app.web_chat(&owner, json!({})).await;
    let screens = vec![ana.screen(None).await, luis.screen(None).await];
    let mut policy = json!({ "excluded": [owner.agent], "ramp": { "initial": 3, "interval_seconds": 0 } });
    for (field, value) in changes.as_object().into_iter().flatten() {
        policy[field] = value.clone();
    }
    app.policy(&owner, "support", policy).await;
    app.settled().await;
    Team {
        owner,
        ana,
        luis,
        portuguese,
        channel,
        key,
        _screens: screens,
    }
}

async fn arrives(app: &TestApp, key: &str) {
    app.visitor(key).await.writes("Olá").await;
    app.settled().await;
}

api_suite! {
    async fn a_skill_is_made_edited_and_deleted(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let made = owner.post("/skills", json!({ "name": "  Portugués " })).await.expect(201);
        assert_eq!((&made["name"], &made["agents"], &made["channels"]), (&json!("Portugués"), &json!(0), &json!(0)));
        let path = format!("/skills/{}", made["id"]);
        owner.post("/skills", json!({ "name": "PORTUGUES" })).await.wrong("/name", "taken");
        owner.post("/skills", json!({ "name": " " })).await.wrong("/name", "required");
        owner.post("/skills", json!({ "name": "x".repeat(41) })).await.wrong("/name", "too_long");
        let other = skill(&owner, "facturación").await;
        owner.patch(&format!("/skills/{other}"), 1, json!({ "name": "Português" })).await.wrong("/name", "taken");
        let renamed = owner.patch(&path, 1, json!({ "name": "Portugués de Brasil" })).await.expect(200);
        assert_eq!((&renamed["name"], &renamed["version"]), (&json!("Portugués de Brasil"), &json!(2)));
        owner.patch(&path, 1, json!({ "name": "X" })).await.problem(412, "version_mismatch");
        // Agents may know them: transfers name them.
        assert_eq!(ana.get("/skills").await.expect(200)["items"].as_array().unwrap().len(), 2);
        owner.delete(&path).await.expect(204);
        owner.get(&path).await.problem(404, "not_found");
        owner.delete(&path).await.problem(404, "not_found");
        assert_eq!(skill(&owner, "portugués de brasil").await.as_i64().map(|id| id > 0), Some(true), "the name is free again");
        let log = owner.get("/audit-entries?object=skills").await.expect(200);
        let actions: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
        assert_eq!(actions, ["created", "deleted", "updated", "created", "created"]);
    }

    async fn skills_weights_and_ranks_are_of_users(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (one, two) = (skill(&owner, "portugués").await, skill(&owner, "facturación").await);
        let path = format!("/users/{}", ana.agent);
        owner.patch(&path, 1, json!({ "skills": [one, 999_999], "weight": 0, "rank": -1 })).await.wrong("/skills/1", "unknown");
        owner.patch(&path, 1, json!({ "weight": 21 })).await.wrong("/weight", "out_of_range");
        owner.patch(&path, 1, json!({ "rank": 1_001 })).await.wrong("/rank", "out_of_range");
        let edited = edit_user(&owner, &ana, json!({ "skills": [two, one, two], "weight": 3, "rank": 7 })).await;
        assert_eq!((&edited["skills"], &edited["weight"], &edited["rank"]), (&json!([one, two]), &json!(3), &json!(7)));
        app.settled().await;
        assert_eq!(owner.get(&format!("/skills/{one}")).await.expect(200)["agents"], 1);
        // A deleted one is not shown, and a list without it is what stands.
        owner.delete(&format!("/skills/{one}")).await.expect(204);
        assert_eq!(owner.get(&path).await.expect(200)["skills"], json!([two]));
        let kept = edit_user(&owner, &ana, json!({ "skills": [] })).await;
        assert_eq!(kept["skills"], json!([]));
        app.settled().await;
    }

    /// The strategies that ask for them follow weight and rank: two to one, and the lowest first.
    async fn turns_follow_weights_and_ranks(app) {
        let t = team(app, json!({ "strategy": "weighted", "limit": null })).await;
        edit_user(&t.owner, &t.luis, json!({ "weight": 2 })).await;
        app.settled().await;
        for _ in 0..6 {
            arrives(app, &t.key).await;
        }
        let load = async |agent: &Browser| t.owner.get(&format!("/users/{}", agent.agent)).await.expect(200)["load"].clone();
        assert_eq!((load(&t.ana).await, load(&t.luis).await), (json!(2), json!(4)));
        let policy = json!({ "excluded": [t.owner.agent], "strategy": "ranked", "limit": null, "ramp": { "initial": 3, "interval_seconds": 0 } });
        app.policy(&t.owner, "support", policy).await;
        edit_user(&t.owner, &t.luis, json!({ "rank": 5 })).await;
        app.settled().await;
        for id in 7..=8 {
            arrives(app, &t.key).await;
            assert_eq!(chat(&t.owner, id).await["owner"]["id"], t.ana.agent.0, "rank 0 before rank 5");
        }
    }

    /// What a channel asks for: only who has it, whoever's turn it is.
    async fn row_72_a_channel_asks_for_a_skill(app) {
        let t = team(app, json!({})).await;
        edit_channel(&t.owner, t.channel, json!({ "skills": [999_999] })).await.wrong("/skills/0", "unknown");
        edit_channel(&t.owner, t.channel, json!({ "priority_minutes": 1_441 })).await.wrong("/priority_minutes", "out_of_range");
        let channel = edit_channel(&t.owner, t.channel, json!({ "skills": [t.portuguese], "priority_minutes": 5 })).await.expect(200);
        assert_eq!((&channel["skills"], &channel["priority_minutes"]), (&json!([t.portuguese]), &json!(5)));
        for id in 1..=3 {
            arrives(app, &t.key).await;
            assert_eq!(chat(&t.owner, id).await["owner"]["id"], t.ana.agent.0);
        }
        let shown = why(&t.owner, 1).await;
        assert_eq!(shown["skills"], json!([{ "id": t.portuguese, "name": "portugués" }]));
        let assigned = shown["decisions"].as_array().unwrap().iter().find(|d| d["act"] == "assign").unwrap();
        let lost = json!([{ "reason": "excluded", "count": 1 }, { "reason": "skill", "count": 1 }]);
        assert_eq!(assigned["funnel"]["lost"], lost, "Olga and Luis");
        assert_eq!(assigned["funnel"]["skills"], json!([{ "skill": t.portuguese, "have": 1, "name": "portugués" }]));
        // It stays with the chat through every change of owner.
        t.ana.post("/conversations/1/decline", json!({ "why": "no llego" })).await.expect(200);
        app.settled().await;
        assert_eq!(chat(&t.owner, 1).await["owner"], Value::Null);
        // A deleted skill is asked for by nothing new, and what asks for it still finds who has it.
        t.owner.delete(&format!("/skills/{}", t.portuguese)).await.expect(204);
        assert_eq!(t.owner.get(&format!("/channel-accounts/{}", t.channel)).await.expect(200)["skills"], json!([]));
        let berta = app.member("berta", Role::Agent).await;
        let _screen = berta.screen(None).await;
        arrives(app, &t.key).await;
        assert!(chat(&t.owner, 4).await["owner"]["id"] != json!(t.ana.agent), "least load, no skill asked for");
        t.owner.post("/conversations/1/transfer", json!({ "to": { "anyone": true } })).await.expect(200);
        app.settled().await;
        assert_eq!(why(&t.owner, 1).await["skills"][0]["name"], "portugués");
        assert_eq!(chat(&t.owner, 1).await["owner"]["id"], t.ana.agent.0);
    }

    /// "0 of 2 have it" is said at once, with its name, and a step stops asking for it.
    async fn row_72_what_nobody_can_do_is_told_at_once(app) {
        let steps = json!([{ "after_seconds": 20, "drop_skills": true }]);
        let t = team(app, json!({ "steps": steps })).await;
        let billing = skill(&t.owner, "facturación").await;
        edit_channel(&t.owner, t.channel, json!({ "skills": [t.portuguese, billing] })).await.expect(200);
        arrives(app, &t.key).await;
        let alerts = t.owner.get("/alerts").await.expect(200);
        let told = alerts["items"].as_array().unwrap().iter().find(|a| a["kind"] == "nobody_has_skill").expect("it is told");
        assert_eq!((&told["detail"]["name"], &told["detail"]["members"]), (&json!("facturación"), &json!(3)));
        let waits = why(&t.owner, 1).await["why_waiting"].clone();
        let have: Vec<(&Value, &Value)> = waits["skills"].as_array().unwrap().iter().map(|s| (&s["name"], &s["have"])).collect();
        assert_eq!(have, [(&json!("portugués"), &json!(1)), (&json!("facturación"), &json!(0))]);
        assert!(waits["lost"].as_array().unwrap().contains(&json!({ "reason": "skill", "count": 2 })), "{waits}");
        assert_eq!(waits["next_change"]["what"], "step");
        let wall = t.owner.get("/routing/overview").await.expect(200);
        let queue = wall["queues"].as_array().unwrap().iter().find(|q| q["waiting"] == 1).unwrap().clone();
        assert_eq!((&queue["skills"][1]["name"], &queue["next_change"]), (&json!("facturación"), &waits["next_change"]));
        app.advance(21_000);
        app.settled().await;
        assert!(chat(&t.owner, 1).await["owner"]["id"].is_i64(), "skills are no longer asked for");
    }

    /// Given with a transfer to a queue, it replaces what the chat asked for; left out, that stays.
    async fn row_72_a_transfer_asks_for_skills(app) {
        let t = team(app, json!({})).await;
        let group = t.owner.post("/groups", json!({ "name": "Soporte", "members": [t.ana.agent, t.luis.agent] })).await.expect(201)["id"].clone();
        arrives(app, &t.key).await;
        t.owner.post("/conversations/1/take", json!({})).await.expect(200);
        let asks = |skills: Value| json!({ "to": { "group": group }, "skills": skills });
        t.owner.post("/conversations/1/transfer", asks(json!([999_999]))).await.wrong("/skills/0", "unknown");
        let named = json!({ "to": { "agent": t.ana.agent }, "skills": [t.portuguese] });
        t.owner.post("/conversations/1/transfer", named).await.wrong("/skills", "one_of");
        t.owner.post("/conversations/1/transfer", asks(json!([t.portuguese]))).await.expect(200);
        app.settled().await;
        assert_eq!(chat(&t.owner, 1).await["owner"]["id"], t.ana.agent.0);
        t.ana.post("/conversations/1/transfer", json!({ "to": { "group": group } })).await.expect(200);
        app.settled().await;
        assert_eq!(chat(&t.owner, 1).await["owner"], Value::Null, "Luis has it not, and Ana gave it away");
        t.owner.post("/conversations/1/transfer", asks(json!([]))).await.expect(200);
        app.settled().await;
        assert!(chat(&t.owner, 1).await["owner"]["id"].is_i64());
        assert_eq!(why(&t.owner, 1).await["skills"], json!([]));
    }

    /// Asked for with a conversation that we begin: its customer's answer goes to who has it, the sender or not.
    async fn row_72_a_conversation_that_is_begun_asks_for_skills(app) {
        let s = crate::whatsapp::scene(app).await;
        let luis = app.member("luis", Role::Agent).await;
        let _screen = luis.screen(None).await;
        let portuguese = skill(&s.owner, "portugués").await;
        edit_user(&s.owner, &s.ana, json!({ "skills": [portuguese] })).await;
        app.settled().await;
        let start = |skills: Value| {
            let parameters = json!([{ "type": "text", "text": "Marta" }]);
            let content = json!({ "type": "template", "name": "bienvenida", "language": "es_AR",
                "components": [{ "type": "body", "parameters": parameters }] });
            json!({ "channel_account": s.graph.account, "phone": "+5491155552001", "skills": skills,
                "client_id": uuid::Uuid::now_v7(), "content": content })
        };
        luis.post("/conversations", start(json!([999_999]))).await.wrong("/skills/0", "unknown");
        let begun = luis.post("/conversations", start(json!([portuguese]))).await.expect(201)["conversation"].clone();
        assert_eq!(begun["owner"]["id"], luis.agent.0);
        let now = app.clock.now().0;
        let answer = ronda_testkit::text("wamid.R", "5491155552001", now, "Olá");
        s.graph.delivers(json!({ "messages": [answer] })).await.expect(200);
        let path = format!("/conversations/{}", begun["id"]);
        let held = s.owner.until(&path, |c| c["place"] == "held").await;
        assert_eq!(held["owner"]["id"], s.ana.agent.0);
        let shown = s.owner.get(&format!("{path}/routing")).await.expect(200);
        assert_eq!(shown["skills"][0]["name"], "portugués");
        let entered = shown["decisions"].as_array().unwrap().iter().find(|d| d["act"] == "enqueue").unwrap();
        assert_eq!(entered["reason"]["params"], json!({ "agent": luis.agent, "why": "skill" }), "the sender lacks it");
        app.settled().await;
    }
}
