//! What becomes of a chat that waits: groups that are empty, steps, the longest wait (routing rows 67, 68, 71, 73).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, Visitor, api_suite};
use serde_json::{Value, json};

async fn chat(by: &Browser, id: i64) -> Value {
    by.get(&format!("/conversations/{id}")).await.expect(200)
}

async fn why(by: &Browser, id: i64) -> Value {
    by.get(&format!("/conversations/{id}/routing")).await.expect(200)["why_waiting"].clone()
}

async fn alerts(by: &Browser, kind: &str) -> usize {
    let list = by.get("/alerts").await.expect(200);
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["kind"] == kind)
        .count()
}

/// The acts decided about a conversation, oldest first.
async fn acts(by: &Browser, id: i64) -> Vec<String> {
    let log = by
        .get(&format!("/routing-decisions?conversation={id}&limit=100"))
        .await
        .expect(200);
    let acts = log["items"].as_array().unwrap().iter();
    acts.map(|d| d["act"].as_str().unwrap().to_owned()).rev().collect()
}

/// Time passes as it does: in pieces, each planned.
async fn pass(app: &TestApp, seconds: i64) {
    for _ in 0..seconds / 20 {
        app.advance(20_000);
        app.settled().await;
    }
    app.advance(seconds % 20 * 1_000);
    app.settled().await;
}

async fn group(owner: &Browser, name: &str, fields: Value) -> i64 {
    let mut body = json!({ "name": name });
    for (field, value) in fields.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    owner.post("/groups", body).await.expect(201)["id"].as_i64().unwrap()
}

/// A chat of a group in which nobody can take it: Ana is excluded.
struct Waiting {
    owner: Browser,
    ana: Browser,
    group: i64,
    key: String,
    visitor: Visitor,
    _screens: Vec<ronda_testkit::Screen>,
}

async fn waiting(app: &TestApp, changes: Value) -> Waiting {
    let owner = app.owner().await;
    let ana = app.member("ana", Role::Agent).await;
    let id = group(&owner, "Ventas", json!({ "members": [ana.agent] })).await;
    let (_, key) = app.web_chat(&owner, json!({ "default_group": id })).await;
    let screens = vec![ana.screen(None).await];
    let mut policy = json!({ "excluded": [owner.agent, ana.agent], "ramp": { "initial": 3, "interval_seconds": 0 } });
    for (field, value) in changes.as_object().into_iter().flatten() {
        policy[field] = value.clone();
    }
    app.policy(&owner, "support", policy).await;
    let visitor = app.visitor(&key).await;
    visitor.writes("Hola").await;
    app.settled().await;
    assert_eq!(chat(&owner, 1).await["place"], "waiting");
    Waiting {
        owner,
        ana,
        group: id,
        key,
        visitor,
        _screens: screens,
    }
}

api_suite! {
    /// Who leaves a group keeps what they hold, flagged; who is suspended gives it back at once, at its place in time.
    async fn row_67_who_leaves_a_group_keeps_and_who_is_suspended_gives_back(app) {
        let w = waiting(app, json!({})).await;
        let since = chat(&w.owner, 1).await["owed_since"].clone();
        w.ana.post("/conversations/1/take", json!({})).await.expect(200);
        let path = format!("/users/{}", w.ana.agent);
        let version = w.owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        w.owner.patch(&path, version, json!({ "groups": [] })).await.expect(200);
        app.settled().await;
        let held = chat(&w.owner, 1).await;
        assert_eq!((&held["owner"]["id"], &held["outside_group"]), (&json!(w.ana.agent), &json!(true)));
        let version = w.owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        w.owner.patch(&path, version, json!({ "status": "suspended" })).await.expect(200);
        app.settled().await;
        let back = chat(&w.owner, 1).await;
        assert_eq!((&back["place"], &back["owner"], &back["owed_since"]), (&json!("waiting"), &Value::Null, &since));
        assert!(acts(&w.owner, 1).await.contains(&"requeue".to_owned()));
    }

    /// An empty group is helped by the one it names, then by the default; without either it stays and that is told.
    async fn cp_7_4_row_68_an_empty_group_is_helped_or_told(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let _screen = ana.screen(None).await;
        let help = group(&owner, "Ayuda", json!({ "members": [ana.agent] })).await;
        let empty = group(&owner, "Ventas", json!({})).await;
        let (channel, key) = app.web_chat(&owner, json!({ "default_group": empty })).await;
        app.policy(&owner, "support", json!({ "excluded": [owner.agent] })).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        assert_eq!((&chat(&owner, 1).await["place"], alerts(&owner, "empty_group").await), (&json!("waiting"), 1));
        // The next one that comes finds the group that helps.
        owner.patch(&format!("/groups/{empty}"), 1, json!({ "overflow_group": help })).await.expect(200);
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        let helped = chat(&owner, 2).await;
        assert_eq!((&helped["group"]["id"], &helped["owner"]["id"]), (&json!(help), &json!(ana.agent)));
        assert!(acts(&owner, 2).await.contains(&"overflow".to_owned()));
        assert_eq!(alerts(&owner, "empty_group").await, 1);
        // Nothing live is lost with its group: it is deleted with an heir.
        let asked = owner.delete(&format!("/groups/{help}")).await.problem(409, "needs_confirmation");
        assert_eq!(asked.body["findings"]["live_conversations"].as_i64().map(|n| n > 0), Some(true));
        owner.delete(&format!("/groups/{help}?heir={empty}")).await.ok();
        app.settled().await;
        let inherited = chat(&owner, 2).await;
        assert_eq!((&inherited["group"]["id"], &inherited["owner"]["id"]), (&json!(empty), &json!(ana.agent)));
        assert_eq!(owner.get(&format!("/channel-accounts/{channel}")).await.expect(200)["default_group"], json!(empty));
        // The default group is asked where nobody else helps.
        let default = group(&owner, "Todos", json!({ "members": [ana.agent], "default": true })).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        assert_eq!(chat(&owner, 3).await["group"]["id"], json!(default));
    }

    /// The longest wait tells the customer, once, and is told to supervisors; the chat goes on waiting.
    async fn row_71_the_longest_wait_tells_the_customer(app) {
        let longest = json!({ "after_seconds": 60, "action": "offer_callback", "text": "¿Te llamamos?" });
        let w = waiting(app, json!({ "max_wait": longest })).await;
        let next = why(&w.owner, 1).await["next_change"].clone();
        assert_eq!(next["what"], "wait_over");
        let since = chat(&w.owner, 1).await["owed_since"].as_i64().unwrap();
        assert!((since + 59_000..=since + 65_000).contains(&next["at"].as_i64().unwrap()), "{next}");
        let said = async || {
            let all = w.visitor.reads(0).await;
            all["items"].as_array().unwrap().iter().filter(|m| m.to_string().contains("¿Te llamamos?")).count()
        };
        pass(app, 40).await;
        assert_eq!((said().await, alerts(&w.owner, "wait_over").await), (0, 0));
        pass(app, 30).await;
        assert_eq!((said().await, alerts(&w.owner, "wait_over").await), (1, 1));
        assert_eq!(chat(&w.owner, 1).await["place"], "waiting", "never dropped");
        pass(app, 80).await;
        assert_eq!(said().await, 1, "once");
    }

    /// It may also move to the front, before what came earlier.
    async fn row_71_the_longest_wait_moves_to_the_front(app) {
        let w = waiting(app, json!({ "max_wait": { "after_seconds": 40, "action": "raise" } })).await;
        pass(app, 20).await;
        app.visitor(&w.key).await.writes("Yo llegué después").await;
        app.settled().await;
        pass(app, 25).await;
        let place = async |id: i64| w.owner.get(&format!("/conversations/{id}/routing")).await.expect(200)["position"].clone();
        assert_eq!((place(1).await, place(2).await), (json!({ "place": 1, "of": 2 }), json!({ "place": 2, "of": 2 })));
        assert_eq!(acts(&w.owner, 1).await, ["enqueue", "wait_over"]);
    }

    /// Or go back to the bot, whose greeter then has it again.
    async fn row_71_the_longest_wait_gives_it_back_to_the_bot(app) {
        let w = waiting(app, json!({ "max_wait": { "after_seconds": 40, "action": "return_to_bot" } })).await;
        pass(app, 45).await;
        assert_eq!(chat(&w.owner, 1).await["place"], "bot");
        assert_eq!(acts(&w.owner, 1).await, ["enqueue", "return_to_bot"]);
        w.visitor.writes("¿Hay alguien?").await;
        app.settled().await;
        assert_eq!(chat(&w.owner, 1).await["place"], "waiting", "whoever writes again asks again");
    }

    /// Steps count from the step before; the longest wait counts from the beginning and takes all steps at once.
    async fn row_73_steps_are_relative_and_the_longest_wait_is_absolute(app) {
        let owner = app.owner().await;
        let berta = app.member("berta", Role::Agent).await;
        let other = group(&owner, "Soporte", json!({ "members": [berta.agent] })).await;
        let steps = json!([
            { "after_seconds": 20, "raise_minutes": 5 },
            { "after_seconds": 30, "raise_minutes": 5 },
            { "after_seconds": 600, "add_groups": [other] },
        ]);
        let w = waiting(app, json!({ "steps": steps, "max_wait": { "after_seconds": 80, "action": "widen" } })).await;
        let begun = chat(&w.owner, 1).await["waiting_since"].as_i64().unwrap();
        let next = async || {
            let next = why(&w.owner, 1).await["next_change"].clone();
            (next["what"].as_str().unwrap().to_owned(), (next["at"].as_i64().unwrap() - begun) / 1_000)
        };
        assert_eq!(next().await, ("step".into(), 20));
        pass(app, 21).await;
        assert_eq!(next().await, ("step".into(), 50), "30 s after the first");
        pass(app, 30).await;
        assert_eq!(next().await, ("wait_over".into(), 80), "before the last step, which would come at 650 s");
        let _screen = berta.screen(None).await;
        app.settled().await;
        assert_eq!(chat(&w.owner, 1).await["owner"], Value::Null, "Berta is not asked yet");
        pass(app, 30).await;
        assert_eq!(chat(&w.owner, 1).await["owner"]["id"], berta.agent.0);
        assert_eq!(acts(&w.owner, 1).await, ["enqueue", "widen", "widen", "wait_over", "assign"]);
        assert_eq!(chat(&w.owner, 1).await["group"]["id"], json!(w.group), "it is still of its group");
    }

    /// A number that nobody could mean is named at its field, before saving and when saved, of a group too.
    async fn cp_11_numbers_out_of_range_are_named_at_their_fields(app) {
        let owner = app.owner().await;
        let group = owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201)["id"].clone();
        let mut policy = owner.get("/routing-policies/presets").await.expect(200)["support"].clone();
        let wrong = ["/gone_grace_seconds", "/hard_cap/percent", "/max_backlog_age_seconds", "/max_transfers", "/ramp/initial"];
        for pointer in wrong {
            *policy.pointer_mut(pointer).unwrap() = json!(99_999_999);
        }
        let groups = json!({ group.to_string(): { "typing_grace_seconds": 99_999_999 } });
        let preview = owner.post("/routing-policies/preview", json!({ "policy": policy })).await.expect(200);
        let findings = preview["findings"].as_array().unwrap();
        for pointer in wrong {
            assert!(findings.iter().any(|f| f["pointer"] == pointer && f["code"] == "value_out_of_range" && f["severity"] == "error"), "{pointer} in {findings:?}");
        }
        let save = owner.post("/routing-policies", json!({ "policy": policy, "groups": groups })).await.problem(422, "invalid");
        let named: Vec<&str> = save.body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        for pointer in wrong {
            assert!(named.contains(&format!("/policy{pointer}").as_str()), "{pointer} in {named:?}");
        }
        assert!(named.contains(&format!("/groups/{group}/typing_grace_seconds").as_str()), "{named:?}");
        assert_eq!(owner.get("/routing-policies/current").await.expect(200)["version"], 0, "nothing was saved");
    }

    /// What is wrong with steps and waits is named at its field, before saving and when saved.
    async fn row_73_findings_name_their_fields(app) {
        let owner = app.owner().await;
        let mut policy = owner.get("/routing-policies/presets").await.expect(200)["support"].clone();
        policy["steps"] = json!([{ "after_seconds": 60 }, { "after_seconds": 0, "raise_minutes": 2_000 }, { "after_seconds": 60, "add_groups": [999_999] }]);
        policy["max_wait"] = json!({ "after_seconds": 100_000, "action": "tell_customer" });
        policy["escalation_seconds"] = json!([300, 0]);
        policy["rounds"] = json!(0);
        let save = owner.post("/routing-policies", json!({ "policy": policy })).await.problem(422, "invalid");
        let named: Vec<&str> = save.body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        for pointer in [
            "/policy/steps/1/after_seconds",
            "/policy/steps/1/raise_minutes",
            "/policy/steps/2/add_groups",
            "/policy/max_wait/after_seconds",
            "/policy/max_wait/text",
            "/policy/escalation_seconds/1",
            "/policy/rounds",
        ] {
            assert!(named.contains(&pointer), "{pointer} in {named:?}");
        }
        let preview = owner.post("/routing-policies/preview", json!({ "policy": policy })).await.expect(200);
        let found: Vec<(&str, &str)> = preview["findings"].as_array().unwrap().iter().map(|f| (f["code"].as_str().unwrap(), f["pointer"].as_str().unwrap())).collect();
        for expected in [
            ("rounds_out_of_range", "/rounds"),
            ("step_out_of_range", "/steps/1/after_seconds"),
            ("max_wait_out_of_range", "/max_wait/after_seconds"),
            ("wait_text_missing", "/max_wait/text"),
        ] {
            assert!(found.contains(&expected), "{expected:?} in {found:?}");
        }
        assert!(found.iter().all(|(_, pointer)| pointer.starts_with('/')), "{found:?}");
    }
}
