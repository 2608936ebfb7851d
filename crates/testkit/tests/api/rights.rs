//! Who sees and takes what: groups, and the options of roles and people (spec CP-7, AG-8, PLAT-2).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, Screen, TestApp, Visitor, api_suite};
use serde_json::{Value, json};

fn say(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": text } })
}

async fn numbers(by: &Browser, query: &str) -> Vec<i64> {
    let list = by.get(&format!("/conversations?{query}")).await.expect(200);
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["number"].as_i64().unwrap())
        .collect()
}

async fn settings(owner: &Browser, change: Value) {
    let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
    owner.patch("/workspace", version, change).await.expect(200);
}

async fn options(owner: &Browser, of: &Browser, options: Value) {
    let path = format!("/users/{}", of.agent);
    let version = owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
    owner
        .patch(&path, version, json!({ "options": options }))
        .await
        .expect(200);
}

/// Two teams with a channel each, and one customer who wrote to soporte.
struct Teams {
    owner: Browser,
    ana: Browser,
    luis: Browser,
    visitor: Visitor,
    /// The conversation of soporte.
    chat: Value,
    soporte: Value,
}

async fn teams(app: &TestApp) -> Teams {
    let owner = app.owner().await;
    let (ana, luis) = (
        app.member("ana", Role::Agent).await,
        app.member("luis", Role::Agent).await,
    );
    owner
        .post("/groups", json!({ "name": "Ventas", "members": [ana.agent] }))
        .await
        .expect(201);
    let soporte = owner
        .post("/groups", json!({ "name": "Soporte", "members": [luis.agent] }))
        .await
        .expect(201);
    let (_, key) = app.web_chat(&owner, json!({ "default_group": soporte["id"] })).await;
    let visitor = app.visitor(&key).await;
    visitor.writes("No anda el timbre").await;
    app.settled().await;
    let chat = owner.get("/conversations?tray=unassigned").await.expect(200)["items"][0].clone();
    Teams {
        owner,
        ana,
        luis,
        visitor,
        chat,
        soporte,
    }
}

/// A group of this name has these members from now on; its id.
async fn group_of(owner: &Browser, name: &str, members: &[&Browser]) -> Value {
    let groups = owner.get("/groups").await.expect(200);
    let group = groups["items"].as_array().unwrap().iter().find(|g| g["name"] == name);
    let (id, version) = group
        .map(|g| (g["id"].clone(), g["version"].as_i64()))
        .expect("a group");
    let members: Vec<i64> = members.iter().map(|m| m.agent.0).collect();
    let path = format!("/groups/{id}");
    owner
        .patch(&path, version.expect("versioned"), json!({ "members": members }))
        .await
        .expect(200);
    id
}

/// Nothing of a conversation is there for `by`: not in lists, searches, counts or by its address, nor its customer.
async fn invisible(by: &Browser, chat: &Value) {
    for tray in ["unassigned", "mine", "agents", "bot"] {
        for state in ["active", "closed", "outbound"] {
            let list = format!("tray={tray}&state={state}");
            assert_eq!(numbers(by, &list).await, [0_i64; 0], "{list}");
            let search = format!("{list}&q={}", chat["number"]);
            assert_eq!(numbers(by, &search).await, [0_i64; 0], "{search}");
        }
    }
    let counts = by.get("/conversations/counts").await.expect(200);
    for tray in ["unassigned", "mine", "agents", "bot"] {
        assert_eq!(
            counts[tray],
            json!({ "active": 0, "closed": 0, "outbound": 0 }),
            "{tray}"
        );
    }
    let id = &chat["id"];
    for path in ["", "/messages", "/draft", "/routing"] {
        by.get(&format!("/conversations/{id}{path}"))
            .await
            .problem(404, "not_found");
    }
    for verb in ["take", "close", "read", "unread", "typing"] {
        by.post(&format!("/conversations/{id}/{verb}"), json!({}))
            .await
            .problem(404, "not_found");
    }
    by.post(&format!("/conversations/{id}/messages"), say("¿Hola?"))
        .await
        .problem(404, "not_found");
    let customer = &chat["customer"]["id"];
    for path in ["", "/conversations", "/affinity"] {
        by.get(&format!("/customers/{customer}{path}"))
            .await
            .problem(404, "not_found");
    }
}

/// The kinds of the events that came until one that everybody gets.
async fn heard(screen: &mut Screen, app: &TestApp, by: &Browser) -> Vec<String> {
    app.settled().await;
    by.put("/me/state", json!({ "state": "away", "reason": "break" }))
        .await
        .expect(200);
    let mut kinds = Vec::new();
    loop {
        let frame = screen.next().await.expect("an open socket");
        let kind = frame["kind"].as_str().unwrap_or_default().to_owned();
        if kind == "agent.state" && frame["body"]["id"] == by.agent.0 && frame["body"]["reason"] == "break" {
            by.put("/me/state", json!({ "state": "online" })).await.expect(200);
            return kinds;
        }
        kinds.push(kind);
    }
}

api_suite! {
    /// Given groups ventas and soporte, then an agent of ventas cannot list, open, search, count or receive live events
    /// of soporte chats.
    async fn cp_7_1_the_chats_of_another_team_are_invisible(app) {
        let t = teams(app).await;
        invisible(&t.ana, &t.chat).await;
        assert_eq!(numbers(&t.luis, "tray=unassigned").await, [1]);
        let mut anas = t.ana.screen(None).await;
        let mut luises = t.luis.screen(None).await;
        t.visitor.writes("¿Hay alguien?").await;
        luises.until("message.created", |m| m["content"]["text"] == "¿Hay alguien?").await;
        t.luis.post("/conversations/1/take", json!({})).await.expect(200);
        t.luis.post("/conversations/1/messages", say("Acá estoy")).await.expect(201);
        let of_chats = |kinds: &[String]| kinds.iter().filter(|k| k.starts_with("conversation.") || k.starts_with("message.")).count();
        let heard = heard(&mut anas, app, &t.ana).await;
        assert_eq!(of_chats(&heard), 0, "{heard:?}");
        assert!(!heard.iter().any(|k| k == "routing.decided"), "{heard:?}");
        invisible(&t.ana, &t.chat).await;
        // Nor its files.
        let sent = crate::whatsapp::upload(&t.luis, "recibo.pdf", "application/pdf", b"%PDF-1.4").await;
        let content = json!({ "type": "document", "file": sent, "name": "recibo.pdf" });
        t.luis.post("/conversations/1/messages", json!({ "client_id": uuid::Uuid::now_v7(), "content": content })).await.expect(201);
        let file = format!("/files/{}", sent.as_str().unwrap());
        t.luis.get(&file).await.ok();
        t.ana.get(&file).await.problem(404, "not_found");
        // In the team, all of it.
        let version = t.owner.get(&format!("/groups/{}", t.soporte["id"])).await.expect(200)["version"].as_i64().unwrap();
        t.owner.patch(&format!("/groups/{}", t.soporte["id"]), version, json!({ "members": [t.ana.agent, t.luis.agent] })).await.expect(200);
        t.luis.post("/conversations/1/transfer", json!({ "to": { "group": t.soporte["id"] } })).await.expect(200);
        app.settled().await;
        assert_eq!(numbers(&t.ana, "tray=unassigned").await, [1]);
        t.ana.get(&file).await.ok();
    }

    /// Given an agent removed from a group while holding a chat, then the chat stays theirs, flagged to supervisors.
    async fn cp_7_3_who_leaves_a_group_keeps_the_chat_and_it_is_flagged(app) {
        let t = teams(app).await;
        t.luis.post("/conversations/1/take", json!({})).await.expect(200);
        assert_eq!(t.owner.get("/conversations/1").await.expect(200)["outside_group"], false);
        let mut wall = t.owner.screen(None).await;
        let path = format!("/groups/{}", t.soporte["id"]);
        let version = t.owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        t.owner.patch(&path, version, json!({ "members": [] })).await.expect(200);
        wall.until("conversation.changed", |c| c["outside_group"] == true && c["owner"]["id"] == t.luis.agent.0).await;
        app.settled().await;
        t.luis.post("/conversations/1/messages", say("Sigo yo")).await.expect(201);
        // What waits for the group is not theirs to see any more.
        t.luis.post("/conversations/1/transfer", json!({ "to": { "group": t.soporte["id"] } })).await.expect(200);
        app.settled().await;
        assert_eq!(numbers(&t.luis, "tray=unassigned").await, [0_i64; 0]);
        t.luis.get("/conversations/1").await.problem(404, "not_found");
        assert_eq!(t.owner.get("/conversations/1").await.expect(200)["outside_group"], false);
    }

    /// "Solo equipos": what belongs to no group is hidden from agents, at once on open screens.
    async fn cp_7_teams_only_hides_what_has_no_group(app) {
        let t = teams(app).await;
        let (_, key) = app.web_chat(&t.owner, json!({ "name": "Sin grupo" })).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        assert_eq!(numbers(&t.ana, "tray=unassigned").await, [2]);
        let mut screen = t.ana.screen(None).await;
        settings(&t.owner, json!({ "teams_only": true })).await;
        while screen.next().await.unwrap()["type"] != "reset" {}
        let chat = t.owner.get("/conversations/2").await.expect(200);
        invisible(&t.ana, &chat).await;
        assert_eq!(numbers(&t.luis, "tray=unassigned").await, [1], "their own team");
        app.visitor(&key).await.writes("¿Nadie?").await;
        let heard = heard(&mut screen, app, &t.ana).await;
        assert!(!heard.iter().any(|k| k.starts_with("conversation.") || k.starts_with("message.")), "{heard:?}");
    }

    /// Given "solo las mías", then other chats are invisible everywhere incl. counts.
    async fn plat_2_2_only_mine_shows_nothing_of_others(app) {
        let t = teams(app).await;
        let mut screen = t.luis.screen(None).await;
        assert_eq!(numbers(&t.luis, "tray=unassigned").await, [1]);
        options(&t.owner, &t.luis, json!({ "sees": "own" })).await;
        while screen.next().await.unwrap()["type"] != "reset" {}
        invisible(&t.luis, &t.chat).await;
        t.visitor.writes("¿Y?").await;
        let silence = heard(&mut screen, app, &t.luis).await;
        assert!(!silence.iter().any(|k| k.starts_with("conversation.") || k.starts_with("message.")), "{silence:?}");
        // What is given to them is theirs.
        t.owner.post("/conversations/1/transfer", json!({ "to": { "agent": t.luis.agent } })).await.expect(200);
        app.settled().await;
        assert_eq!(numbers(&t.luis, "tray=mine").await, [1]);
        assert_eq!(t.luis.get("/conversations/counts").await.expect(200)["mine"]["active"], 1);
        t.luis.post("/conversations/1/messages", say("Hola")).await.expect(201);
        // For everybody, unless one's own says otherwise.
        settings(&t.owner, json!({ "agents": { "sees": "own" } })).await;
        options(&t.owner, &t.luis, json!({ "sees": "team" })).await;
        t.owner.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        assert_eq!(numbers(&t.luis, "tray=agents").await, [1], "what the team holds");
        invisible(&t.ana, &t.chat).await;
        options(&t.owner, &t.ana, json!({ "sees": "all" })).await;
        assert_eq!(numbers(&t.ana, "tray=agents").await, [1]);
        let wrong = t.owner.get(&format!("/users/{}", t.ana.agent)).await.expect(200);
        let body = json!({ "options": { "sees": "nothing" } });
        t.owner.patch(&format!("/users/{}", t.ana.agent), wrong["version"].as_i64().unwrap(), body).await.problem(422, "invalid");
    }

    /// A supervisor of a team reads the log of routing, live too, where it is about their groups and the people in them.
    async fn plat_2_a_supervisor_of_a_team_reads_the_decisions_of_their_groups(app) {
        let t = teams(app).await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let ventas = group_of(&t.owner, "Ventas", &[&t.ana, &sofia]).await;
        let (_, key) = app.web_chat(&t.owner, json!({ "name": "Ventas", "default_group": ventas })).await;
        let reads = async |query: &str| -> Vec<Value> {
            let list = sofia.get(&format!("/routing-decisions?{query}")).await.expect(200);
            list["items"].as_array().unwrap().clone()
        };
        // All of it, as long as they see everything.
        assert!(reads("").await.iter().any(|d| d["group"] == t.soporte["id"]));
        options(&t.owner, &sofia, json!({ "sees": "team" })).await;
        let mut screen = sofia.screen(None).await;
        t.luis.post("/conversations/1/take", json!({})).await.expect(200);
        app.visitor(&key).await.writes("¿Precio?").await;
        app.settled().await;
        t.ana.post("/conversations/2/take", json!({})).await.expect(200);
        app.settled().await;
        let mine = reads("").await;
        assert!(mine.iter().any(|d| d["act"] == "take" && d["conversation"]["id"] == 2), "{mine:?}");
        assert!(mine.iter().all(|d| d["group"] == ventas), "{mine:?}");
        for query in [format!("group={}", t.soporte["id"]), "conversation=1".to_owned(), format!("agent={}", t.luis.agent)] {
            assert_eq!(reads(&query).await, Vec::<Value>::new(), "{query}");
        }
        let live = screen.until("routing.decided", |_| true).await;
        assert_eq!(live["group"], ventas, "the first they hear of");
        let all = t.owner.get("/routing-decisions").await.expect(200);
        for d in all["items"].as_array().unwrap() {
            let theirs = d["group"] == ventas;
            for path in ["", "/replay"] {
                let answer = sofia.get(&format!("/routing-decisions/{}{path}", d["seq"])).await;
                assert_eq!(answer.status == 200, theirs, "{path} {d}");
            }
        }
        sofia.get("/conversations/1/routing").await.problem(404, "not_found");
        sofia.get("/conversations/2/routing").await.expect(200);
        // What goes to another team stays in the log of theirs, without its customer.
        t.ana.post("/conversations/2/transfer", json!({ "to": { "group": t.soporte["id"] } })).await.expect(200);
        app.settled().await;
        let was = reads("").await.into_iter().find(|d| d["act"] == "take").unwrap();
        assert_eq!((&was["to"]["id"], &was["conversation"]), (&json!(t.ana.agent), &Value::Null));
        // Alerts are for those whom they concern.
        app.policy(&t.owner, "sales", json!({ "excluded": [t.owner.agent, t.ana.agent, sofia.agent], "reassign_seconds": 60 })).await;
        let alerts = async |by: &Browser| by.get("/alerts").await.expect(200)["items"].as_array().unwrap().len();
        let before = alerts(&sofia).await;
        for _ in 0..3 {
            app.advance(25_000);
            app.settled().await;
        }
        assert!(alerts(&t.owner).await > 0, "luis let the time pass, and nobody else could have it");
        assert_eq!(alerts(&sofia).await, before);
    }

    /// Who looks at a conversation and loses the right to see it is not told any more who types there.
    async fn plat_2_marks_do_not_reach_who_lost_the_right(app) {
        let t = teams(app).await;
        t.luis.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        let (mut owners, mut luises) = (t.owner.screen(None).await, t.luis.screen(None).await);
        // Somebody who may see it, so that it is known when a mark has been given out.
        let mut witness = t.owner.screen(None).await;
        // It looks first: what the others see says nothing about it.
        witness.says(json!({ "type": "view", "conversation": 1 })).await;
        while witness.next().await.unwrap()["type"] != "viewing" {}
        for screen in [&mut owners, &mut luises] {
            screen.says(json!({ "type": "view", "conversation": 1 })).await;
        }
        let typing = json!({ "type": "typing", "conversation": 1, "mode": "note" });
        let viewing = |frame: &Value| frame["type"] == "viewing" && frame["agents"].as_array().unwrap().len() == 2;
        while !viewing(&owners.next().await.unwrap()) {}
        owners.says(typing.clone()).await;
        for screen in [&mut luises, &mut witness] {
            while screen.next().await.unwrap()["type"] != "typing" {}
        }
        // It goes to somebody else, and out of their groups.
        t.owner.post("/conversations/1/transfer", json!({ "to": { "agent": t.ana.agent } })).await.expect(200);
        while luises.next().await.unwrap()["kind"] != "conversation.left" {}
        while owners.next().await.unwrap()["type"] != "viewing" {}
        owners.says(typing.clone()).await;
        while witness.next().await.unwrap()["type"] != "typing" {}
        let mut marks = 0;
        t.luis.put("/me/state", json!({ "state": "away" })).await.expect(200);
        loop {
            let frame = luises.next().await.unwrap();
            marks += usize::from(frame["type"] == "typing" || frame["type"] == "viewing");
            if frame["kind"] == "agent.state" && frame["body"]["state"] == "away" {
                break;
            }
        }
        assert_eq!(marks, 0);
        // Nor does what they say of it reach anybody: that they are back was said on the same socket after it.
        app.advance(10 * 60_000 + 1_000);
        luises.until("agent.state", |a| a["id"] == t.luis.agent.0 && a["state"] == "offline").await;
        luises.says(typing.clone()).await;
        luises.says(json!({ "type": "activity" })).await;
        luises.until("agent.state", |a| a["id"] == t.luis.agent.0 && a["state"] == "away").await;
        owners.says(typing.clone()).await;
        let marked = loop {
            let frame = witness.next().await.unwrap();
            if frame["type"] == "typing" {
                break frame;
            }
        };
        assert_eq!(marked["agent"]["id"], t.owner.agent.0);
        // A change of rights is such a loss too.
        t.owner.post("/conversations/1/transfer", json!({ "to": { "group": t.soporte["id"] } })).await.expect(200);
        app.settled().await;
        luises.says(json!({ "type": "view", "conversation": 1 })).await;
        while !viewing(&owners.next().await.unwrap()) {}
        options(&t.owner, &t.luis, json!({ "sees": "own" })).await;
        while luises.next().await.unwrap()["type"] != "reset" {}
        owners.says(typing).await;
        while witness.next().await.unwrap()["type"] != "typing" {}
        t.luis.put("/me/state", json!({ "state": "online" })).await.expect(200);
        loop {
            let frame = luises.next().await.unwrap();
            assert!(frame["type"] != "typing" && frame["type"] != "viewing", "{frame}");
            if frame["kind"] == "agent.state" && frame["body"]["chosen"] == "online" {
                break;
            }
        }
    }

    /// Given excluded supervisors, then PLAT-2 rights do not make them candidates.
    async fn plat_2_4_excluded_supervisors_are_no_candidates(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let _screens = (ana.screen(None).await, sofia.screen(None).await);
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent, sofia.agent], "ramp": { "initial": 3, "interval_seconds": 0 } })).await;
        for n in 0..4 {
            app.visitor(&key).await.writes(&format!("Consulta {n}")).await;
        }
        app.settled().await;
        assert_eq!(numbers(&ana, "tray=mine").await.len(), 4);
        assert_eq!(numbers(&sofia, "tray=mine").await.len(), 0);
        // Rotation does not find them either, and what they may do by hand they may.
        app.advance(61_000);
        app.settled().await;
        assert_eq!(numbers(&sofia, "tray=mine").await.len(), 0);
        sofia.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        assert_eq!(numbers(&sofia, "tray=mine").await, [1]);
    }

    /// Given a permission "tomar en orden" only, then an agent can take only the first of the queue.
    async fn ag_8_2_in_order_only_the_first_of_the_queue(app) {
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let (_, key) = app.web_chat(&owner, json!({})).await;
        for n in 0..3 {
            app.visitor(&key).await.writes(&format!("Consulta {n}")).await;
            app.advance(1_000);
        }
        app.settled().await;
        settings(&owner, json!({ "agents": { "take_any": false } })).await;
        let refused = ana.post("/conversations/2/take", json!({})).await.problem(403, "not_first");
        assert_eq!((refused.body["number"].clone(), refused.body["conversation"].clone()), (json!(1), json!(1)));
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        ana.post("/conversations/2/take", json!({})).await.expect(200);
        // What is kept for another is not the first for those who may not take it.
        let customer = owner.get("/conversations/3").await.expect(200)["customer"]["id"].clone();
        app.visitor(&key).await.writes("Consulta 3").await;
        app.settled().await;
        owner.put(&format!("/customers/{customer}/affinity"), json!({ "agent": luis.agent })).await.expect(200);
        let _luis = luis.screen(None).await;
        ana.post("/conversations/3/take", json!({})).await.problem(403, "affinity_of_other");
        ana.post("/conversations/4/take", json!({})).await.expect(200);
        options(&owner, &luis, json!({ "take_any": true })).await;
        luis.post("/conversations/3/take", json!({})).await.expect(200);
        app.settled().await;
    }

    /// From the bot and from others: not unless the options say so.
    async fn ag_8_taking_from_the_bot_and_from_others_needs_the_right(app) {
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let (_, bots) = app.web_chat(&owner, json!({ "greeter": { "text": "¡Hola!" } })).await;
        app.visitor(&bots).await.writes("Hola").await;
        app.settled().await;
        options(&owner, &ana, json!({ "sees": "all" })).await;
        ana.post("/conversations/1/take", json!({})).await.problem(403, "forbidden");
        options(&owner, &ana, json!({ "sees": "all", "take_from_bot": true })).await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        options(&owner, &luis, json!({ "sees": "all" })).await;
        let held = luis.post("/conversations/1/take", json!({})).await.problem(409, "conflict");
        assert_eq!(held.body["owner"]["id"], ana.agent.0);
        options(&owner, &luis, json!({ "sees": "all", "take_from_others": true })).await;
        luis.post("/conversations/1/take", json!({})).await.expect(200);
        assert!(luis.get("/sessions/current").await.expect(200)["permissions"].as_array().unwrap().contains(&json!("conversations:take_over")));
        app.settled().await;
    }
}
