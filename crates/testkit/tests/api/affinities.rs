//! The agent who always attends a customer (spec AG-17; routing rows 43 to 48, 75, 76).

use crate::whatsapp::scene;
use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, Visitor, api_suite, text};
use serde_json::{Value, json};

fn say(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": text } })
}

/// The newest conversation.
async fn newest(owner: &Browser) -> Value {
    let mut all = Vec::new();
    for tray in ["unassigned", "agents"] {
        let list = owner.get(&format!("/conversations?tray={tray}")).await.expect(200);
        all.extend(list["items"].as_array().unwrap().clone());
    }
    all.into_iter().max_by_key(|c| c["number"].as_i64()).unwrap()
}

/// A visitor who wrote once; nothing is assigned automatically. The path of their affinity.
async fn customer(app: &TestApp, owner: &Browser) -> (String, Visitor, String) {
    let (_, key) = app.web_chat(owner, json!({})).await;
    let visitor = app.visitor(&key).await;
    visitor.writes("Hola").await;
    app.settled().await;
    let id = newest(owner).await["customer"]["id"].clone();
    (key, visitor, format!("/customers/{id}/affinity"))
}

/// The customer writes again after what was open has been closed; the conversation, once routing is done.
async fn again(app: &TestApp, owner: &Browser, visitor: &Visitor) -> Value {
    let open = newest(owner).await["id"].clone();
    let body = json!({ "confirm_unanswered": true, "reason": "prueba" });
    owner
        .post(&format!("/conversations/{open}/close"), body)
        .await
        .expect(200);
    visitor.writes("¿Hola otra vez?").await;
    app.settled().await;
    newest(owner).await
}

fn support(owner: &Browser) -> Value {
    json!({ "excluded": [owner.agent], "ramp": { "initial": 3, "interval_seconds": 0 } })
}

api_suite! {
    /// Given affinity with Ana online below limit, then the new chat goes to Ana whoever is next in turn.
    async fn ag_17_1_the_chat_goes_to_the_customer_s_own_agent_out_of_turn(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (_, visitor, path) = customer(app, &owner).await;
        let set = ana.put(&path, json!({ "agent": ana.agent, "reason": "la conoce" })).await.expect(200);
        assert_eq!((set["affinity"]["agent_name"].clone(), set["affinity"]["by_name"].clone()), (json!("Ana"), json!("Ana")));
        let _screens = (ana.screen(None).await, berta.screen(None).await);
        app.policy(&owner, "support", support(&owner)).await;
        for _ in 0..3 {
            let c = again(app, &owner, &visitor).await;
            assert_eq!(c["owner"]["id"], ana.agent.0);
            assert_eq!(c["assigned_reason"]["code"], "affinity", "{c}");
        }
        // Without it, turns are taken.
        ana.delete(&path).await.expect(204);
        assert_eq!(again(app, &owner, &visitor).await["owner"]["id"], berta.agent.0);
    }

    /// Given Ana absent, then normal routing at once (soft), and the affinity is still Ana's afterwards.
    async fn ag_17_2_while_the_agent_is_absent_others_cover(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (_, visitor, path) = customer(app, &owner).await;
        ana.put(&path, json!({ "agent": ana.agent })).await.expect(200);
        let _berta = berta.screen(None).await;
        app.policy(&owner, "support", support(&owner)).await;
        let c = again(app, &owner, &visitor).await;
        assert_eq!(c["owner"]["id"], berta.agent.0);
        berta.post(&format!("/conversations/{}/messages", c["id"]), say("Hola, cubro a Ana")).await.expect(201);
        assert_eq!(owner.get(&path).await.expect(200)["affinity"]["agent"], ana.agent.0);
    }

    /// Given Luis (agent) tries to set his affinity on Ana's customer, then 403 with the reason.
    async fn ag_17_3_nobody_takes_the_customer_of_another(app) {
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let (_, _, path) = customer(app, &owner).await;
        luis.put(&path, json!({ "agent": ana.agent })).await.problem(403, "forbidden");
        ana.put(&path, json!({ "agent": ana.agent })).await.expect(200);
        let refused = luis.put(&path, json!({ "agent": luis.agent })).await.problem(403, "affinity_of_other");
        assert_eq!(refused.body["owner"], json!({ "id": ana.agent, "name": "Ana" }));
        luis.delete(&path).await.problem(403, "affinity_of_other");
        let seen = luis.get(&path).await.expect(200);
        assert_eq!((seen["may_own"].clone(), seen["may_manage"].clone()), (json!(false), json!(false)));
        // Nor their waiting chat, while Ana may receive it.
        let screen = ana.screen(None).await;
        luis.post("/conversations/1/take", json!({})).await.problem(403, "affinity_of_other");
        ana.put("/me/state", json!({ "state": "away" })).await.expect(200);
        luis.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        assert_eq!(owner.get(&path).await.expect(200)["affinity"]["agent"], ana.agent.0, "cover, not divorce");
        drop(screen);
        // Administrators decide over all.
        let given = owner.put(&path, json!({ "agent": luis.agent, "reason": "Ana se va" })).await.expect(200);
        assert_eq!(given["affinity"]["agent"], luis.agent.0);
        // Who does not see the customer learns nothing about them.
        ana.get(&path).await.problem(404, "not_found");
        luis.delete(&path).await.expect(204);
        luis.delete(&path).await.problem(404, "not_found");
    }

    /// Given Ana is deactivated, then her affinities are listed for reassignment and routing ignores them.
    async fn ag_17_4_the_customers_of_somebody_who_left_are_reassigned(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (_, visitor, path) = customer(app, &owner).await;
        ana.put(&path, json!({ "agent": ana.agent, "strict": true })).await.expect(200);
        let _berta = berta.screen(None).await;
        app.policy(&owner, "support", support(&owner)).await;
        let user = owner.get(&format!("/users/{}", ana.agent)).await.expect(200);
        let out = json!({ "status": "suspended" });
        owner.patch(&format!("/users/{}", ana.agent), user["version"].as_i64().unwrap(), out).await.expect(200);
        let counts = owner.get("/affinities/summary").await.expect(200);
        assert_eq!(counts["items"], json!([{ "agent": ana.agent, "name": "Ana", "active": false, "customers": 1 }]));
        let list = owner.get(&format!("/affinities?agent={}", ana.agent)).await.expect(200);
        assert_eq!((list["items"][0]["active"].clone(), list["items"].as_array().unwrap().len()), (json!(false), 1));
        assert_eq!(again(app, &owner, &visitor).await["owner"]["id"], berta.agent.0);
        owner.post("/affinities/reassign", json!({ "from": ana.agent, "to": ana.agent })).await.wrong("/to", "same");
        owner.post("/affinities/reassign", json!({ "from": berta.agent, "to": ana.agent })).await.wrong("/to", "unknown");
        berta.post("/affinities/reassign", json!({ "from": ana.agent, "to": berta.agent })).await.problem(403, "forbidden");
        let moved = owner.post("/affinities/reassign", json!({ "from": ana.agent, "to": berta.agent, "reason": "reemplazo" })).await.expect(200);
        assert_eq!(moved["customers"], 1);
        assert_eq!(owner.get(&path).await.expect(200)["affinity"]["agent"], berta.agent.0);
        assert_eq!(berta.get("/affinities").await.expect(200)["items"].as_array().unwrap().len(), 1, "one's own");
        assert_eq!(owner.post("/affinities/reassign", json!({ "from": berta.agent, "to": null })).await.expect(200)["customers"], 1);
        assert_eq!(owner.get(&path).await.expect(200)["affinity"], Value::Null);
    }

    async fn ag_17_supervisors_decide_inside_their_groups(app) {
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let sofia = app.member("sofia", Role::Supervisor).await;
        let ventas = json!({ "name": "Ventas", "members": [ana.agent], "supervisors": [sofia.agent] });
        owner.post("/groups", ventas).await.expect(201);
        owner.post("/groups", json!({ "name": "Soporte", "members": [luis.agent] })).await.expect(201);
        let (_, _, path) = customer(app, &owner).await;
        sofia.put(&path, json!({ "agent": luis.agent })).await.problem(403, "forbidden");
        sofia.put(&path, json!({ "agent": ana.agent })).await.expect(200);
        owner.put(&path, json!({ "agent": luis.agent })).await.expect(200);
        sofia.put(&path, json!({ "agent": ana.agent })).await.problem(403, "affinity_of_other");
        sofia.get(&format!("/affinities?agent={}", luis.agent)).await.problem(403, "forbidden");
        sofia.get(&format!("/affinities?agent={}", ana.agent)).await.expect(200);
        assert_eq!(sofia.get("/affinities/summary").await.expect(200)["items"], json!([]));
    }

    async fn ag_17_wrong_values_are_named(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, _, path) = customer(app, &owner).await;
        owner.put(&path, json!({ "agent": 999_999 })).await.wrong("/agent", "unknown");
        owner.put(&path, json!({ "agent": ana.agent, "reason": "x".repeat(201) })).await.wrong("/reason", "too_long");
        owner.put(&path, json!({ "agent": ana.agent, "expires_at": 5 })).await.wrong("/expires_at", "past");
        owner.put("/customers/999999/affinity", json!({ "agent": ana.agent })).await.problem(404, "not_found");
        // It ends by itself.
        let soon = app.clock.now().0 + 60_000;
        owner.put(&path, json!({ "agent": ana.agent, "expires_at": soon })).await.expect(200);
        app.advance(61_000);
        let luis = app.member("luis", Role::Agent).await;
        luis.put(&path, json!({ "agent": luis.agent })).await.expect(200);
    }

    /// The rule: off, the first human, the last human; what a person chose is never overwritten.
    async fn ag_17_answers_make_affinities_when_the_workspace_says_so(app) {
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let (_, _, path) = customer(app, &owner).await;
        let holder = async || owner.get(&path).await.expect(200)["affinity"]["agent"].clone();
        let rule = async |learn: &str| {
            let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
            owner.patch("/workspace", version, json!({ "affinity": { "learn": learn } })).await.expect(200);
        };
        let answers = async |by: &Browser| {
            by.post("/conversations/1/messages", say("Hola")).await.expect(201);
            app.settled().await;
        };
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        answers(&ana).await;
        assert_eq!(holder().await, Value::Null, "off unless asked for");
        rule("first_human").await;
        answers(&ana).await;
        assert_eq!(holder().await, ana.agent.0);
        ana.post("/conversations/1/transfer", json!({ "to": { "agent": luis.agent } })).await.expect(200);
        answers(&luis).await;
        assert_eq!(holder().await, ana.agent.0);
        rule("last_human").await;
        answers(&luis).await;
        assert_eq!(holder().await, luis.agent.0);
        owner.put(&path, json!({ "agent": ana.agent })).await.expect(200);
        answers(&luis).await;
        assert_eq!(holder().await, ana.agent.0, "a person chose");
    }

    /// Row 43: an absent agent delays nothing, and why it passed them over is recorded; a strict one is waited for, up to
    /// the policy's time, and then anybody may have it.
    async fn row_43_an_absent_agent_delays_nothing_unless_it_is_strict(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (_, visitor, path) = customer(app, &owner).await;
        ana.put(&path, json!({ "agent": ana.agent })).await.expect(200);
        let _berta = berta.screen(None).await;
        let mut policy = support(&owner);
        policy["affinity"] = json!({ "strict_seconds": null });
        app.policy(&owner, "support", policy.clone()).await;
        let c = again(app, &owner, &visitor).await;
        assert_eq!(c["owner"]["id"], berta.agent.0);
        let log = owner.get(&format!("/routing-decisions?conversation={}", c["id"])).await.expect(200);
        let entered = log["items"].as_array().unwrap().iter().find(|d| d["act"] == "enqueue").unwrap();
        assert_eq!(entered["reason"], json!({ "code": "preferred_skipped", "params": { "agent": ana.agent, "why": "not_now" } }));
        policy["affinity"] = json!({ "strict_seconds": 40 });
        app.policy(&owner, "support", policy).await;
        let c = again(app, &owner, &visitor).await;
        assert_eq!((&c["owner"], &c["reserved_for"]), (&Value::Null, &json!(ana.agent)));
        app.advance(20_000);
        app.settled().await;
        assert_eq!(newest(&owner).await["owner"], Value::Null, "it waits for Ana");
        app.advance(21_000);
        app.settled().await;
        assert_eq!(newest(&owner).await["owner"]["id"], berta.agent.0, "and then for anybody");
    }

    /// Row 44: for one who is full it waits a minute, out of everybody else's reach, and their limit is never passed.
    async fn row_44_a_full_agent_is_waited_for_a_minute(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (key, visitor, path) = customer(app, &owner).await;
        ana.put(&path, json!({ "agent": ana.agent })).await.expect(200);
        let _screens = (ana.screen(None).await, berta.screen(None).await);
        app.visitor(&key).await.writes("Otra cosa").await;
        app.settled().await;
        ana.post("/conversations/2/take", json!({})).await.expect(200);
        let mut policy = support(&owner);
        policy["limit"] = json!(1);
        app.policy(&owner, "support", policy).await;
        app.settled().await;
        let open = json!({ "confirm_unanswered": true, "reason": "prueba" });
        owner.post("/conversations/1/close", open).await.expect(200);
        visitor.writes("¿Ana?").await;
        app.settled().await;
        let c = newest(&owner).await;
        assert_eq!((&c["owner"], &c["reserved_for"]), (&Value::Null, &json!(ana.agent)), "kept although Berta has room");
        let why = owner.get(&format!("/conversations/{}/routing", c["id"])).await.expect(200)["why_waiting"].clone();
        assert_eq!(why["next_change"]["what"], "hold_ends", "{why}");
        for _ in 0..2 {
            app.advance(25_000);
            app.settled().await;
        }
        assert_eq!(newest(&owner).await["owner"], Value::Null);
        app.advance(11_000);
        app.settled().await;
        assert_eq!(newest(&owner).await["owner"]["id"], berta.agent.0);
        assert_eq!(owner.get(&format!("/users/{}", ana.agent)).await.expect(200)["load"], 1);
    }

    /// Row 45: who lets their own customer wait is rotated like anybody, and stays the customer's agent.
    async fn row_45_a_miss_is_cover_and_no_divorce(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (_, visitor, path) = customer(app, &owner).await;
        ana.put(&path, json!({ "agent": ana.agent })).await.expect(200);
        let _screens = (ana.screen(None).await, berta.screen(None).await);
        let mut policy = support(&owner);
        policy["reassign_seconds"] = json!(20);
        app.policy(&owner, "support", policy).await;
        assert_eq!(again(app, &owner, &visitor).await["owner"]["id"], ana.agent.0);
        app.advance(21_000);
        app.settled().await;
        assert_eq!(newest(&owner).await["owner"]["id"], berta.agent.0);
        assert_eq!(owner.get(&path).await.expect(200)["affinity"]["agent"], ana.agent.0);
        let open = newest(&owner).await["id"].clone();
        berta.post(&format!("/conversations/{open}/messages"), say("Hola, cubro a Ana")).await.expect(201);
        app.settled().await;
        assert_eq!(again(app, &owner, &visitor).await["owner"]["id"], ana.agent.0, "the next one is Ana's again");
    }

    /// Row 46: excluded or outside the group they are passed over with the reason; deactivated, it ends and is told.
    async fn row_46_who_may_not_have_it_is_passed_over_with_the_reason(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (_, visitor, path) = customer(app, &owner).await;
        ana.put(&path, json!({ "agent": ana.agent, "reason": "la conoce" })).await.expect(200);
        let _screens = (ana.screen(None).await, berta.screen(None).await);
        let mut policy = support(&owner);
        policy["excluded"] = json!([owner.agent, ana.agent]);
        app.policy(&owner, "support", policy).await;
        let skipped = async |c: &Value| {
            let log = owner.get(&format!("/routing-decisions?conversation={}", c["id"])).await.expect(200);
            let entered = log["items"].as_array().unwrap().iter().find(|d| d["act"] == "enqueue").unwrap().clone();
            assert_eq!(entered["reason"]["code"], "preferred_skipped", "{entered}");
            entered["reason"]["params"]["why"].clone()
        };
        let c = again(app, &owner, &visitor).await;
        assert_eq!((&c["owner"]["id"], skipped(&c).await), (&json!(berta.agent), json!("excluded")));
        app.policy(&owner, "support", support(&owner)).await;
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [berta.agent] })).await.expect(201);
        let channels = owner.get("/channel-accounts").await.expect(200);
        let channel = &channels["items"][0];
        let to = json!({ "default_group": group["id"] });
        owner.patch(&format!("/channel-accounts/{}", channel["id"]), channel["version"].as_i64().unwrap(), to).await.expect(200);
        let c = again(app, &owner, &visitor).await;
        assert_eq!((&c["owner"]["id"], skipped(&c).await), (&json!(berta.agent), json!("not_member")));
        assert_eq!(owner.get(&path).await.expect(200)["affinity"]["expires_at"], Value::Null, "still Ana's customer");
        let user = owner.get(&format!("/users/{}", ana.agent)).await.expect(200);
        owner.patch(&format!("/users/{}", ana.agent), user["version"].as_i64().unwrap(), json!({ "status": "suspended" })).await.expect(200);
        let c = again(app, &owner, &visitor).await;
        assert_eq!((&c["owner"]["id"], skipped(&c).await), (&json!(berta.agent), json!("inactive")));
        let ended = owner.get(&path).await.expect(200)["affinity"].clone();
        assert!(ended["expires_at"].as_i64().is_some_and(|at| at <= app.clock.now().0), "{ended}");
        let alerts = owner.get("/alerts").await.expect(200);
        let told: Vec<&Value> = alerts["items"].as_array().unwrap().iter().filter(|a| a["kind"] == "affinity_ended").collect();
        assert_eq!((told.len(), &told[0]["agent"]["name"]), (1, &json!("Ana")));
        // It is over: nothing more is passed over, and nothing more is told.
        let c = again(app, &owner, &visitor).await;
        let log = owner.get(&format!("/routing-decisions?conversation={}", c["id"])).await.expect(200);
        let entered = log["items"].as_array().unwrap().iter().find(|d| d["act"] == "enqueue").unwrap();
        assert_eq!(entered["reason"]["code"], "arrived");
        // Whoever is given Ana's customers has them from now on.
        let moved = owner.post("/affinities/reassign", json!({ "from": ana.agent, "to": berta.agent })).await.expect(200);
        assert_eq!(moved["customers"], 1);
        let given = owner.get(&path).await.expect(200)["affinity"].clone();
        assert_eq!((&given["agent"], &given["expires_at"]), (&json!(berta.agent), &Value::Null));
    }

    /// Row 47: a ceiling bounds how many chats one agent holds by affinity.
    async fn row_47_a_ceiling_bounds_what_affinity_gives(app) {
        let owner = app.owner().await;
        let (ana, berta) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await);
        let (key, first, path) = customer(app, &owner).await;
        let second = app.visitor(&key).await;
        second.writes("Hola").await;
        app.settled().await;
        let other = format!("/customers/{}/affinity", newest(&owner).await["customer"]["id"]);
        for path in [&path, &other] {
            owner.put(path, json!({ "agent": ana.agent })).await.expect(200);
        }
        let _screens = (ana.screen(None).await, berta.screen(None).await);
        for id in [1, 2] {
            let body = json!({ "confirm_unanswered": true, "reason": "prueba" });
            owner.post(&format!("/conversations/{id}/close"), body).await.expect(200);
        }
        let mut policy = support(&owner);
        policy["affinity"] = json!({ "ceiling": 1 });
        app.policy(&owner, "support", policy).await;
        first.writes("¿Ana?").await;
        app.settled().await;
        assert_eq!(newest(&owner).await["assigned_reason"]["code"], "affinity");
        second.writes("¿Ana?").await;
        app.settled().await;
        let c = newest(&owner).await;
        assert_eq!(c["owner"]["id"], berta.agent.0, "{c}");
        let log = owner.get(&format!("/routing-decisions?conversation={}", c["id"])).await.expect(200);
        let entered = log["items"].as_array().unwrap().iter().find(|d| d["act"] == "enqueue").unwrap();
        assert_eq!(entered["reason"]["params"], json!({ "agent": ana.agent, "why": "ceiling" }));
    }

    /// Row 48: the customer is talking to Luis on another number, so Luis gets what they write on this one.
    async fn row_48_one_customer_one_voice(app) {
        let second = ronda_simulator::Number {
            phone_number_id: "100000000000002".into(),
            display_phone: "+54 9 11 5555-0200".into(),
            ..ronda_simulator::Number::default()
        };
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let graph = app.whatsapp_with(&owner, json!({}), |c| c.numbers.push(second)).await;
        let body = json!({ "kind": "whatsapp", "name": "Otra", "phone_number_id": "100000000000002",
            "waba_id": "200000000000001", "access_token": "sim-token", "graph_url": graph.simulator.base_url() });
        owner.post("/channel-accounts", body).await.expect(201);
        app.policy(&owner, "support", support(&owner)).await;
        let _luis = luis.screen(None).await;
        let marta = graph.person("Marta", "+5491155552001").await;
        marta.writes("a la primera").await;
        luis.holds().await;
        // Ana has nothing to do: it would be her turn.
        let _ana = ana.screen(None).await;
        marta.sends(json!({ "text": "a la segunda", "phone_number_id": "100000000000002" })).await;
        let held = luis.until("/conversations", |l| l["items"].as_array().unwrap().len() == 2).await;
        let second = held["items"].as_array().unwrap().iter().max_by_key(|c| c["number"].as_i64()).unwrap();
        assert_eq!(second["assigned_reason"]["code"], "affinity", "{second}");
        app.settled().await;
    }

    /// Row 75: when two customers turn out to be one, whoever attends the one that stays, stays; otherwise the other's.
    async fn row_75_a_merge_keeps_owners_and_the_survivor_s_affinity(app) {
        let s = scene(app).await;
        let luis = app.member("luis", Role::Agent).await;
        let now = app.clock.now().0;
        let from = |id: &str, phone: Option<&str>, user: Option<&str>, at: i64| {
            let mut message = text(id, "", at, "hola");
            let fields = message.as_object_mut().unwrap();
            fields.remove("from");
            if let Some(phone) = phone { fields.insert("from".into(), phone.into()); }
            if let Some(user) = user { fields.insert("from_user_id".into(), user.into()); }
            json!({ "messages": [message] })
        };
        for (n, (older, newer)) in [(Some(s.ana.agent), Some(luis.agent)), (None, Some(luis.agent))].into_iter().enumerate() {
            let (phone, user) = (format!("549115555200{n}"), format!("AR.{n}"));
            let seen = async |count: usize| {
                let list = s.owner.until("/conversations?tray=agents", |l| l["items"].as_array().unwrap().len() == count).await;
                let mut all: Vec<Value> = list["items"].as_array().unwrap().clone();
                all.sort_by_key(|c| c["number"].as_i64());
                all
            };
            let at = now + 10_000 * n as i64;
            s.graph.delivers(from(&format!("a{n}"), Some(&phone), None, at)).await.expect(200);
            let stays = seen(1 + n).await.pop().unwrap();
            s.graph.delivers(from(&format!("b{n}"), None, Some(&user), at + 1_000)).await.expect(200);
            let goes = seen(2 + n).await.pop().unwrap();
            for (c, agent) in [(&stays, older), (&goes, newer)] {
                if let Some(agent) = agent {
                    let path = format!("/customers/{}/affinity", c["customer"]["id"]);
                    s.owner.put(&path, json!({ "agent": agent })).await.expect(200);
                }
            }
            s.graph.delivers(from(&format!("c{n}"), Some(&phone), Some(&user), at + 2_000)).await.expect(200);
            s.owner.until(&format!("/conversations/{}", goes["id"]), |c| c["place"] == "closed").await;
            app.settled().await;
            let kept = s.owner.get(&format!("/customers/{}/affinity", stays["customer"]["id"])).await.expect(200);
            assert_eq!(kept["affinity"]["agent"], older.or(newer).unwrap().0, "{n}");
            let held = s.owner.get(&format!("/conversations/{}", stays["id"])).await.expect(200);
            assert_eq!(held["owner"], stays["owner"], "owners stay");
        }
    }
}
