//! The live wall of supervisors (spec REP-11).

use ronda_domain::permission::Role;
use ronda_server::app::wall::Onlooker;
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

async fn wall(by: &Browser) -> Value {
    by.get("/routing/overview").await.expect(200)
}

fn agent<'a>(wall: &'a Value, of: &Browser) -> &'a Value {
    let agents = wall["agents"].as_array().unwrap();
    agents.iter().find(|a| a["id"] == of.agent.0).unwrap()
}

async fn arrive(app: &TestApp, key: &str, n: usize) {
    for i in 0..n {
        app.visitor(key).await.writes(&format!("Consulta {i}")).await;
    }
    app.settled().await;
}

api_suite! {
    async fn rep_11_queues_say_why_nobody_takes_what_waits(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "limit": 1, "excluded": [owner.agent, sofia.agent] })).await;
        arrive(app, &key, 3).await;
        let before = wall(&sofia).await;
        assert_eq!((&before["waiting"], &before["held"]), (&json!(3), &json!(0)), "{before}");
        let queue = &before["queues"][0];
        assert_eq!((&queue["waiting"], &queue["group"]), (&json!(3), &Value::Null));
        assert_eq!(queue["reasons"], json!([{ "reason": "not_online", "conversations": 3 }]), "{queue}");
        let lost: i64 = queue["lost"].as_array().unwrap().iter().map(|l| l["count"].as_i64().unwrap()).sum();
        assert_eq!(lost, queue["members"].as_i64().unwrap());
        let _screen = ana.screen(None).await;
        app.settled().await;
        let after = wall(&sofia).await;
        assert_eq!((&after["waiting"], &after["held"], &after["unanswered"]), (&json!(2), &json!(1), &json!(1)), "{after}");
        assert_eq!(after["queues"][0]["reasons"], json!([{ "reason": "full", "conversations": 2 }]));
        let seen = agent(&after, &ana);
        assert_eq!((&seen["state"], &seen["load"], &seen["limit"], &seen["owed"]), (&json!("online"), &json!(1), &json!(1), &json!(1)));
        assert_eq!((&seen["oldest"], &seen["strikes"]), (&after["expiring"][0]["id"], &json!(0)));
        assert!(seen["life_at"].is_i64() && seen["oldest_owed_since"].is_i64(), "{seen}");
        assert_eq!(agent(&after, &sofia)["excluded"], true);
    }

    /// A supervisor of a team sees their part of the wall; so does the screen in the room whose link they made.
    async fn rep_11_a_supervisor_of_a_team_sees_their_part_of_the_wall(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let ventas = owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent, sofia.agent] })).await.expect(201);
        let soporte = owner.post("/groups", json!({ "name": "Soporte", "members": [luis.agent] })).await.expect(201);
        let (_, one) = app.web_chat(&owner, json!({ "default_group": ventas["id"] })).await;
        let (_, two) = app.web_chat(&owner, json!({ "name": "Soporte", "default_group": soporte["id"] })).await;
        app.policy(&owner, "support", json!({ "limit": 1, "presence": "online", "excluded": [owner.agent, sofia.agent] })).await;
        let _screens = (ana.screen(None).await, luis.screen(None).await);
        arrive(app, &one, 2).await;
        arrive(app, &two, 3).await;
        let whole = wall(&sofia).await;
        assert_eq!((&whole["waiting"], &whole["held"]), (&json!(3), &json!(2)), "{whole}");
        let path = format!("/users/{}", sofia.agent);
        let version = owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        owner.patch(&path, version, json!({ "options": { "sees": "team" } })).await.expect(200);
        let part = wall(&sofia).await;
        assert_eq!((&part["waiting"], &part["held"], &part["unanswered"]), (&json!(1), &json!(1), &json!(1)), "{part}");
        let ids = |list: &Value, of: &str| -> Vec<Value> { list.as_array().unwrap().iter().map(|x| x[of].clone()).collect() };
        let queues = part["queues"].as_array().unwrap().iter().filter(|q| q["waiting"] != 0 || !q["group"].is_null());
        assert_eq!(queues.map(|q| q["group_name"].clone()).collect::<Vec<_>>(), [json!("Ventas")]);
        let mut people = ids(&part["agents"], "id");
        people.sort_by_key(Value::as_i64);
        assert_eq!(people, [json!(sofia.agent), json!(ana.agent)]);
        assert_eq!(part["expiring"].as_array().unwrap().len(), 1);
        assert_eq!(part["expiring"][0]["group"]["name"], "Ventas");
        let shown = async |link: &Value| {
            let token = link["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            app.browser().get(&format!("/wall/{token}")).await.expect(200)
        };
        let make = json!({ "name": "Sala", "names": true });
        let theirs = shown(&sofia.post("/wall-links", make.clone()).await.expect(201)).await;
        assert_eq!((&theirs["waiting"], theirs["agents"].as_array().unwrap().len()), (&json!(1), 2), "{theirs}");
        let all = shown(&owner.post("/wall-links", make).await.expect(201)).await;
        assert_eq!((&all["waiting"], all["agents"].as_array().unwrap().len()), (&json!(3), 4), "{all}");
        // The owner's own is as it was.
        assert_eq!(wall(&owner).await["waiting"], 3);
    }

    /// Row 4: silence after a first answer moves nothing and is marked, and supervisors and the agent are told once.
    async fn rep_11_silence_after_an_answer_is_overdue(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola").await;
        app.settled().await;
        ana.says(&json!(1), "Hola, decime").await;
        visitor.writes("¿Tienen yerba?").await;
        app.settled().await;
        app.advance(59_000);
        app.settled().await;
        assert_eq!(wall(&owner).await["overdue_total"], 0);
        let mut screen = ana.screen(None).await;
        app.advance(2_000);
        app.settled().await;
        let seen = wall(&owner).await;
        assert_eq!((&seen["overdue_total"], &seen["overdue"][0]["conversation"]["id"]), (&json!(1), &json!(1)), "{seen}");
        screen.until("alert.raised", |a| a["kind"] == "overdue").await;
        ana.says(&json!(1), "Sí").await;
        app.settled().await;
        assert_eq!(wall(&owner).await["overdue_total"], 0);
        let alerts = owner.get("/alerts").await.expect(200);
        let overdue = alerts["items"].as_array().unwrap().iter().filter(|a| a["kind"] == "overdue").count();
        assert_eq!(overdue, 1);
    }

    /// Whoever asks after an event sees it, also when many ask at once.
    async fn rep_11_1_the_wall_is_right_after_each_event(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        for n in 1..=6_i64 {
            arrive(app, &key, 1).await;
            let looks = (0..8).map(|_| wall(&owner));
            for seen in futures_util::future::join_all(looks).await {
                assert_eq!(seen["waiting"], n, "{seen}");
            }
        }
    }

    /// Given any event, then the wall is right within 1 s at 1,000 agents, while others look at it too.
    async fn rep_11_1_a_thousand_agents_are_seen_within_a_second(app) {
        let owner = app.owner().await;
        let w = app.workspace().await;
        for n in 0..1_000 {
            app.join(w, &format!("agent{n}"), Role::Agent).await;
        }
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": null })).await;
        arrive(app, &key, 20).await;
        let watchers = (0..4).map(|_| async { for _ in 0..20 { app.app.walls.look(&app.app, w, Onlooker::ALL).await.unwrap(); } });
        let mut slowest = std::time::Duration::ZERO;
        let measured = async {
            for n in 21..=25 {
                let visitor = app.visitor(&key).await;
                let begun = std::time::Instant::now();
                visitor.writes("Hola").await;
                while app.app.walls.look(&app.app, w, Onlooker::ALL).await.unwrap().overview.held < n {}
                slowest = slowest.max(begun.elapsed());
            }
        };
        futures_util::future::join(futures_util::future::join_all(watchers), measured).await;
        let seen = app.app.walls.look(&app.app, w, Onlooker::ALL).await.unwrap();
        assert_eq!(seen.overview.agents.len(), 1_001);
        println!("1,000 agents: the wall was right {slowest:?} after the customer began to send, {} bytes", seen.body.len());
        assert!(slowest < std::time::Duration::from_millis(700), "{slowest:?}: a screen asks 300 ms after an event at most");
    }

    /// A link shows the wall without customers, by its own token, until it is revoked.
    async fn rep_11_a_link_shows_the_wall_and_nothing_else(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        arrive(app, &key, 2).await;
        owner.post("/wall-links", json!({ "name": " " })).await.wrong("/name", "required");
        owner.post("/wall-links", json!({ "name": "x".repeat(81) })).await.wrong("/name", "too_long");
        ana.post("/wall-links", json!({ "name": "Sala" })).await.problem(403, "forbidden");
        let mut tokens = Vec::new();
        for names in [false, true] {
            let made = owner.post("/wall-links", json!({ "name": "Sala", "names": names })).await.expect(201);
            let link = made["link"].as_str().unwrap().to_owned();
            tokens.push((made["id"].clone(), link.rsplit('/').next().unwrap().to_owned()));
        }
        assert_ne!(tokens[0].1, tokens[1].1);
        assert!(tokens[0].1.len() >= 43, "256 bits");
        let tv = app.browser();
        let plain = tv.get(&format!("/wall/{}", tokens[0].1)).await.expect(200);
        assert_eq!((&plain["waiting"], &plain["agents"][0]["name"]), (&json!(2), &Value::Null), "{plain}");
        let text = plain.to_string();
        for private in ["Consulta", "Ana", "Olga", "customer", "conversation", "email"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
        let named = tv.get(&format!("/wall/{}", tokens[1].1)).await.expect(200);
        assert!(named["agents"].as_array().unwrap().iter().any(|a| a["name"] == "Ana"), "{named}");
        // Nothing else: the token is no session.
        tv.get("/routing/overview").await.problem(401, "unauthenticated");
        assert_eq!(owner.get("/wall-links").await.expect(200)["items"][0]["link"], Value::Null, "given once");
        owner.delete(&format!("/wall-links/{}", tokens[0].0)).await.expect(204);
        tv.get(&format!("/wall/{}", tokens[0].1)).await.problem(404, "not_found");
        owner.delete(&format!("/wall-links/{}", tokens[0].0)).await.problem(404, "not_found");
        let log = owner.get("/audit-entries?object=wall-links").await.expect(200);
        assert_eq!(log["items"].as_array().unwrap().len(), 3);
    }

    /// Given whisper, then only agents see it.
    async fn rep_11_2_a_whisper_reaches_agents_only(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent, sofia.agent] })).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola").await;
        app.settled().await;
        let mut screen = ana.screen(None).await;
        let note = json!({ "client_id": uuid::Uuid::now_v7(), "note": true, "content": { "type": "text", "text": "Ofrecele el envío gratis" } });
        sofia.post("/conversations/1/messages", note).await.expect(201);
        let heard = screen.until("message.created", |m| m["direction"] == "note").await;
        assert_eq!((&heard["content"]["text"], &heard["agent"]["name"]), (&json!("Ofrecele el envío gratis"), &json!("Sofia")));
        app.settled().await;
        let read = visitor.reads(0).await;
        assert!(!read.to_string().contains("envío gratis"), "{read}");
        // It is no answer: the customer is still owed one, by the same agent.
        let seen = wall(&sofia).await;
        assert_eq!((agent(&seen, &ana)["owed"].clone(), seen["unanswered"].clone()), (json!(1), json!(1)));
    }

    /// Given rotation paused, then clocks freeze and resume with the remainder.
    async fn rep_11_3_a_pause_freezes_the_clocks(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent, sofia.agent] })).await;
        arrive(app, &key, 1).await;
        let first = wall(&sofia).await["expiring"][0].clone();
        app.advance(40_000);
        app.settled().await;
        ana.post("/rotation-pauses", json!({ "minutes": 5 })).await.problem(403, "forbidden");
        sofia.post("/rotation-pauses", json!({ "minutes": 61 })).await.wrong("/minutes", "out_of_range");
        sofia.post("/rotation-pauses", json!({ "minutes": 5, "group": 99 })).await.wrong("/group", "unknown");
        let pause = sofia.post("/rotation-pauses", json!({ "minutes": 10 })).await.expect(201);
        app.settled().await;
        let seen = wall(&sofia).await;
        assert_eq!(seen["pauses"], json!([{ "group": null, "until": pause["until"] }]), "{seen}");
        // Longer than the clock had left: nothing moves.
        app.advance(120_000);
        app.settled().await;
        assert_eq!(wall(&sofia).await["expiring"][0]["owner"], first["owner"]);
        sofia.post("/rotation-pauses", json!({ "minutes": 0 })).await.expect(201);
        app.settled().await;
        let resumed = wall(&sofia).await;
        assert_eq!(resumed["pauses"], json!([]));
        let left = resumed["expiring"][0]["rotate_at"].as_i64().unwrap() - app.clock.now().0;
        assert!((15_000..=20_000).contains(&left), "{left} of the 20 s that were left");
        app.advance(21_000);
        app.settled().await;
        let other = if first["owner"]["id"] == ana.agent.0 { &berta } else { &ana };
        assert_eq!(wall(&sofia).await["expiring"][0]["owner"]["id"], other.agent.0);
        let log = owner.get("/audit-entries?object=rotation").await.expect(200);
        let actions: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
        assert_eq!(actions, ["resumed", "paused"]);
    }

    async fn rep_11_only_supervisors_see_it(app) {
        app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        ana.get("/routing/overview").await.problem(403, "forbidden");
        ana.get("/incidents").await.problem(403, "forbidden");
    }
}
