//! A WhatsApp number, connected and used against the simulator of the platform (spec PS-2, CORE-4, AG-14).

use ronda_domain::permission::Role;
use ronda_simulator::Faults;
use ronda_testkit::{Browser, Graph, Screen, TestApp, api_suite, eventually, text};
use serde_json::{Value, json};

/// A number, its owner, and an agent who is online and gets what waits.
pub struct Scene {
    pub owner: Browser,
    pub ana: Browser,
    pub graph: Graph,
    _screen: Screen,
}

pub async fn scene(app: &TestApp) -> Scene {
    let owner = app.owner().await;
    let ana = app.member("ana", Role::Agent).await;
    let graph = app.whatsapp(&owner).await;
    app.policy(&owner, "support", json!({ "excluded": [owner.agent] }))
        .await;
    let screen = ana.screen(None).await;
    Scene {
        owner,
        ana,
        graph,
        _screen: screen,
    }
}

pub fn says(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": text } })
}

/// Conversations of whatsapp close by time a day after the customer wrote; tests of the window switch that off.
async fn never_closes(owner: &Browser) {
    let workspace = owner.get("/workspace").await.expect(200);
    let version = workspace["version"].as_i64().unwrap();
    let off = json!({ "auto_close": { "agent": null, "waiting": null, "bot": null, "outbound": null } });
    owner.patch("/workspace", version, off).await.expect(200);
}

fn template(name: &str, parameters: &[&str]) -> Value {
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|p| json!({ "type": "text", "text": p }))
        .collect();
    json!({ "type": "template", "name": name, "language": "es_AR",
        "components": [{ "type": "body", "parameters": parameters }] })
}

fn start(account: i64, phone: &str, content: Value) -> Value {
    json!({ "channel_account": account, "phone": phone, "client_id": uuid::Uuid::now_v7(), "content": content })
}

api_suite! {
    async fn ps_2_1_a_sandbox_number_sends_and_receives(app) {
        let s = scene(app).await;
        assert_eq!(s.graph.connected["status"], "connected");
        assert_eq!(s.graph.connected["health"]["subscribed"], true, "{}", s.graph.connected);
        assert_eq!(s.graph.connected["health"]["callback_error"], Value::Null);
        assert_eq!(s.graph.connected["health"]["last_webhook_at"], Value::Null);
        assert_eq!(s.graph.connected["settings"]["display_phone"], "+54 9 11 5555-0100");
        assert!(!s.graph.connected.to_string().contains("sim-token"), "secrets stay in the server");
        let marta = s.graph.person("Marta Gómez", "+54 9 11 5555-2001").await;
        marta.writes("Hola, ¿abren hoy?").await;
        let held = s.ana.holds().await;
        assert_eq!(held["customer"]["name"], "Marta Gómez");
        assert_eq!(held["last_message"]["preview"], "Hola, ¿abren hoy?");
        assert_eq!(held["window"]["state"], "open");
        let account = s.owner.get(&format!("/channel-accounts/{}", s.graph.account)).await.expect(200);
        assert!(account["health"]["last_webhook_at"].is_i64(), "{account}");
        let sent = s.ana.says(&held["id"], "¡Sí! Hasta las 20.").await;
        assert_eq!(sent["status"], "queued");
        assert_eq!(marta.received(1).await[0]["body"]["body"], "¡Sí! Hasta las 20.");
        let sent = s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
        assert!(sent["status_at"]["sent"].is_i64() && sent["status_at"]["delivered"].is_i64(), "{sent}");
        marta.does("read", json!({})).await;
        s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "read").await;
        app.settled().await;
    }

    async fn plat_13_4_conversations_of_a_simulated_number_say_so(app) {
        let s = scene(app).await;
        assert_eq!(s.graph.connected["simulated"], true);
        s.graph.person("Marta", "+5491155552001").await.writes("Hola").await;
        assert_eq!(s.ana.holds().await["simulated"], true);
        let (_, key) = app.web_chat(&s.owner, json!({})).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        let list = s.owner.get("/conversations?tray=agents").await.expect(200);
        let marks: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|c| &c["simulated"]).collect();
        assert!(marks.contains(&&json!(true)) && marks.contains(&&json!(false)), "{marks:?}");
    }

    async fn ps_2_2_a_wrong_signature_is_refused_and_counted(app) {
        let s = scene(app).await;
        let body = json!({ "object": "whatsapp_business_account", "entry": [] }).to_string();
        s.graph.posts(&s.graph.webhook, body.as_bytes(), "another secret").await.problem(401, "signature");
        s.graph.posts(&s.graph.webhook, b"not even JSON", "another secret").await.problem(401, "signature");
        let path = format!("/channel-accounts/{}", s.graph.account);
        let health = s.owner.get(&path).await.expect(200)["health"].clone();
        assert_eq!(health["refused_signatures"], 2);
        assert_eq!(s.owner.get("/inbound-failures").await.expect(200)["items"], json!([]), "the body was not read");
    }

    async fn ps_2_3_a_dead_token_holds_messages_back_until_it_is_repaired(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let graph = app.whatsapp_with(&owner, json!({}), |c| c.tokens = vec!["sim-token".into(), "second".into()]).await;
        app.policy(&owner, "support", json!({ "excluded": [owner.agent] })).await;
        let _screen = ana.screen(None).await;
        let mut told = owner.screen(None).await;
        let marta = graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = ana.holds().await;
        graph.faults(json!({ "error_code": 190, "error_rate": 1.0 })).await;
        let sent = ana.says(&held["id"], "¡Hola!").await;
        let path = format!("/channel-accounts/{}", graph.account);
        told.until("channel.changed", |c| c["status"] == "disconnected").await;
        let broken = owner.until(&path, |a| a["status"] == "disconnected").await;
        assert!(broken["status_detail"].as_str().unwrap().contains("190"), "{broken}");
        assert_eq!(broken["waiting"], 1);
        assert!(broken["waiting_since"].is_i64());
        let waits = ana.message(&held["id"], &sent["id"], |_| true).await;
        assert_eq!(waits["status"], "queued", "nothing is lost and nothing failed");
        graph.faults(json!({})).await;
        let version = broken["version"].as_i64().unwrap();
        owner.patch(&path, version, json!({ "access_token": "a third" })).await.wrong("/access_token", "refused");
        let repaired = owner.patch(&path, version, json!({ "access_token": "second" })).await.expect(200);
        assert_eq!(repaired["status"], "connected");
        assert_eq!(marta.received(1).await[0]["body"]["body"], "¡Hola!");
        ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
        owner.until(&path, |a| a["waiting"] == 0).await;
        // The same by asking the platform again, when the token itself was restored there.
        graph.faults(json!({ "error_code": 190, "error_rate": 1.0 })).await;
        ana.says(&held["id"], "¿Seguís ahí?").await;
        owner.until(&path, |a| a["status"] == "disconnected").await;
        graph.faults(json!({})).await;
        assert_eq!(owner.post(&format!("{path}/check"), json!({})).await.expect(200)["status"], "connected");
        assert_eq!(marta.received(2).await[1]["body"]["body"], "¿Seguís ahí?");
    }

    async fn ps_2_4_a_number_belongs_to_one_workspace(app) {
        let s = scene(app).await;
        app.new_workspace("Vecina", "vera").await;
        let vera = app.sign_in("vera").await;
        let body = json!({ "kind": "whatsapp", "name": "Mía", "phone_number_id": "100000000000001",
            "waba_id": "200000000000001", "access_token": "sim-token", "graph_url": s.graph.simulator.base_url() });
        vera.post("/channel-accounts", body.clone()).await.problem(409, "number_taken");
        s.owner.post("/channel-accounts", body.clone()).await.problem(409, "number_taken");
        let wrong = |key: &str, value: &str| {
            let mut body = body.clone();
            body[key] = value.into();
            body
        };
        vera.post("/channel-accounts", wrong("access_token", "nope")).await.wrong("/access_token", "refused");
        vera.post("/channel-accounts", wrong("phone_number_id", "1234567")).await.wrong("/phone_number_id", "refused");
        vera.post("/channel-accounts", wrong("phone_number_id", "12 34")).await.wrong("/phone_number_id", "format");
        vera.post("/channel-accounts", wrong("graph_url", "https://example.com")).await.wrong("/graph_url", "format");
        assert_eq!(vera.get("/channel-accounts").await.expect(200)["items"], json!([]));
    }

    async fn ps_2_5_a_burst_of_1_000_updates_in_one_body_is_accepted_at_once_and_processed(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        let messages: Vec<Value> = (0..1_000)
            .map(|n| text(&format!("wamid.{n}"), &format!("54911555{:05}", 60_000 + n % 50), now + n, &format!("mensaje {n}")))
            .collect();
        let begun = std::time::Instant::now();
        let answer = s.graph.delivers(json!({ "messages": messages })).await;
        assert_eq!(answer.status, 200);
        assert!(begun.elapsed().as_millis() < 1_000, "accepted after {:?}", begun.elapsed());
        s.owner
            .until("/conversations/counts", |c| {
                c["agents"]["active"].as_i64().unwrap() + c["unassigned"]["active"].as_i64().unwrap() == 50
            })
            .await;
        app.settled().await;
        let mut all = Vec::new();
        for tray in ["agents", "unassigned"] {
            let list = s.owner.get(&format!("/conversations?tray={tray}&limit=200")).await.expect(200);
            all.extend(list["items"].as_array().unwrap().iter().map(|c| c["id"].clone()));
        }
        assert_eq!(all.len(), 50);
        for id in &all {
            app.advance(1_000);
            assert_eq!(s.owner.messages(id, 20).await.len(), 20);
        }
        app.settled().await;
    }

    async fn core_4_1_free_text_ends_with_the_24_hours_and_a_template_does_not(app) {
        let s = scene(app).await;
        never_closes(&s.owner).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let path = format!("/conversations/{}/messages", held["id"]);
        // A day after the time of the platform, which knows whole seconds.
        let ends = held["window"]["closes_at"].as_i64().unwrap();
        assert_eq!(ends, held["last_customer_at"].as_i64().unwrap() + 24 * 3_600_000);
        assert_eq!(ends % 1_000, 0);
        s.ana.says(&held["id"], "¡Hola!").await;
        app.advance(ends - 60_000 - app.clock.now().0);
        // A session of yesterday is over.
        let ana = app.sign_in("ana").await;
        let _screen = ana.screen(None).await;
        ana.post(&path, says("a las 23:59")).await.expect(201);
        app.advance(ends - app.clock.now().0);
        let refused = ana.post(&path, says("a las 24:00")).await.problem(409, "window_closed");
        assert!(refused.body["detail"].as_str().unwrap().contains("template"));
        let window = ana.get(&format!("/conversations/{}", held["id"])).await.expect(200)["window"].clone();
        assert_eq!(window, json!({ "state": "closed", "closes_at": null, "refused": false }));
        let body = json!({ "client_id": uuid::Uuid::now_v7(), "content": template("bienvenida", &["Marta"]) });
        ana.post(&path, body).await.expect(201);
        // Any message of the customer opens it again.
        let later = app.clock.now().0;
        s.graph.delivers(json!({ "messages": [text("wamid.B", "5491155552001", later, "¿Y?")] })).await.expect(200);
        ana.until(&format!("/conversations/{}", held["id"]), |c| c["window"]["state"] == "open").await;
        ana.post(&path, says("Acá estoy")).await.expect(201);
    }

    async fn ps_2_numbers_of_one_business_account_are_delivered_together(app) {
        let second = ronda_simulator::Number {
            phone_number_id: "100000000000002".into(),
            display_phone: "+54 9 11 5555-0200".into(),
            ..ronda_simulator::Number::default()
        };
        let owner = app.owner().await;
        let graph = app.whatsapp_with(&owner, json!({}), |c| c.numbers.push(second)).await;
        let body = json!({ "kind": "whatsapp", "name": "Otra", "phone_number_id": "100000000000002",
            "waba_id": "200000000000001", "access_token": "sim-token", "graph_url": graph.simulator.base_url() });
        owner.post("/channel-accounts", body).await.expect(201);
        let marta = graph.person("Marta", "+5491155552001").await;
        marta.writes("a la primera").await;
        marta.sends(json!({ "text": "a la segunda", "phone_number_id": "100000000000002" })).await;
        let active = |n: i64| move |c: &Value| c["unassigned"]["active"] == n;
        owner.until("/conversations/counts", active(2)).await;
        // The callback moves when its number goes.
        let all = owner.get("/channel-accounts").await.expect(200);
        let last = all["items"].as_array().unwrap().last().unwrap()["id"].clone();
        assert_eq!(owner.delete(&format!("/channel-accounts/{last}")).await.status, 204);
        let pedro = graph.person("Pedro", "+5491155552002").await;
        pedro.writes("¿Siguen ahí?").await;
        owner.until("/conversations/counts", active(3)).await;
    }

    async fn core_4_3_a_window_belongs_to_one_number(app) {
        let second = ronda_simulator::Number {
            phone_number_id: "100000000000002".into(),
            display_phone: "+54 9 11 5555-0200".into(),
            ..ronda_simulator::Number::default()
        };
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let graph = app.whatsapp_with(&owner, json!({}), |c| c.numbers.push(second)).await;
        let body = json!({ "kind": "whatsapp", "name": "Otra", "phone_number_id": "100000000000002",
            "waba_id": "200000000000001", "access_token": "sim-token", "graph_url": graph.simulator.base_url() });
        let other = owner.post("/channel-accounts", body).await.expect(201)["id"].as_i64().unwrap();
        app.policy(&owner, "support", json!({ "excluded": [owner.agent] })).await;
        let _screen = ana.screen(None).await;
        let marta = graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = ana.holds().await;
        ana.says(&held["id"], "¡Hola!").await;
        marta.received(1).await;
        let on_b = start(other, "+5491155552001", json!({ "type": "text", "text": "Desde la otra línea" }));
        ana.post("/conversations", on_b).await.problem(409, "window_closed");
        let on_b = start(other, "+5491155552001", template("bienvenida", &["Marta"]));
        let begun = ana.post("/conversations", on_b).await.expect(201);
        assert_eq!(begun["conversation"]["customer"]["id"], held["customer"]["id"], "one customer, two numbers");
        assert_ne!(begun["conversation"]["id"], held["id"]);
        assert_eq!(begun["conversation"]["window"]["state"], "closed");
    }

    async fn core_4_5_the_platform_s_refusal_corrects_the_window_and_keeps_the_text(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        marta.does("close_window", json!({})).await;
        let sent = s.ana.says(&held["id"], "¿Seguís ahí?").await;
        let failed = s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "failed").await;
        assert_eq!(failed["error"]["code"], 131_047);
        assert_eq!(failed["content"]["text"], "¿Seguís ahí?", "nothing typed is lost");
        let conversation = s.ana.get(&format!("/conversations/{}", held["id"])).await.expect(200);
        assert_eq!(conversation["window"], json!({ "state": "closed", "closes_at": null, "refused": true }));
        assert!(conversation["owed_since"].is_i64(), "the customer is owed an answer again");
        let path = format!("/conversations/{}/messages", held["id"]);
        s.ana.post(&path, says("otra vez")).await.problem(409, "window_closed");
        app.settled().await;
        marta.writes("Sí, decime").await;
        s.ana.until(&format!("/conversations/{}", held["id"]), |c| c["window"]["state"] == "open").await;
        s.ana.post(&path, says("¿Seguís ahí?")).await.expect(201);
        assert_eq!(marta.received(1).await[0]["body"]["body"], "¿Seguís ahí?");
        // The same refusal by a status instead of by the answer.
        marta.does("close_window", json!({})).await;
        s.graph.faults(json!({ "window_by_status": true })).await;
        let late = s.ana.says(&held["id"], "Una cosa más").await;
        s.ana.message(&held["id"], &late["id"], |m| m["status"] == "failed" && m["error"]["code"] == 131_047).await;
        s.ana.until(&format!("/conversations/{}", held["id"]), |c| c["window"]["refused"] == true).await;
        app.settled().await;
    }

    async fn core_5_1_what_exceeds_the_limits_of_the_channel_is_refused_with_its_reason(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let path = format!("/conversations/{}/messages", held["id"]);
        let send = async |content: Value| s.ana.post(&path, json!({ "client_id": uuid::Uuid::now_v7(), "content": content })).await;
        send(json!({ "type": "text", "text": "ñ".repeat(4_097) })).await.wrong("/content/text", "limit");
        send(json!({ "type": "text", "text": " " })).await.wrong("/content/text", "required");
        let mut photo = vec![0xFF, 0xD8, 0xFF, 0xE0];
        photo.resize(6 << 20, 0);
        let file = upload(&s.ana, "foto.jpg", "image/jpeg", &photo).await;
        send(json!({ "type": "image", "file": file })).await.wrong("/content/size", "limit");
        let gif = upload(&s.ana, "gato.gif", "image/gif", b"GIF89a0000000000").await;
        send(json!({ "type": "image", "file": gif })).await.wrong("/content/mime", "limit");
        let choice = |n: usize| json!({ "id": format!("b{n}"), "title": format!("Opción {n}") });
        let four: Vec<Value> = (0..4).map(choice).collect();
        let answer = send(json!({ "type": "interactive", "body": "¿Cuál?", "buttons": four })).await.problem(422, "invalid");
        assert!(answer.body["errors"][0]["pointer"].as_str().unwrap().starts_with("/content/buttons"), "{}", answer.body);
        // It goes out as a link, which works without signing in and ends.
        let limits = s.ana.get("/content-limits").await.expect(200);
        assert_eq!(limits["whatsapp"]["image"], json!({ "types": ["image/jpeg", "image/png"], "max_bytes": 5 << 20 }));
        let link = s.ana.post(&format!("/files/{}/link", file.as_str().unwrap()), json!({})).await.expect(201);
        let text = link["text"].as_str().unwrap();
        assert!(text.starts_with("foto.jpg (6 MB): http"), "{text}");
        send(json!({ "type": "text", "text": text })).await.expect(201);
        let path = link["url"].as_str().unwrap().trim_start_matches(&app.address).to_owned();
        let stranger = app.browser();
        let got = stranger.outside("GET", &path).send().await.unwrap();
        assert_eq!(got.status(), 200);
        assert!(got.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(got.bytes().await.unwrap().len(), 6 << 20);
        stranger.send(stranger.outside("GET", &format!("{path}x"))).await.problem(404, "not_found");
        let again = s.ana.post(&format!("/files/{}/link", file.as_str().unwrap()), json!({})).await.expect(201);
        assert_eq!(again["downloads"], 1);
        assert_ne!(again["url"], link["url"]);
        // Whoever does not see the file cannot give it away.
        let luis = app.member("luis", Role::Agent).await;
        luis.post(&format!("/files/{}/link", file.as_str().unwrap()), json!({})).await.problem(404, "not_found");
        // The very limit passes.
        send(json!({ "type": "text", "text": "ñ".repeat(4_096) })).await.expect(201);
        marta.received(2).await;
        app.advance(30 * 24 * 3_600_000 + 1);
        stranger.send(stranger.outside("GET", &path)).await.problem(410, "link_expired");
    }

    /// Given a campaign of 1,000, then Salientes grows, Activos does not; a reply moves exactly one.
    async fn ag_6_2_a_thousand_begun_by_us_are_outbound_and_a_reply_moves_exactly_one(app) {
        let s = scene(app).await;
        // One state for each of the thousand is enough here.
        s.graph.simulator.set_faults(Faults { never_read: true, skip_delivered: true, ..Faults::default() });
        let before = s.owner.get("/conversations/counts").await.expect(200);
        let mut people = vec![];
        for n in 0..10 {
            people.push(app.member(&format!("agente{n}"), Role::Agent).await);
        }
        for hundred in 0..10 {
            let sends = people.iter().enumerate().map(|(n, person)| async move {
                for i in 0..10 {
                    let phone = format!("+5491150{:06}", hundred * 100 + n * 10 + i);
                    let body = start(s.graph.account, &phone, template("bienvenida", &["Marta"]));
                    person.post("/conversations", body).await.expect(201);
                }
            });
            futures_util::future::join_all(sends).await;
        }
        let counts = s.owner.get("/conversations/counts").await.expect(200);
        assert_eq!(counts["agents"]["outbound"], 1_000, "{counts}");
        assert_eq!(counts["agents"]["active"], before["agents"]["active"]);
        assert_eq!(counts["unassigned"]["active"], before["unassigned"]["active"]);
        assert_eq!(people[3].get("/conversations/counts").await.expect(200)["mine"]["outbound"], 100);
        let now = app.clock.now().0;
        s.graph.delivers(json!({ "messages": [text("wamid.R", "5491150000437", now, "Sí, quiero")] })).await.expect(200);
        app.ingested().await;
        eventually("one has moved", async || {
            let counts = s.owner.get("/conversations/counts").await.expect(200);
            let (outbound, active) = (&counts["agents"]["outbound"], &counts["agents"]["active"]);
            (*outbound == 999 && active.as_i64() == Some(1)).then_some(())
        })
        .await;
        app.settled().await;
        let moved = s.owner.get("/conversations?tray=agents").await.expect(200);
        assert_eq!(moved["items"].as_array().unwrap().len(), 1);
        assert_eq!((&moved["items"][0]["outbound"], &moved["items"][0]["state"]), (&json!(true), &json!("active")));
    }

    async fn ag_14_a_template_begins_a_conversation_and_the_reply_comes_back_to_its_sender_row_76(app) {
        let s = scene(app).await;
        let luis = app.member("luis", Role::Agent).await;
        let _screen = luis.screen(None).await;
        let list = luis.get(&format!("/templates?channel_account={}", s.graph.account)).await.expect(200);
        let names: Vec<&str> = list["items"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"bienvenida") && names.contains(&"order_update"), "{names:?}");
        let body = start(s.graph.account, "011 15 5555-2001", template("bienvenida", &["Marta"]));
        let begun = luis.post("/conversations", body.clone()).await.expect(201);
        let conversation = &begun["conversation"];
        assert_eq!(conversation["state"], "outbound");
        assert_eq!(conversation["place"], "bot");
        assert_eq!(conversation["owner"]["id"], luis.agent.0);
        assert_eq!(conversation["window"]["state"], "closed");
        assert!(!begun["message"]["content"]["preview"].as_str().unwrap().contains("{{"), "{begun}");
        let again = luis.post("/conversations", body).await.expect(200);
        assert_eq!(again["message"]["id"], begun["message"]["id"], "the same request sends nothing twice");
        luis.message(&conversation["id"], &begun["message"]["id"], |m| m["status"] == "read").await;
        let mine = luis.get("/conversations?tray=mine&state=outbound").await.expect(200);
        assert_eq!(mine["items"][0]["id"], conversation["id"]);
        assert_eq!(luis.get("/conversations/counts").await.expect(200)["mine"]["outbound"], 1);
        // Nobody waits for it and it counts for no limit.
        app.settled().await;
        assert_eq!(s.owner.get("/routing/overview").await.expect(200)["waiting"], 0);
        // For others it is not there, and a second one is not begun.
        let ana = start(s.graph.account, "+54 9 11 5555-2001", template("bienvenida", &["Marta"]));
        let refused = s.ana.post("/conversations", ana).await.problem(409, "not_owner");
        assert!(refused.body.to_string().contains("Luis"), "{}", refused.body);
        // Ana has less to do, and still it is Luis to whom the customer answers.
        let busy = s.graph.person("Otro", "+5491155553000").await;
        busy.writes("Hola").await;
        eventually("the other one has an owner", async || {
            app.settled().await;
            let list = s.owner.get("/conversations?tray=agents").await.expect(200);
            (!list["items"].as_array().unwrap().is_empty()).then_some(())
        })
        .await;
        let list = s.owner.get("/conversations?tray=agents").await.expect(200);
        let other = &list["items"][0];
        s.owner.post(&format!("/conversations/{}/transfer", other["id"]), json!({ "to": { "agent": luis.agent } })).await.expect(200);
        let now = app.clock.now().0;
        s.graph.delivers(json!({ "messages": [text("wamid.R", "5491155552001", now, "Sí, quiero")],
            "contacts": [{ "wa_id": "5491155552001", "profile": { "name": "Marta" } }] })).await.expect(200);
        let path = format!("/conversations/{}", conversation["id"]);
        let held = luis.until(&path, |c| c["place"] == "held").await;
        assert_eq!(held["owner"]["id"], luis.agent.0);
        assert_eq!(held["state"], "active");
        assert_eq!(held["customer"]["name"], "Marta");
        luis.says(&held["id"], "¡Genial!").await;
        app.settled().await;
    }

    async fn ag_14_what_cannot_begin_a_conversation_is_named(app) {
        let s = scene(app).await;
        let account = s.graph.account;
        let ask = async |body: Value| s.ana.post("/conversations", body).await;
        ask(start(account, "hola", template("bienvenida", &["x"]))).await.wrong("/phone", "format");
        ask(start(account, "+5491155552001", template("no_existe", &[]))).await.wrong("/content/name", "unknown");
        ask(start(account, "+5491155552001", template("order_update", &[]))).await.wrong("/content/language", "unknown");
        ask(start(account, "+5491155552001", template("bienvenida", &[]))).await.wrong("/content/components", "missing_variables");
        ask(start(999, "+5491155552001", json!({ "type": "text", "text": "x" }))).await.wrong("/channel_account", "unknown");
        ask(start(account, "+5491155552001", json!({ "type": "text", "text": "x" }))).await.problem(409, "window_closed");
        let (chat, _) = app.web_chat(&s.owner, json!({})).await;
        ask(start(chat, "+5491155552001", json!({ "type": "text", "text": "x" }))).await.wrong("/channel_account", "not_supported");
        let nobody = json!({ "channel_account": account, "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": "x" } });
        ask(nobody).await.wrong("/customer", "one_of");
        assert_eq!(s.owner.get("/conversations/counts").await.expect(200)["agents"]["outbound"], 0, "nothing was begun");
        // A live conversation is opened instead of a second one.
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let opened = ask(start(account, "+5491155552001", template("bienvenida", &["x"]))).await.expect(200);
        assert_eq!(opened["conversation"]["id"], held["id"]);
        assert_eq!(opened["message"], Value::Null);
        // While the window is open, a closed conversation is begun again by free text.
        s.ana.says(&held["id"], "¡Hola! Listo.").await;
        s.ana.post(&format!("/conversations/{}/close", held["id"]), json!({})).await.expect(200);
        let customer = json!({ "channel_account": account, "customer": held["customer"]["id"],
            "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": "Me olvidé de algo" } });
        let begun = ask(customer).await.expect(201);
        assert_ne!(begun["conversation"]["id"], held["id"]);
        assert_eq!(begun["conversation"]["window"]["state"], "open");
        marta.received(2).await;
    }
}

/// Uploads a file; its id.
pub async fn upload(by: &Browser, name: &str, mime: &str, bytes: &[u8]) -> Value {
    let head = format!(
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {mime}\r\n\r\n"
    );
    let mut form = head.into_bytes();
    form.extend(bytes);
    form.extend(b"\r\n--b--\r\n");
    let request = by
        .request("POST", "/files")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form);
    by.send(request).await.expect(201)["id"].clone()
}
