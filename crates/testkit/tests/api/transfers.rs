//! Taking, giving away and giving back (spec AG-8, AG-11; routing rows 8, 9, 27, 51 to 54, 74).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, Visitor, api_suite};
use serde_json::{Value, json};

fn say(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": text } })
}

async fn owner_of(owner: &Browser, id: i64) -> Value {
    owner.get(&format!("/conversations/{id}")).await.expect(200)["owner"]["id"].clone()
}

fn to(agent: &Browser) -> Value {
    json!({ "to": { "agent": agent.agent } })
}

/// Three agents who are online under a time of a minute; Ana holds what a visitor wrote.
struct Team {
    owner: Browser,
    ana: Browser,
    luis: Browser,
    rosa: Browser,
    visitor: Visitor,
    key: String,
    _screens: Vec<ronda_testkit::Screen>,
}

async fn team(app: &TestApp) -> Team {
    let owner = app.owner().await;
    let ana = app.member("ana", Role::Agent).await;
    let luis = app.member("luis", Role::Agent).await;
    let rosa = app.member("rosa", Role::Agent).await;
    let (_, key) = app.web_chat(&owner, json!({})).await;
    let policy = json!({ "reassign_seconds": 60, "excluded": [owner.agent] });
    app.policy(&owner, "support", policy).await;
    let mut screens = vec![ana.screen(None).await];
    app.settled().await;
    let visitor = app.visitor(&key).await;
    visitor.writes("Hola").await;
    app.settled().await;
    assert_eq!(owner_of(&owner, 1).await, ana.agent.0);
    screens.push(luis.screen(None).await);
    screens.push(rosa.screen(None).await);
    app.settled().await;
    Team {
        owner,
        ana,
        luis,
        rosa,
        visitor,
        key,
        _screens: screens,
    }
}

/// Lets the time to answer pass, while everybody's screen stays open.
async fn minute(app: &TestApp) {
    for _ in 0..3 {
        app.advance(20_500);
        app.settled().await;
    }
}

api_suite! {
    /// Given a transfer at 50 s of a 60 s clock, then one clock exists, the new one; the old never fires.
    async fn ag_11_1_a_transfer_has_one_clock(app) {
        let t = team(app).await;
        app.advance(20_000);
        app.settled().await;
        app.advance(25_000);
        app.settled().await;
        let at = app.clock.now().0;
        t.ana.post("/conversations/1/transfer", to(&t.luis)).await.expect(200);
        let rotates = t.owner.get("/conversations/1").await.expect(200)["rotate_at"].as_i64().unwrap();
        assert!((at + 59_000..=at + 65_000).contains(&rotates), "a whole new time: {}", rotates - at);
        app.advance(25_000);
        app.settled().await;
        assert_eq!(owner_of(&t.owner, 1).await, t.luis.agent.0, "the old clock is over and did not fire");
        app.advance(25_000);
        app.settled().await;
        app.advance(15_000);
        app.settled().await;
        assert_eq!(owner_of(&t.owner, 1).await, t.rosa.agent.0, "the new one fires, and not back to the sender");
        let log = t.owner.get("/routing-decisions?conversation=1").await.expect(200);
        assert_eq!(log["items"].as_array().unwrap().iter().filter(|d| d["act"] == "rotate").count(), 1);
    }

    /// Given transfer to an agent who lost the permission meanwhile, then refused, chat stays, note draft kept.
    async fn ag_11_3_who_lost_the_permission_meanwhile_gets_nothing(app) {
        let t = team(app).await;
        let draft = json!({ "mode": "note", "body": "Pide descuento" });
        t.ana.put("/conversations/1/draft", draft.clone()).await.expect(204);
        let path = format!("/users/{}", t.luis.agent);
        let version = t.owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        t.owner.patch(&path, version, json!({ "channels": [] })).await.expect(200);
        app.settled().await;
        let mut body = to(&t.luis);
        body["note"] = json!("Pide descuento");
        t.ana.post("/conversations/1/transfer", body).await.problem(409, "may_not_reply");
        assert_eq!(owner_of(&t.owner, 1).await, t.ana.agent.0);
        let thread = t.owner.get("/conversations/1/messages").await.expect(200);
        assert!(!thread["items"].as_array().unwrap().iter().any(|m| m["direction"] == "note"), "no note without the transfer");
        assert_eq!(t.ana.get("/conversations/1/draft").await.expect(200), draft);
        app.settled().await;
    }

    /// "Volver a mí si no responde": the sender is asked before anybody else, once.
    async fn ag_11_a_transfer_that_is_not_answered_comes_back_when_the_sender_asked_for_it(app) {
        let t = team(app).await;
        let mut lent = to(&t.luis);
        lent["return_unanswered"] = json!(true);
        t.ana.post("/conversations/1/transfer", lent).await.expect(200);
        let seen = t.owner.get("/conversations/1").await.expect(200)["epoch"].clone();
        minute(app).await;
        let back = t.owner.get("/conversations/1").await.expect(200);
        assert_eq!((&back["owner"]["id"], &back["assigned_reason"]["code"]), (&json!(t.ana.agent), &json!("came_back")));
        // Like any other whose time has just been over, what Luis was writing still arrives, and is theirs again.
        let mut late = say("Ya lo veo");
        late["seen"] = seen;
        t.luis.post("/conversations/1/messages", late).await.expect(201);
        app.settled().await;
        assert_eq!(owner_of(&t.owner, 1).await, t.luis.agent.0);
        // Once: whoever has it back and lets the time pass is followed by the next, like any other.
        let second = app.visitor(&t.key).await;
        second.writes("Otra").await;
        app.settled().await;
        let holder = owner_of(&t.owner, 2).await;
        let all = [&t.ana, &t.luis, &t.rosa];
        let sender = all.into_iter().find(|b| holder == b.agent.0).expect("somebody has it");
        let other = all.into_iter().find(|b| holder != b.agent.0).expect("three");
        let third = all.into_iter().find(|b| ![sender.agent, other.agent].contains(&b.agent)).expect("three");
        let mut lent = to(other);
        lent["return_unanswered"] = json!(true);
        sender.post("/conversations/2/transfer", lent).await.expect(200);
        minute(app).await;
        assert_eq!(owner_of(&t.owner, 2).await, sender.agent.0);
        minute(app).await;
        assert_eq!(owner_of(&t.owner, 2).await, third.agent.0);
        app.settled().await;
    }

    async fn ag_11_only_what_a_named_agent_gets_at_once_can_come_back(app) {
        let t = team(app).await;
        let later = app.clock.now().0 + 3_600_000;
        for body in [
            json!({ "to": { "anyone": true }, "return_unanswered": true }),
            json!({ "to": { "agent": t.luis.agent }, "return_unanswered": true, "deferred_until": later }),
        ] {
            t.ana.post("/conversations/1/transfer", body).await.wrong("/return_unanswered", "not_together");
        }
        assert_eq!(owner_of(&t.owner, 1).await, t.ana.agent.0);
    }

    /// Row 51: refused under online-only, unless it is left for later: then it waits for them, and after that for all.
    async fn row_51_an_absent_agent_gets_it_later_or_not_at_all(app) {
        let t = team(app).await;
        t.luis.put("/me/state", json!({ "state": "away" })).await.expect(200);
        app.settled().await;
        t.ana.post("/conversations/1/transfer", to(&t.luis)).await.problem(409, "not_available");
        assert_eq!(owner_of(&t.owner, 1).await, t.ana.agent.0);
        let mut later = to(&t.luis);
        later["deferred_until"] = json!(app.clock.now().0 + 3_600_000);
        let moved = t.ana.post("/conversations/1/transfer", later).await.expect(200)["conversation"].clone();
        assert_eq!((moved["place"].clone(), moved["reserved_for"].clone()), (json!("waiting"), json!(t.luis.agent)));
        app.advance(25_000);
        app.settled().await;
        assert_eq!(owner_of(&t.owner, 1).await, Value::Null, "nobody else gets it meanwhile");
        t.luis.put("/me/state", json!({ "state": "online" })).await.expect(200);
        app.settled().await;
        assert_eq!(owner_of(&t.owner, 1).await, t.luis.agent.0);
    }

    /// Row 54: after five transfers in an episode only a supervisor goes on.
    async fn row_54_five_transfers_and_then_a_supervisor(app) {
        let t = team(app).await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        for n in 0..5 {
            let (from, target) = if n % 2 == 0 { (&t.ana, &t.luis) } else { (&t.luis, &t.ana) };
            from.post("/conversations/1/transfer", to(target)).await.expect(200);
        }
        t.luis.post("/conversations/1/transfer", to(&t.ana)).await.problem(409, "transfer_limit");
        assert_eq!(owner_of(&t.owner, 1).await, t.luis.agent.0);
        sofia.post("/conversations/1/transfer", to(&t.rosa)).await.expect(200);
        assert_eq!(owner_of(&t.owner, 1).await, t.rosa.agent.0);
        app.settled().await;
    }

    /// Row 74: declined is a miss without a strike, with its reason; ownership leaves at once.
    async fn row_74_declined_is_no_strike(app) {
        let t = team(app).await;
        t.ana.post("/conversations/1/decline", json!({ "why": "" })).await.wrong("/why", "length");
        t.luis.post("/conversations/1/decline", json!({ "why": "no sé" })).await.problem(404, "not_found");
        t.ana.post("/conversations/1/decline", json!({ "why": "no es mi tema" })).await.expect(200);
        app.settled().await;
        let holder = owner_of(&t.owner, 1).await;
        assert!(holder == t.luis.agent.0 || holder == t.rosa.agent.0, "the next in turn: {holder}");
        let log = t.owner.get("/routing-decisions?conversation=1&act=decline").await.expect(200);
        assert_eq!(log["items"][0]["reason"]["params"]["why"], "no es mi tema");
        assert_eq!(t.ana.get("/sessions/current").await.expect(200)["agent"]["state"], "online");
    }

    /// "Estoy en eso": one extension per ownership, by its owner alone.
    async fn row_05_on_it_gives_time_once(app) {
        let t = team(app).await;
        t.luis.post("/conversations/1/extend", json!({})).await.problem(404, "not_found");
        t.owner.post("/conversations/1/extend", json!({})).await.problem(409, "not_owner");
        t.ana.post("/conversations/1/extend", json!({ "seen": 99 })).await.problem(409, "conflict");
        let before = t.ana.get("/conversations/1").await.expect(200);
        assert_eq!(before["extended"], false);
        let asked = t.ana.post("/conversations/1/extend", json!({ "seen": before["epoch"] })).await.expect(200)["conversation"].clone();
        assert_eq!(asked["extended"], true);
        assert_eq!(asked["rotate_at"].as_i64().unwrap() - before["rotate_at"].as_i64().unwrap(), 30_000, "half of a minute");
        t.ana.post("/conversations/1/extend", json!({})).await.problem(409, "extended");
        app.settled().await;
        let log = t.owner.get("/routing-decisions?conversation=1").await.expect(200);
        assert_eq!(log["items"][0]["reason"]["code"], "asked", "{log}");
    }

    /// Given load = hard cap, then a take is refused with load and cap shown.
    async fn ag_8_3_a_take_at_the_hard_cap_says_load_and_cap(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let policy = json!({ "limit": 1, "hard_cap": { "extra": 1, "percent": 0 }, "excluded": [owner.agent] });
        app.policy(&owner, "support", policy).await;
        for n in 0..3 {
            app.visitor(&key).await.writes(&format!("Consulta {n}")).await;
        }
        app.settled().await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        let over = ana.post("/conversations/2/take", json!({})).await.expect(200);
        assert_eq!(over["conversation"]["owner"]["id"], ana.agent.0);
        let full = ana.post("/conversations/3/take", json!({})).await.problem(409, "hard_cap");
        assert_eq!((full.body["load"].clone(), full.body["cap"].clone()), (json!(2), json!(2)));
        let log = owner.get("/routing-decisions?conversation=2").await.expect(200);
        assert_eq!(log["items"][0]["reason"]["params"]["over_limit"], true, "recorded: {log}");
        app.settled().await;
    }

    /// Given rotation and reply in the same instant, then the result follows rows 8–9 and both agents see what happened.
    async fn ag_8_4_rotation_and_reply_at_one_instant(app) {
        let t = team(app).await;
        // Reply first: the clock is disarmed.
        app.advance(20_000);
        app.settled().await;
        app.advance(20_000);
        app.settled().await;
        t.ana.post("/conversations/1/messages", say("Hola")).await.expect(201);
        app.advance(25_000);
        app.settled().await;
        assert_eq!(owner_of(&t.owner, 1).await, t.ana.agent.0);
        // Rotation first: within ten seconds the answer takes it back, and both hear of it.
        t.visitor.writes("¿Y los envíos?").await;
        let first = t.ana.post("/conversations/1/transfer", to(&t.luis)).await.expect(200)["conversation"].clone();
        assert_eq!(first["owner"]["id"], t.luis.agent.0);
        for _ in 0..3 {
            app.advance(20_500);
            app.settled().await;
        }
        assert_eq!(owner_of(&t.owner, 1).await, t.rosa.agent.0);
        let (mut luis, mut rosa) = (t.luis.screen(None).await, t.rosa.screen(None).await);
        let mut late = say("Salen mañana");
        late["seen"] = first["epoch"].clone();
        t.luis.post("/conversations/1/messages", late).await.expect(201);
        let mine = luis.until("conversation.changed", |c| c["place"] == "held").await;
        assert_eq!(mine["owner"]["id"], t.luis.agent.0);
        rosa.until("conversation.left", |c| c["id"] == 1).await;
        app.settled().await;
        let thread = t.luis.get("/conversations/1/messages").await.expect(200);
        let codes: Vec<_> = thread["items"].as_array().unwrap().iter().filter(|m| m["direction"] == "system").map(|m| m["content"]["code"].clone()).collect();
        assert_eq!(codes.last(), Some(&json!("return")), "{codes:?}");
        // Too late: nothing reaches the customer, and the answer names who has it.
        let mut never = say("¿Hola?");
        never["seen"] = first["epoch"].clone();
        let refused = t.rosa.post("/conversations/1/messages", never).await.problem(409, "not_owner");
        assert_eq!(refused.body["owner"]["id"], t.luis.agent.0);
        assert_eq!(t.visitor.reads(0).await["items"].as_array().unwrap().len(), 4);
    }
}
