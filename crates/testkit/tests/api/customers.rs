//! One person is one customer, under whatever address they write (spec CORE-6).

use crate::whatsapp::scene;
use ronda_testkit::{api_suite, text};
use serde_json::{Value, json};

fn from(id: &str, phone: Option<&str>, user: Option<&str>, at: i64) -> Value {
    let mut message = text(id, "", at, &format!("soy {id}"));
    message.as_object_mut().unwrap().remove("from");
    if let Some(phone) = phone {
        message["from"] = phone.into();
    }
    if let Some(user) = user {
        message["from_user_id"] = user.into();
    }
    json!({ "messages": [message] })
}

fn kinds(customer: &Value) -> Vec<(String, bool)> {
    let identities = customer["identities"].as_array().unwrap();
    let mut all: Vec<(String, bool)> = identities
        .iter()
        .map(|i| (i["value"].as_str().unwrap().to_owned(), i["replaced"] == true))
        .collect();
    all.sort();
    all
}

api_suite! {
    async fn core_6_1_phone_first_and_scoped_id_later_or_the_reverse_is_one_customer(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        for (n, user, phone) in [(1, "AR.one", "5491155552001"), (2, "AR.two", "5491155552002")] {
            let (first, second) = if n == 1 { ((Some(phone), None), (None, Some(user))) } else { ((None, Some(user)), (Some(phone), None)) };
            s.graph.delivers(from(&format!("a{n}"), first.0, first.1, now)).await.expect(200);
            s.graph.delivers(from(&format!("b{n}"), Some(phone), Some(user), now + 1_000)).await.expect(200);
            s.graph.delivers(from(&format!("c{n}"), second.0, second.1, now + 2_000)).await.expect(200);
        }
        let list = s.owner.until("/conversations?tray=agents", |l| {
            let items = l["items"].as_array().unwrap();
            items.len() == 2 && items.iter().all(|c| c["unread"] == 3)
        }).await;
        for conversation in list["items"].as_array().unwrap() {
            let customer = s.owner.get(&format!("/customers/{}", conversation["customer"]["id"])).await.expect(200);
            assert_eq!(kinds(&customer).len(), 2, "{customer}");
        }
        app.settled().await;
    }

    async fn core_6_1_two_customers_who_turn_out_to_be_one_are_joined_and_nothing_is_lost(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        s.graph.delivers(from("a", Some("5491155552001"), None, now)).await.expect(200);
        s.graph.delivers(from("b", None, Some("AR.one"), now + 1_000)).await.expect(200);
        let list = s.owner.until("/conversations?tray=agents", |l| l["items"].as_array().unwrap().len() == 2).await;
        let mut ids: Vec<i64> = list["items"].as_array().unwrap().iter().map(|c| c["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        // The older one was answered; the customer is owed a reply in the newer one only.
        s.ana.says(&ids[0].into(), "¡Hola!").await;
        s.graph.delivers(from("c", Some("5491155552001"), Some("AR.one"), now + 2_000)).await.expect(200);
        let closed = s.owner.until(&format!("/conversations/{}", ids[1]), |c| c["place"] == "closed").await;
        assert_eq!(closed["close_reason"], "merged");
        let stays = s.owner.get(&format!("/conversations/{}", ids[0])).await.expect(200);
        assert!(stays["owed_since"].is_i64());
        let customer = s.owner.get(&format!("/customers/{}", stays["customer"]["id"])).await.expect(200);
        assert_eq!(kinds(&customer), [("+5491155552001".to_owned(), false), ("AR.one".to_owned(), false)]);
        let all = s.owner.until(&format!("/customers/{}/conversations", customer["id"]), |l| l["items"].as_array().unwrap().len() == 2).await;
        assert_eq!(all["items"][0]["customer"]["id"], customer["id"]);
        app.settled().await;
    }

    async fn core_6_2_somebody_who_hides_the_number_is_answered_by_the_scoped_id(app) {
        let s = scene(app).await;
        let marta = s.graph.person_with(json!({ "name": "Marta", "phone": "+5491155552001", "username": "marta", "hide_phone": true })).await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let customer = s.ana.get(&format!("/customers/{}", held["customer"]["id"])).await.expect(200);
        assert_eq!(customer["phone"], Value::Null);
        assert_eq!(kinds(&customer), [(marta.user_id.clone(), false)]);
        let sent = s.ana.says(&held["id"], "¡Hola!").await;
        assert_eq!(marta.received(1).await[0]["body"]["body"], "¡Hola!");
        s.ana.message(&held["id"], &sent["id"], |m| m["status"] == "delivered").await;
    }

    async fn core_6_2_who_was_written_to_by_number_and_answers_by_the_scoped_id_is_the_same_customer(app) {
        let s = scene(app).await;
        let marta = s.graph.person_with(json!({ "name": "Marta", "phone": "+5491155552001" })).await;
        let body = json!({ "channel_account": s.graph.account, "phone": "+5491155552001", "client_id": uuid::Uuid::now_v7(),
            "content": { "type": "template", "name": "bienvenida", "language": "es_AR",
                "components": [{ "type": "body", "parameters": [{ "type": "text", "text": "Marta" }] }] } });
        let begun = s.ana.post("/conversations", body).await.expect(201);
        s.ana.message(&begun["conversation"]["id"], &begun["message"]["id"], |m| m["status"] == "delivered").await;
        let now = app.clock.now().0;
        s.graph.delivers(from("r", None, Some(&marta.user_id), now)).await.expect(200);
        let held = s.ana.holds().await;
        assert_eq!(held["id"], begun["conversation"]["id"]);
    }

    async fn core_6_3_every_way_of_writing_a_number_is_one_customer(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        for (n, same) in [
            ["5491155550000", "541155550000"].as_slice(),
            ["5511987654321", "551187654321"].as_slice(),
            ["5215512345678", "525512345678"].as_slice(),
        ].into_iter().enumerate() {
            for (m, digits) in same.iter().enumerate() {
                s.graph.delivers(from(&format!("{n}-{m}"), Some(digits), None, now + 1_000 * m as i64)).await.expect(200);
            }
        }
        let list = s.owner.until("/conversations?tray=agents", |l| {
            let items = l["items"].as_array().unwrap();
            items.len() == 3 && items.iter().all(|c| c["unread"] == 2)
        }).await;
        let mut phones = Vec::new();
        for c in list["items"].as_array().unwrap() {
            let customer = s.owner.get(&format!("/customers/{}", c["customer"]["id"])).await.expect(200);
            phones.push(customer["phone"].as_str().unwrap().to_owned());
        }
        phones.sort();
        assert_eq!(phones, ["+525512345678", "+5491155550000", "+5511987654321"]);
        // As an agent of an Argentine workspace types it.
        let live = json!({ "channel_account": s.graph.account, "phone": "011 15 5555-0000", "client_id": uuid::Uuid::now_v7(),
            "content": { "type": "text", "text": "x" } });
        let opened = s.owner.post("/conversations", live).await.expect(200);
        let argentine = list["items"].as_array().unwrap().iter().find(|c| c["id"] == opened["conversation"]["id"]);
        assert!(argentine.is_some());
        // The digits that WhatsApp named last are used to send.
        for c in list["items"].as_array().unwrap() {
            let sent = s.ana.says(&c["id"], "¡Hola!").await;
            s.ana.message(&c["id"], &sent["id"], |m| m["provider_id"].is_string() || m["status"] == "failed").await;
        }
        let people = s.graph.control("GET", "people", Value::Null).await;
        let mut ids: Vec<&str> = people["people"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["525512345678", "5491155550000", "551187654321"], "the platform itself reads the second as the first");
    }

    async fn core_6_4_another_scoped_id_or_number_is_the_same_customer(app) {
        let s = scene(app).await;
        let marta = s.graph.person("Marta", "+5491155552001").await;
        marta.writes("Hola").await;
        let held = s.ana.holds().await;
        let path = format!("/customers/{}", held["customer"]["id"]);
        marta.does("rotate", json!({})).await;
        let customer = s.owner.until(&path, |c| c["identities"].as_array().unwrap().len() == 3).await;
        let old = customer["identities"].as_array().unwrap().iter().find(|i| i["value"] == marta.user_id.as_str()).unwrap();
        assert_eq!(old["replaced"], true);
        marta.writes("Sigo siendo yo").await;
        assert_eq!(s.ana.messages(&held["id"], 2).await.len(), 2);
        // A new number: the next message comes from it, and answers go to it.
        let moved = marta.does("renumber", json!({ "phone": "+5491155557777" })).await;
        let customer = s.owner.until(&path, |c| c["phone"] == "+5491155557777").await;
        let replaced: Vec<String> = kinds(&customer).into_iter().filter(|(_, r)| *r).map(|(v, _)| v).collect();
        assert!(replaced.contains(&"+5491155552001".to_owned()), "{customer}");
        let now = app.clock.now().0;
        s.graph.delivers(from("n", Some("5491155557777"), None, now)).await.expect(200);
        s.ana.messages(&held["id"], 3).await;
        let sent = s.ana.says(&held["id"], "Te leo").await;
        s.ana.message(&held["id"], &sent["id"], |m| m["status"] != "queued").await;
        let thread = s.graph.control("GET", &format!("people/{}/thread", moved["id"].as_str().unwrap()), Value::Null).await;
        assert!(thread.to_string().contains("Te leo"), "{thread:#}");
        assert_eq!(s.owner.get("/conversations/counts").await.expect(200)["agents"]["active"], 1);
        app.settled().await;
    }

    async fn core_6_4_a_rotation_in_the_same_body_as_the_message_after_it_makes_no_second_customer(app) {
        let s = scene(app).await;
        let now = app.clock.now().0;
        s.graph.delivers(from("a", None, Some("AR.old"), now)).await.expect(200);
        let held = s.ana.holds().await;
        let mut body = from("b", None, Some("AR.new"), now + 2_000);
        let notice = json!({ "id": "wamid.N", "from_user_id": "AR.old", "timestamp": ((now + 1_000) / 1_000).to_string(),
            "type": "system", "system": { "type": "user_changed_user_id", "user_id": "AR.new", "body": "changed" } });
        body["messages"].as_array_mut().unwrap().push(notice);
        s.graph.delivers(body).await.expect(200);
        s.ana.messages(&held["id"], 2).await;
        assert_eq!(s.owner.get("/conversations/counts").await.expect(200)["agents"], json!({ "active": 1, "closed": 0, "outbound": 0 }));
    }
}
