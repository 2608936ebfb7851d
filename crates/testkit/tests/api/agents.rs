//! States of agents and the event stream (spec AG-5, architecture §9).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

async fn state(by: &Browser, of: &Browser) -> String {
    let agents = by.get("/agents").await.expect(200);
    let mine = agents["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["id"] == of.agent.0)
        .unwrap()
        .clone();
    mine["state"].as_str().unwrap().to_owned()
}

/// Two agents under Support; Ana, who was there first, holds what a visitor wrote.
struct Pair {
    owner: Browser,
    ana: Browser,
    luis: Browser,
    key: String,
}

async fn pair(app: &TestApp, mut policy: Value) -> Pair {
    let owner = app.owner().await;
    let (ana, luis) = (
        app.member("ana", Role::Agent).await,
        app.member("luis", Role::Agent).await,
    );
    let (_, key) = app.web_chat(&owner, json!({})).await;
    policy["excluded"] = json!([owner.agent]);
    app.policy(&owner, "support", policy).await;
    let first = ana.screen(None).await;
    app.settled().await;
    app.visitor(&key).await.writes("Hola").await;
    app.settled().await;
    assert_eq!(held(&owner, 1).await["owner"]["id"], ana.agent.0);
    first.close().await;
    Pair { owner, ana, luis, key }
}

async fn held(owner: &Browser, id: i64) -> Value {
    owner.get(&format!("/conversations/{id}")).await.expect(200)
}

/// So many times 25 seconds, each shorter than the lease of a connection.
async fn quietly(app: &TestApp, times: usize) {
    for _ in 0..times {
        app.advance(25_000);
        app.settled().await;
    }
}

api_suite! {
    async fn ag_5_1_away_is_never_turned_online_by_opening_a_client(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        assert_eq!(state(&owner, &ana).await, "offline");
        let _one = ana.screen(None).await;
        assert_eq!(state(&owner, &ana).await, "online");
        let away = ana.put("/me/state", json!({ "state": "away", "reason": "almuerzo" })).await.expect(200);
        assert_eq!((away["state"].clone(), away["reason"].clone()), (json!("away"), json!("almuerzo")));
        let _two = ana.screen(None).await;
        assert_eq!(state(&owner, &ana).await, "away");
        let back = ana.put("/me/state", json!({ "state": "online" })).await.expect(200);
        assert_eq!(back["state"], "online");
    }

    async fn ag_5_2_ten_quiet_minutes_are_offline_and_logged(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let mut watching = owner.screen(None).await;
        let _screen = ana.screen(None).await;
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "online").await;
        app.advance(10 * 60_000 + 1_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        let log = owner.get(&format!("/users/{}/states", ana.agent)).await.expect(200);
        assert_eq!(log["items"][0]["cause"], "inactivity");
        ana.post("/me/activity", json!({})).await.expect(204);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "online").await;
    }

    async fn ag_5_3_a_lost_connection_has_a_grace(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let mut watching = owner.screen(None).await;
        let screen = ana.screen(None).await;
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "online").await;
        app.leaves(screen, ana.agent).await;
        app.advance(60_000);
        assert_eq!(state(&owner, &ana).await, "online");
        app.advance(150_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
    }

    async fn ag_5_supervisors_set_states_of_others(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let _screen = ana.screen(None).await;
        let path = format!("/agents/{}/state", ana.agent);
        let until = app.clock.now().0 + 60_000;
        let set = owner.put(&path, json!({ "state": "away", "reason": "capacitación", "until": until })).await.expect(200);
        assert_eq!(set["state"], "away");
        let mut watching = owner.screen(None).await;
        app.advance(61_000);
        watching.until("agent.state", |a| a["state"] == "online").await;
        owner.put(&path, json!({ "state": "away", "until": 5 })).await.wrong("/until", "past");
    }

    /// Given the log of a day, then spans add to 24 h without overlap.
    async fn ag_5_4_the_states_of_a_day_add_up_to_it(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let from = app.clock.now().0;
        // Shorter than a lease: whoever is slow to renew it has not lost anybody.
        let spent = async || {
            app.advance(30_000);
            ana.post("/me/activity", json!({})).await.expect(204);
        };
        let mut watching = owner.screen(None).await;
        let screen = ana.screen(None).await;
        for state in [json!({ "state": "away", "reason": "lunch" }), json!({ "state": "away", "reason": "break" }), json!({ "state": "online" })] {
            spent().await;
            ana.put("/me/state", state).await.expect(200);
        }
        spent().await;
        owner.put(&format!("/agents/{}/state", ana.agent), json!({ "state": "away", "reason": "reunión" })).await.expect(200);
        app.advance(11 * 60_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        ana.post("/me/activity", json!({})).await.expect(204);
        drop(screen);
        app.advance(24 * 3_600_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        // Sessions are over by now.
        let (owner, ana) = (app.sign_in("olga").await, app.sign_in("ana").await);
        let to = from + 24 * 3_600_000;
        let path = format!("/users/{}/state-spans?from={from}&to={to}", ana.agent);
        let spans = owner.get(&path).await.expect(200)["items"].as_array().unwrap().clone();
        assert_eq!(spans[0]["from"], from);
        assert_eq!(spans.last().unwrap()["to"], to);
        for pair in spans.windows(2) {
            assert_eq!(pair[0]["to"], pair[1]["from"], "no hole and no overlap: {pair:?}");
        }
        let whole: i64 = spans.iter().map(|s| s["to"].as_i64().unwrap() - s["from"].as_i64().unwrap()).sum();
        assert_eq!(whole, 24 * 3_600_000);
        let told: Vec<_> = spans.iter().map(|s| (s["state"].as_str().unwrap(), s["reason"].as_str().unwrap_or(""))).collect();
        let expected = [("online", ""), ("away", "lunch"), ("away", "break"), ("online", ""), ("away", "reunión"), ("offline", "reunión"), ("away", "reunión")];
        assert!(expected.iter().all(|e| told.contains(e)), "{told:?}");
        owner.get(&format!("/users/{}/state-spans?from={to}&to={from}", ana.agent)).await.wrong("/query/to", "out_of_range");
        ana.get(&path).await.problem(403, "forbidden");
    }

    /// Away in the middle of a chat: it stays, its clock runs, and nothing new comes.
    async fn row_55_who_is_away_keeps_what_they_hold_and_gets_nothing_new(app) {
        let s = pair(app, json!({ "reassign_seconds": 60 })).await;
        let _screens = (s.ana.screen(None).await, s.luis.screen(None).await);
        app.settled().await;
        let before = held(&s.owner, 1).await;
        s.ana.put("/me/state", json!({ "state": "away" })).await.expect(200);
        app.settled().await;
        let after = held(&s.owner, 1).await;
        assert_eq!((&after["owner"]["id"], &after["rotate_at"]), (&json!(s.ana.agent), &before["rotate_at"]));
        app.visitor(&s.key).await.writes("¿Y yo?").await;
        app.settled().await;
        assert_eq!(held(&s.owner, 2).await["owner"]["id"], s.luis.agent.0);
        s.luis.says(&json!(2), "Acá estoy").await;
        quietly(app, 3).await;
        assert_eq!(held(&s.owner, 1).await["owner"]["id"], s.luis.agent.0, "the clock ran on");
    }

    /// Gone for longer than the grace: what owes a first reply moves, what was answered stays.
    async fn row_56_who_is_gone_loses_what_owes_a_first_reply(app) {
        let s = pair(app, json!({ "reassign_seconds": null })).await;
        let screen = s.ana.screen(None).await;
        s.ana.says(&json!(1), "Hola").await;
        app.visitor(&s.key).await.writes("¿Y yo?").await;
        app.settled().await;
        assert_eq!(held(&s.owner, 2).await["owner"]["id"], s.ana.agent.0);
        let _luis = s.luis.screen(None).await;
        let mut watching = s.owner.screen(None).await;
        app.leaves(screen, s.ana.agent).await;
        quietly(app, 3).await;
        assert_eq!(state(&s.owner, &s.ana).await, "online", "within the grace");
        quietly(app, 5).await;
        watching.until("agent.state", |a| a["id"] == s.ana.agent.0 && a["state"] == "offline").await;
        app.settled().await;
        assert_eq!(held(&s.owner, 2).await["owner"]["id"], s.luis.agent.0);
        assert_eq!(held(&s.owner, 1).await["owner"]["id"], s.ana.agent.0);
        let log = s.owner.get("/routing-decisions?act=requeue").await.expect(200);
        assert_eq!((&log["items"][0]["reason"]["code"], &log["items"][1]), (&json!("owner_gone"), &Value::Null));
    }

    /// A connection that comes back within the grace changes nothing; presence is the union of what is open.
    async fn row_57_a_connection_that_flaps_changes_nothing(app) {
        let s = pair(app, json!({ "reassign_seconds": null })).await;
        let _luis = s.luis.screen(None).await;
        let decisions = async || s.owner.get("/routing-decisions").await.expect(200)["items"][0]["seq"].clone();
        let mut screen = s.ana.screen(None).await;
        let before = decisions().await;
        for _ in 0..2 {
            app.leaves(screen, s.ana.agent).await;
            quietly(app, 3).await;
            screen = s.ana.screen(None).await;
            quietly(app, 3).await;
        }
        // One of two that closes is no loss at all.
        let second = s.ana.screen(None).await;
        second.close().await;
        quietly(app, 8).await;
        assert_eq!(state(&s.owner, &s.ana).await, "online");
        assert_eq!(held(&s.owner, 1).await["owner"]["id"], s.ana.agent.0);
        assert_eq!(decisions().await, before, "and nothing was decided");
    }

    /// Given Online chosen while at limit, then state Online and explanation "al límite".
    async fn ag_5_5_online_at_the_limit_is_online_and_says_so(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "limit": 1, "excluded": [owner.agent] })).await;
        let _screen = ana.screen(None).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        ana.put("/me/state", json!({ "state": "away" })).await.expect(200);
        let back = ana.put("/me/state", json!({ "state": "online" })).await.expect(200);
        assert_eq!((back["state"].clone(), back["at_limit"].clone(), back["load"].clone()), (json!("online"), json!(true), json!(1)));
        app.visitor(&key).await.writes("¿Y yo?").await;
        app.settled().await;
        let waits = owner.get("/conversations?tray=unassigned").await.expect(200)["items"][0]["id"].clone();
        let why = owner.get(&format!("/conversations/{waits}/routing")).await.expect(200)["why_waiting"].clone();
        assert!(why["lost"].as_array().unwrap().iter().any(|l| l["reason"] == "full" && l["count"] == 1), "{why}");
    }

    /// Given 10 min without activity, then Desconectado; with activity again, their chosen state returns.
    async fn cp_5_4_the_chosen_state_returns_with_the_first_activity(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let mut watching = owner.screen(None).await;
        let _screen = ana.screen(None).await;
        ana.put("/me/state", json!({ "state": "away", "reason": "training" })).await.expect(200);
        app.advance(10 * 60_000 + 1_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        ana.post("/me/activity", json!({})).await.expect(204);
        let back = watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] != "offline").await;
        assert_eq!((back["state"].clone(), back["reason"].clone()), (json!("away"), json!("training")));
    }

    /// Given the state history, then every change shows who or what caused it.
    async fn cp_5_5_every_change_of_state_has_its_cause(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let mut watching = owner.screen(None).await;
        let screen = ana.screen(None).await;
        ana.put("/me/state", json!({ "state": "away" })).await.expect(200);
        owner.put(&format!("/agents/{}/state", ana.agent), json!({ "state": "online", "reason": "hay cola" })).await.expect(200);
        app.advance(10 * 60_000 + 1_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        ana.post("/me/activity", json!({})).await.expect(204);
        app.leaves(screen, ana.agent).await;
        app.advance(60_000);
        assert_eq!(state(&owner, &ana).await, "online");
        app.advance(150_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        let screen = ana.screen(None).await;
        app.policy(&owner, "support", json!({ "reassign_seconds": 60, "excluded": [owner.agent] })).await;
        app.visitor(&key).await.writes("¿Hay alguien?").await;
        app.settled().await;
        // Twice the whole time without a sign of life: no answer, no typing.
        for millis in [61_000, 122_000] {
            app.advance(millis);
            app.settled().await;
        }
        let struck = watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "away").await;
        assert_eq!(struck["reason"], "no_answer");
        // One click back.
        ana.put("/me/state", json!({ "state": "online" })).await.expect(200);
        drop(screen);
        ana.delete("/sessions/current").await.expect(204);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        let log = owner.get(&format!("/users/{}/states?limit=200", ana.agent)).await.expect(200);
        let mut lines: Vec<_> = log["items"].as_array().unwrap().iter().map(|s| (s["cause"].as_str().unwrap(), s["by_name"].as_str().unwrap_or(""))).collect();
        lines.reverse();
        let expected = [("activity", ""), ("user", "Ana"), ("supervisor", "Olga"), ("inactivity", ""), ("activity", ""), ("connection", ""),
            ("activity", ""), ("strikes", ""), ("user", "Ana"), ("sign_out", "Ana")];
        assert_eq!(lines, expected);
        app.settled().await;
    }

    /// Supervisors hear when somebody who owes answers is gone.
    async fn ag_5_who_disconnects_owing_answers_is_told_with_how_many(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "excluded": [owner.agent] })).await;
        let screen = ana.screen(None).await;
        for text in ["uno", "dos"] {
            app.visitor(&key).await.writes(text).await;
        }
        app.settled().await;
        let mine = ana.get("/conversations").await.expect(200)["items"][0]["id"].clone();
        let answer = json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": "Hola" } });
        ana.post(&format!("/conversations/{mine}/messages"), answer).await.expect(201);
        let mut wall = owner.screen(None).await;
        app.leaves(screen, ana.agent).await;
        app.advance(60_000);
        assert_eq!(state(&owner, &ana).await, "online");
        app.advance(150_000);
        let gone = wall.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        assert_eq!((gone["load"].clone(), gone["owed"].clone()), (json!(2), json!(1)), "{gone}");
    }

    /// Whoever leaves keeps what they hold, gives it to somebody, or puts it back at its place.
    async fn ag_5_whoever_leaves_gives_away_what_they_hold(app) {
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let soporte = owner.post("/groups", json!({ "name": "Soporte", "members": [ana.agent, luis.agent] })).await.expect(201);
        let (_, key) = app.web_chat(&owner, json!({ "default_group": soporte["id"] })).await;
        for text in ["uno", "dos"] {
            app.visitor(&key).await.writes(text).await;
        }
        app.settled().await;
        let before = owner.get("/conversations/1").await.expect(200)["owed_since"].clone();
        for id in [1, 2] {
            ana.post(&format!("/conversations/{id}/take"), json!({})).await.expect(200);
        }
        assert_eq!(ana.post("/me/release", json!({})).await.expect(200), json!({ "moved": 2, "kept": [] }));
        let back = owner.get("/conversations/1").await.expect(200);
        assert_eq!((back["place"].clone(), back["group"]["name"].clone(), back["owed_since"].clone()), (json!("waiting"), json!("Soporte"), before));
        for id in [1, 2] {
            ana.post(&format!("/conversations/{id}/take"), json!({})).await.expect(200);
        }
        ana.post("/me/release", json!({ "to": { "agent": 999_999 } })).await.wrong("/to/agent", "unknown");
        ana.post("/me/release", json!({ "to": {} })).await.wrong("/to", "one_of");
        assert_eq!(ana.post("/me/release", json!({ "to": { "agent": luis.agent } })).await.expect(200)["moved"], 2);
        assert_eq!(luis.get("/conversations").await.expect(200)["items"].as_array().unwrap().len(), 2);
        assert_eq!(ana.post("/me/release", json!({})).await.expect(200)["moved"], 0);
        // What does not fit stays, with the reason.
        let _luis = luis.screen(None).await;
        app.policy(&owner, "support", json!({ "limit": 1, "hard_cap": { "extra": 0, "percent": 0 }, "excluded": [owner.agent] })).await;
        app.visitor(&key).await.writes("tres").await;
        app.settled().await;
        ana.post("/conversations/3/take", json!({})).await.expect(200);
        let kept = ana.post("/me/release", json!({ "to": { "agent": luis.agent } })).await.expect(200);
        assert_eq!(kept, json!({ "moved": 0, "kept": [{ "conversation": 3, "number": 3, "code": "hard_cap" }] }));
        app.settled().await;
    }

    async fn ag_5_a_workspace_has_its_own_reasons(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let workspace = owner.get("/workspace").await.expect(200);
        assert_eq!(workspace["away_reasons"], json!(["break", "lunch", "training", "other"]));
        let version = workspace["version"].as_i64().unwrap();
        owner.patch("/workspace", version, json!({ "away_reasons": ["lunch", "lunch"] })).await.wrong("/away_reasons/1", "taken");
        owner.patch("/workspace", version, json!({ "away_reasons": [""] })).await.wrong("/away_reasons/0", "required");
        owner.patch("/workspace", version, json!({ "away_reasons": ["x".repeat(41)] })).await.wrong("/away_reasons/0", "too_long");
        owner.patch("/workspace", version, json!({ "away_reasons": ["lunch", "depósito"] })).await.expect(200);
        assert_eq!(ana.get("/sessions/current").await.expect(200)["workspace"]["away_reasons"], json!(["lunch", "depósito"]));
    }

    async fn a_screen_that_comes_back_gets_what_it_missed(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let screen = owner.screen(None).await;
        let since = screen.served;
        screen.close().await;
        let visitor = app.visitor(&key).await;
        for text in ["uno", "dos", "tres"] {
            visitor.writes(text).await;
        }
        app.settled().await;
        let mut screen = owner.screen(Some(since)).await;
        for text in ["uno", "dos", "tres"] {
            let message = screen.until("message.created", |m| m["direction"] == "in").await;
            assert_eq!(message["content"]["text"], text);
        }
        // A number that never was: the views are loaded again.
        let mut lost = owner.screen(Some(9_999_999)).await;
        assert_eq!(lost.next().await.unwrap()["type"], "reset");
    }

    async fn dev_9_sockets_end_with_their_session(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let mut screen = ana.screen(None).await;
        ana.delete("/sessions/current").await.expect(204);
        assert_eq!(screen.closed().await, Some(4001));
        let ana = app.sign_in("ana").await;
        let mut screen = ana.screen(None).await;
        owner.delete(&format!("/users/{}", ana.agent)).await.expect(204);
        assert_eq!(screen.closed().await, Some(4001));
        assert!(owner.try_screen(None, Some("https://evil.example")).await.is_err());
        assert!(app.browser().try_screen(None, None).await.is_err());
    }

    async fn plat_2_1_a_right_taken_away_acts_on_open_screens(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let mut screen = sofia.screen(None).await;
        let user = owner.get(&format!("/users/{}", sofia.agent)).await.expect(200);
        let path = format!("/users/{}", sofia.agent);
        owner.patch(&path, user["version"].as_i64().unwrap(), json!({ "role": "agent" })).await.expect(200);
        while screen.next().await.unwrap()["type"] != "reset" {}
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        screen.until("conversation.left", |_| true).await;
    }
}
