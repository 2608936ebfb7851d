//! What is said, on its way in and out, whatever the platform does (spec CORE-1, CORE-3).

use crate::whatsapp::{scene, upload};
use ronda_domain::permission::Role;
use ronda_testkit::{api_suite, eventually, text};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn texts(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|m| m["content"]["text"].as_str().unwrap_or("?"))
        .collect()
}

/// A platform by hand, for what no platform does on purpose: every send waits for `gate`, and is answered with `id`.
async fn platform(id: &'static str, gate: tokio::sync::watch::Receiver<bool>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut gate = gate.clone();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut part = [0; 8_192];
                loop {
                    let n = socket.read(&mut part).await.unwrap_or(0);
                    seen.extend_from_slice(&part[..n]);
                    let text = String::from_utf8_lossy(&seen).to_lowercase();
                    let Some(head) = text.find("\r\n\r\n") else {
                        if n == 0 { return } else { continue }
                    };
                    let length = text
                        .split("content-length: ")
                        .nth(1)
                        .and_then(|t| t.split('\r').next()?.parse().ok());
                    if seen.len() >= head + 4 + length.unwrap_or(0) || n == 0 {
                        break;
                    }
                }
                let sends = String::from_utf8_lossy(&seen).starts_with("POST /v25.0/100000000000001/messages");
                if sends {
                    let _ = gate.wait_for(|open| *open).await;
                }
                let body = json!({ "id": "100000000000001", "display_phone_number": "+54 9 11 5555-0100",
                    "verified_name": "X", "success": true, "messages": [{ "id": id }], "contacts": [] })
                .to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = socket.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    format!("http://{address}")
}

api_suite! {
    async fn core_1_1_ten_webhooks_of_a_new_customer_at_once_are_one_conversation_in_order(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        let bodies: Vec<Value> = (0..10)
            .map(|n| json!({ "messages": [text(&format!("wamid.{n}"), "5491155552001", now + n * 1_000, &format!("mensaje {n}"))] }))
            .collect();
        // The order in which they come has nothing to do with the order in which they were written.
        let order = [3, 9, 0, 7, 1, 8, 2, 6, 4, 5];
        let posts = order.iter().map(|n: &usize| s.graph.delivers(bodies[*n].clone()));
        for answer in futures_util::future::join_all(posts).await {
            answer.expect(200);
        }
        let held = s.ana.holds().await;
        let messages = s.ana.messages(&held["id"], 10).await;
        let expected: Vec<String> = (0..10).map(|n| format!("mensaje {n}")).collect();
        assert_eq!(texts(&messages), expected);
        let counts = s.owner.get("/conversations/counts").await.expect(200);
        assert_eq!(counts["agents"]["active"], 1);
        let conversation = s.ana.get(&format!("/conversations/{}", held["id"])).await.expect(200);
        assert_eq!(conversation["unread"], 10);
        assert_eq!(conversation["last_message"]["preview"], "mensaje 9", "a late older message does not move the list back");
        app.settled().await;
    }

    async fn core_1_2_after_a_close_the_customer_begins_a_new_conversation_with_the_bot(app) {
        let owner = app.owner().await;
        let greeter = json!({ "greeter": { "text": "¡Hola! ¿Qué necesitás?", "handover": "words", "words": ["humano"] } });
        let graph = app.whatsapp_with(&owner, greeter, |_| {}).await;
        let marta = graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let bot = owner.until("/conversations?tray=bot", |l| !l["items"].as_array().unwrap().is_empty()).await["items"][0].clone();
        assert_eq!(marta.received(1).await[0]["body"]["body"], "¡Hola! ¿Qué necesitás?");
        owner.post(&format!("/conversations/{}/close", bot["id"]), json!({})).await.expect(200);
        marta.writes("Hola de nuevo").await;
        let next = owner.until("/conversations?tray=bot", |l| !l["items"].as_array().unwrap().is_empty()).await["items"][0].clone();
        assert_ne!(next["id"], bot["id"]);
        assert_eq!(next["place"], "bot");
        let both = owner.get(&format!("/customers/{}/conversations", next["customer"]["id"])).await.expect(200);
        let states: Vec<&Value> = both["items"].as_array().unwrap().iter().map(|c| &c["state"]).collect();
        assert_eq!(states, ["active", "closed"]);
        app.settled().await;
    }

    async fn core_1_3_after_the_hand_over_the_bot_says_nothing_more(app) {
        let owner = app.owner().await;
        let greeter = json!({ "greeter": { "text": "¡Hola! ¿Qué necesitás?", "handover": "words", "words": ["humano"] } });
        let graph = app.whatsapp_with(&owner, greeter, |_| {}).await;
        let now = app.clock.now().0;
        let said = |n: i64, t: &str| text(&format!("wamid.{n}"), "5491155552001", now + n * 1_000, t);
        graph.delivers(json!({ "messages": [said(0, "Hola"), said(1, "quiero un HUMANO"), said(2, "por favor")] })).await.expect(200);
        let waits = owner.until("/conversations?tray=unassigned", |l| !l["items"].as_array().unwrap().is_empty()).await["items"][0].clone();
        assert_eq!(waits["owner"], Value::Null);
        graph.delivers(json!({ "messages": [said(3, "humano, dale")] })).await.expect(200);
        let all = owner.messages(&waits["id"], 5).await;
        let bot: Vec<&Value> = all.iter().filter(|m| m["author"] == "bot").collect();
        assert_eq!(bot.len(), 1, "{bot:#?}");
        let conversation = owner.get(&format!("/conversations/{}", waits["id"])).await.expect(200);
        assert_eq!(conversation["place"], "waiting");
        assert_eq!(conversation["epoch"], waits["epoch"], "a second hand-over changes nothing");
        app.settled().await;
    }

    async fn core_1_5_everything_delivered_three_times_in_any_order_ends_as_delivered_once(app) {
        let s = scene(app).await;
        let now = app.clock.now().0 / 1_000 * 1_000;
        let at = |s: i64| ((now + s * 1_000) / 1_000).to_string();
        let marta = "5491155552001";
        let hidden = json!({ "id": "wamid.E", "from": marta, "timestamp": at(5), "type": "edit",
            "edit": { "original_message_id": "wamid.1", "message": { "type": "text", "text": { "body": "corregido" } } } });
        let revoked = json!({ "id": "wamid.D", "from": marta, "timestamp": at(6), "type": "revoke",
            "revoke": { "original_message_id": "wamid.2" } });
        let liked = json!({ "id": "wamid.L", "from": marta, "timestamp": at(7), "type": "reaction",
            "reaction": { "message_id": "wamid.1", "emoji": "👍" } });
        let bodies = [
            json!({ "messages": [text("wamid.1", marta, now, "uno")] }),
            json!({ "messages": [text("wamid.2", marta, now + 1_000, "dos")] }),
            json!({ "messages": [hidden] }),
            json!({ "messages": [revoked] }),
            json!({ "messages": [liked] }),
        ];
        // Corrections overtake what they correct; then everything once more, at the same time.
        for body in bodies.iter().rev() {
            s.graph.delivers(body.clone()).await.expect(200);
        }
        let again = bodies.iter().chain(&bodies).map(|b| s.graph.delivers(b.clone()));
        futures_util::future::join_all(again).await;
        let held = s.ana.holds().await;
        let path = format!("/conversations/{}/messages", held["id"]);
        let done = s.ana.until(&path, |l| {
            let items = l["items"].as_array().unwrap();
            let customer: Vec<&Value> = items.iter().filter(|m| m["direction"] == "in").collect();
            customer.len() == 2 && customer[0]["edited_at"].is_i64() && customer[1]["deleted_at"].is_i64()
                && !customer[0]["reactions"].as_array().unwrap().is_empty()
        }).await;
        let items: Vec<&Value> = done["items"].as_array().unwrap().iter().filter(|m| m["direction"] == "in").collect();
        assert_eq!(items[0]["content"]["text"], "corregido");
        assert_eq!(items[0]["reactions"], json!([{ "by": "customer", "emoji": "👍" }]));
        assert_eq!(items[1]["content"], Value::Null, "what was taken back is not shown");
        let conversation = s.ana.get(&format!("/conversations/{}", held["id"])).await.expect(200);
        assert_eq!(conversation["unread"], 2);
        assert_eq!(s.owner.get("/conversations/counts").await.expect(200)["agents"]["active"], 1);
        app.settled().await;
    }

    async fn core_3_1_read_before_sent_ends_as_read_with_the_right_times(app) {
        let s = scene(app).await;
        s.graph.faults(json!({ "reverse_statuses": true })).await;
        let marta = s.graph.person_with(json!({ "name": "Marta", "phone": "+5491155552001", "auto_read": true })).await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let sent = s.ana.says(&held["id"], "¡Hola!").await;
        let read = s.ana.message(&held["id"], &sent["id"], |m| {
            m["status_at"]["read"].is_i64() && m["status_at"]["delivered"].is_i64()
        }).await;
        assert_eq!(read["status"], "read");
        let at = |word: &str| read["status_at"][word].as_i64().unwrap();
        assert!(at("sent") / 1_000 <= at("delivered") / 1_000 && at("delivered") <= at("read"), "{read}");
        // Words nobody knows are kept as data.
        let id = read["provider_id"].as_str().unwrap();
        let odd = json!({ "id": id, "status": "pondered", "timestamp": "1900000000", "recipient_id": marta.id });
        s.graph.delivers(json!({ "statuses": [odd] })).await.expect(200);
        let kept = s.ana.message(&held["id"], &sent["id"], |m| m["status_at"]["pondered"].is_i64()).await;
        assert_eq!(kept["status"], "read");
    }

    async fn core_3_2_an_unknown_kind_is_shown_as_such_and_takes_nothing_with_it(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        let odd = json!({ "id": "wamid.2", "from": "5491155552001", "timestamp": ((now + 1_000) / 1_000).to_string(),
            "type": "hologram", "hologram": { "depth": 3 } });
        let batch = json!({ "messages": [text("wamid.1", "5491155552001", now, "antes"), odd, "nonsense",
            text("wamid.3", "5491155552001", now + 2_000, "después")] });
        s.graph.delivers(batch).await.expect(200);
        let held = s.ana.holds().await;
        let messages = s.ana.messages(&held["id"], 3).await;
        assert_eq!(texts(&messages), ["antes", "?", "después"]);
        assert_eq!(messages[1]["kind"], "unsupported");
        assert_eq!(messages[1]["content"]["raw"]["hologram"]["depth"], 3, "{}", messages[1]);
        let kept = s.owner.until("/inbound-failures", |l| !l["items"].as_array().unwrap().is_empty()).await;
        assert_eq!(kept["items"][0]["raw"], "nonsense");
    }

    async fn core_3_3_media_come_in_and_what_cannot_be_fetched_says_why_and_can_be_asked_for_again(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        marta.sends(json!({ "kind": "image", "media_base64": png, "mime": "image/png", "caption": "mirá" })).await;
        let held = s.ana.holds().await;
        let first = s.ana.messages(&held["id"], 1).await[0].clone();
        assert_eq!(first["kind"], "image");
        assert_eq!(first["content"]["caption"], "mirá");
        let fetched = s.ana.message(&held["id"], &first["id"], |m| m["content"]["file"].is_string()).await;
        let file = s.ana.get(&format!("/files/{}", fetched["content"]["file"].as_str().unwrap())).await;
        assert_eq!((file.status, file.headers["content-type"].to_str().unwrap()), (200, "image/png"));
        // A file that the platform does not have.
        let now = app.clock.now().0;
        let gone = json!({ "id": "wamid.G", "from": marta.id, "timestamp": (now / 1_000).to_string(), "type": "document",
            "document": { "id": "404404404404", "mime_type": "application/pdf", "filename": "factura.pdf" } });
        s.graph.delivers(json!({ "messages": [gone] })).await.expect(200);
        let lost = eventually("the reason", async || {
            app.advance(1_000);
            let all = s.ana.messages(&held["id"], 2).await;
            all.into_iter().find(|m| m["content"]["failed"].is_string())
        }).await;
        assert_eq!(lost["content"]["name"], "factura.pdf");
        let path = format!("/conversations/{}/messages/{}/retry", held["id"], lost["id"]);
        let mut screen = s.ana.screen(None).await;
        s.ana.post(&path, json!({})).await.expect(200);
        screen.until("message.changed", |m| m["id"] == lost["id"] && m["content"]["failed"].is_string()).await;
    }

    async fn core_3_4_a_failed_send_says_why_and_is_sent_again_with_one_key(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let path = format!("/conversations/{}", held["id"]);
        // Refused by the answer.
        s.graph.faults(json!({ "error_code": 131_026, "error_rate": 1.0 })).await;
        let sent = s.ana.says(&held["id"], "Te paso el precio").await;
        let failed = s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "failed").await;
        assert_eq!(failed["error"]["code"], 131_026);
        assert!(!failed["error"]["key"].as_str().unwrap().is_empty() && !failed["error"]["title"].as_str().unwrap().is_empty());
        assert_eq!(failed["content"]["text"], "Te paso el precio");
        assert!(s.ana.get(&path).await.expect(200)["owed_since"].is_i64(), "the customer is owed an answer again");
        s.graph.faults(json!({})).await;
        let retry = format!("{path}/messages/{}/retry", sent["id"]);
        assert_eq!(s.ana.post(&retry, json!({})).await.expect(200)["status"], "queued");
        let arrived = s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
        assert_eq!(arrived["error"], Value::Null);
        s.ana.post(&retry, json!({})).await.problem(409, "not_failed");
        assert_eq!(marta.received(1).await.len(), 1);
        // Accepted, and failed later: the new attempt has its own id, and old news do not count for it.
        s.graph.faults(json!({ "failed_code": 131_026, "failed_rate": 1.0 })).await;
        let second = s.ana.says(&held["id"], "¿Lo viste?").await;
        let failed = s.ana.message(&held["id"], &second["id"], |m| m["status"] == "failed").await;
        s.graph.faults(json!({})).await;
        s.ana.post(&format!("{path}/messages/{}/retry", second["id"]), json!({})).await.expect(200);
        let shown = marta.received(2).await;
        let old = shown.iter().find(|m| m["status"] == "failed").unwrap();
        assert_eq!(old["id"], failed["provider_id"]);
        let news = json!({ "id": old["id"], "status": "failed", "timestamp": "1900000000", "recipient_id": marta.id,
            "errors": [{ "code": 131_026, "title": "Message undeliverable" }], "biz_opaque_callback_data": old["callback_data"] });
        s.graph.delivers(json!({ "statuses": [news] })).await.expect(200);
        let arrived = s.ana.message(&held["id"], &second["id"], |m| m["status"] == "delivered").await;
        assert_ne!(arrived["provider_id"], failed["provider_id"]);
        app.settled().await;
    }

    async fn core_3_5_a_status_that_names_only_the_scoped_id_finds_its_message(app) {
        let s = scene(app).await;
        let marta = s.graph.person_with(json!({ "name": "Marta", "phone": "+5491155552001", "username": "marta", "hide_phone": true })).await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let sent = s.ana.says(&held["id"], "¡Hola!").await;
        s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
        marta.does("read", json!({})).await;
        s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "read").await;
    }

    async fn core_3_6_delivered_before_the_answer_to_the_send_is_not_lost(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (open, gate) = tokio::sync::watch::channel(false);
        let base = platform("wamid.EARLY", gate).await;
        let graph = app.whatsapp_with(&owner, json!({ "graph_url": base }), |_| {}).await;
        app.policy(&owner, "support", json!({ "excluded": [owner.agent] })).await;
        let _screen = ana.screen(None).await;
        let now = app.clock.now().0;
        graph.delivers(json!({ "messages": [text("wamid.1", "5491155552001", now, "Hola")] })).await.expect(200);
        let held = ana.holds().await;
        let sent = ana.says(&held["id"], "¡Hola!").await;
        let at = (now / 1_000 + 1).to_string();
        let early = json!({ "id": "wamid.EARLY", "status": "delivered", "timestamp": at, "recipient_id": "5491155552001" });
        let liked = json!({ "id": "wamid.L", "from": "5491155552001", "timestamp": at, "type": "reaction",
            "reaction": { "message_id": "wamid.EARLY", "emoji": "❤️" } });
        // The messages prove that the body was read. One answers what is on its way, the other its neighbour.
        let quoting = |mut message: Value, id: &str| {
            message["context"] = json!({ "from": "15550001111", "id": id });
            message
        };
        let second = quoting(text("wamid.2", "5491155552001", now + 1_000, "¿Hola?"), "wamid.EARLY");
        let third = quoting(text("wamid.3", "5491155552001", now + 2_000, "¿Están?"), "wamid.2");
        graph.delivers(json!({ "statuses": [early], "messages": [liked, second, third] })).await.expect(200);
        let all = ana.messages(&held["id"], 4).await;
        assert_eq!(all[2]["reply_to"], json!({ "provider_id": "wamid.EARLY", "message": null }));
        assert_eq!(all[3]["reply_to"]["message"], all[2]["id"]);
        assert_eq!(ana.message(&held["id"], &sent["id"], |_| true).await["status"], "queued");
        open.send(true).unwrap();
        let arrived = ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
        assert_eq!(arrived["provider_id"], "wamid.EARLY");
        assert!(arrived["status_at"]["sent"].is_i64());
        assert_eq!(arrived["reactions"], json!([{ "by": "customer", "emoji": "❤️" }]));
        let answer = ana.message(&held["id"], &all[2]["id"], |m| m["reply_to"]["message"].is_i64()).await;
        assert_eq!(answer["reply_to"]["message"], sent["id"]);
    }

    async fn core_3_a_send_whose_answer_was_lost_is_shown_so_and_never_repeated(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        s.graph.faults(json!({ "lost_answer_rate": 1.0, "drop_rate": 1.0 })).await;
        let sent = s.ana.says(&held["id"], "¡Hola!").await;
        s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "uncertain").await;
        let next = s.ana.says(&held["id"], "¿En qué te ayudo?").await;
        assert_eq!(s.graph.sends().await, 1);
        s.graph.faults(json!({})).await;
        // What follows waits a minute for the proof, and then goes on without it.
        app.advance(30_000);
        assert_eq!(s.ana.message(&held["id"], &next["id"], |_| true).await["status"], "queued");
        app.advance(31_000);
        s.ana.message(&held["id"], &next["id"], |m| m["status"] == "delivered").await;
        app.advance(10 * 60_000);
        assert_eq!(s.ana.message(&held["id"], &sent["id"], |_| true).await["status"], "uncertain");
        let shown = marta.received(2).await;
        assert_eq!((shown.len(), s.graph.sends().await), (2, 2), "nothing was sent twice");
        s.ana.post(&format!("/conversations/{}/messages/{}/retry", held["id"], sent["id"]), json!({})).await.problem(409, "not_failed");
        // A status with our own data proves it afterwards.
        let first = &shown[0];
        let at = (app.clock.now().0 / 1_000).to_string();
        let proof = json!({ "id": first["id"], "status": "delivered", "timestamp": at, "recipient_id": marta.id,
            "biz_opaque_callback_data": first["callback_data"] });
        s.graph.delivers(json!({ "statuses": [proof] })).await.expect(200);
        let proven = s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
        assert_eq!(proven["provider_id"], first["id"]);
        app.settled().await;
    }

    async fn core_3_statuses_prove_a_send_whose_answer_was_lost(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        s.graph.faults(json!({ "lost_answer_rate": 1.0 })).await;
        let sent = s.ana.says(&held["id"], "¡Hola!").await;
        let next = s.ana.says(&held["id"], "¿En qué te ayudo?").await;
        s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
        s.ana.message(&held["id"], &next["id"], |m| m["status"] == "delivered").await;
        let shown = marta.received(2).await;
        assert_eq!(shown.len(), 2);
        assert_eq!([&shown[0]["body"]["body"], &shown[1]["body"]["body"]], ["¡Hola!", "¿En qué te ayudo?"], "in the order they were written");
    }

    async fn core_3_files_quotes_buttons_and_reactions_go_both_ways(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        let asked = marta.writes("¿Tenés el catálogo?").await;
        let held = s.ana.holds().await;
        let question = s.ana.messages(&held["id"], 1).await[0].clone();
        let path = format!("/conversations/{}/messages", held["id"]);
        let send = async |content: Value, reply_to: &Value| {
            let body = json!({ "client_id": uuid::Uuid::now_v7(), "content": content, "reply_to": reply_to });
            s.ana.post(&path, body).await.expect(201)["message"].clone()
        };
        let file = upload(&s.ana, "catálogo.pdf", "application/pdf", b"%PDF-1.4 hola").await;
        send(json!({ "type": "document", "file": file, "caption": "El de este mes" }), &question["id"]).await;
        let shown = marta.received(1).await[0].clone();
        assert_eq!(shown["kind"], "document");
        assert_eq!(shown["body"]["filename"], "catálogo.pdf");
        assert_eq!(shown["body"]["caption"], "El de este mes");
        assert_eq!(shown["reply_to"], asked.as_str());
        // A question with buttons, and the tap on one.
        let buttons = json!({ "type": "interactive", "body": "¿Cómo retirás?", "buttons": [
            { "id": "local", "title": "En el local" }, { "id": "envio", "title": "Envío" }] });
        let asks = send(buttons, &Value::Null).await;
        let shown = marta.received(2).await[1].clone();
        assert_eq!(shown["kind"], "interactive");
        marta.sends(json!({ "kind": "button", "id": "envio", "title": "Envío", "reply_to": shown["id"] })).await;
        let tapped = s.ana.messages(&held["id"], 4).await[3].clone();
        assert_eq!(tapped["content"], json!({ "type": "interactive_reply", "id": "envio", "title": "Envío" }));
        assert_eq!(tapped["reply_to"]["message"], asks["id"]);
        let list = json!({ "type": "interactive", "body": "¿Qué día?", "list_button": "Días", "sections": [
            { "title": "Semana", "rows": [{ "id": "lu", "title": "Lunes", "description": "de 9 a 13" }] }] });
        send(list, &Value::Null).await;
        let shown = marta.received(3).await[2].clone();
        marta.sends(json!({ "kind": "list", "id": "lu", "title": "Lunes", "description": "de 9 a 13", "reply_to": shown["id"] })).await;
        let chosen = s.ana.messages(&held["id"], 6).await[5].clone();
        assert_eq!(chosen["content"]["description"], "de 9 a 13");
        // Reactions are no messages and answer nothing.
        marta.does("react", json!({ "message": shown["id"], "emoji": "🎉" })).await;
        let asks = s.ana.messages(&held["id"], 6).await[4].clone();
        s.ana.message(&held["id"], &asks["id"], |m| m["reactions"] == json!([{ "by": "customer", "emoji": "🎉" }])).await;
        marta.does("react", json!({ "message": shown["id"], "emoji": "" })).await;
        s.ana.message(&held["id"], &asks["id"], |m| m["reactions"] == json!([])).await;
        let liked = json!({ "type": "reaction", "emoji": "👍", "target": "" });
        let target = send(liked, &chosen["id"]).await;
        assert_eq!((&target["id"], &target["reactions"]), (&chosen["id"], &json!([{ "by": "agent", "emoji": "👍" }])));
        assert!(s.ana.get(&format!("/conversations/{}", held["id"])).await.expect(200)["owed_since"].is_i64());
        eventually("the reaction on the phone", async || {
            marta.shows().await.into_iter().find(|m| m["reaction_business"] == "👍")
        }).await;
        assert_eq!(s.ana.messages(&held["id"], 6).await.len(), 6);
        app.settled().await;
    }

    async fn core_3_places_contacts_and_voice_come_in(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.sends(json!({ "kind": "location", "latitude": -34.6, "longitude": -58.4, "name": "Obelisco" })).await;
        marta.sends(json!({ "kind": "contacts", "name": "Pedro", "text": "+54 9 11 5555-9999" })).await;
        marta.sends(json!({ "kind": "voice", "media_base64": "T2dnUw==", "mime": "audio/ogg; codecs=opus" })).await;
        marta.sends(json!({ "kind": "sticker", "media_base64": "UklGRg==", "mime": "image/webp" })).await;
        let held = s.ana.holds().await;
        let all = s.ana.messages(&held["id"], 4).await;
        assert_eq!(all[0]["content"]["name"], "Obelisco");
        assert_eq!(all[1]["content"]["contacts"][0]["name"], "Pedro");
        assert_eq!((&all[2]["kind"], &all[2]["content"]["voice"]), (&json!("audio"), &json!(true)));
        assert_eq!(all[3]["kind"], "sticker");
        s.ana.message(&held["id"], &all[2]["id"], |m| m["content"]["file"].is_string()).await;
        s.ana.message(&held["id"], &all[3]["id"], |m| m["content"]["file"].is_string()).await;
    }

    async fn core_3_edits_and_deletions_of_the_customer_are_shown_as_such(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        let first = marta.writes("Quiero 2").await;
        let second = marta.writes("mi clave es 1234").await;
        let held = s.ana.holds().await;
        let all = s.ana.messages(&held["id"], 2).await;
        marta.does("edit", json!({ "message": first, "text": "Quiero 3" })).await;
        let edited = s.ana.message(&held["id"], &all[0]["id"], |m| m["edited_at"].is_i64()).await;
        assert_eq!(edited["content"]["text"], "Quiero 3");
        marta.does("delete", json!({ "message": second })).await;
        let deleted = s.ana.message(&held["id"], &all[1]["id"], |m| m["deleted_at"].is_i64()).await;
        assert_eq!(deleted["content"], Value::Null);
        let line = s.ana.until(&format!("/conversations/{}", held["id"]), |c| c["last_message"]["preview"] == "").await;
        assert!(!line.to_string().contains("1234"));
    }

    async fn core_3_reading_and_typing_are_told_to_the_customer_s_phone(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let path = format!("/conversations/{}", held["id"]);
        // The planner may give it between the two.
        s.ana.post(&format!("{path}/typing"), json!({})).await.expect(204);
        eventually("typing on the phone", async || {
            let events = s.graph.control("GET", "events?after=0", Value::Null).await;
            events["events"].as_array().unwrap().iter().find(|e| e["kind"] == "typing" && e["data"]["by"] == "business").cloned()
        }).await;
        marta.writes("¿Hay alguien?").await;
        s.ana.until(&path, |c| c["unread"] == 2).await;
        assert_eq!(s.ana.post(&format!("{path}/read"), json!({})).await.expect(200)["unread"], 0);
        eventually("both are read", async || {
            let shown = marta.shows().await;
            shown.iter().filter(|m| m["from_customer"] == true).all(|m| m["status"] == "read").then_some(())
        }).await;
        // The owner's reading alone is told.
        s.owner.post(&format!("{path}/typing"), json!({})).await.problem(409, "not_owner");
    }
}
