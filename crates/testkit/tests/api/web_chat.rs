//! The chat of a site: who a visitor is, what is asked first, and what its keys are good for (spec CP-3).

use hmac::{Hmac, KeyInit as _, Mac as _};
use ronda_domain::permission::Role;
use ronda_testkit::{Browser, Visitor, api_suite};
use serde_json::{Value, json};

/// What the server of a site does: the hex HMAC-SHA256 of a user's id.
fn sign(secret: &str, user_id: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(user_id.as_bytes());
    mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect()
}

async fn secret(owner: &Browser, account: i64) -> String {
    let path = format!("/channel-accounts/{account}/site-secret");
    let made = owner.post(&path, json!({})).await.expect(201);
    made["secret"].as_str().unwrap().to_owned()
}

async fn identify(visitor: &Visitor, secret: &str, user_id: &str) -> Value {
    let said = json!({ "user_id": user_id, "hash": sign(secret, user_id), "name": "Marta Ruiz" });
    visitor.calls("POST", "profile", said).await.expect(200)
}

fn texts(messages: &Value) -> Vec<&str> {
    let items = messages["items"].as_array().unwrap();
    items.iter().map(|m| m["content"]["text"].as_str().unwrap()).collect()
}

async fn refused(owner: &Browser, account: i64) -> Value {
    owner.get(&format!("/channel-accounts/{account}")).await.expect(200)["health"]["refused_identities"].clone()
}

api_suite! {
    async fn cp_3_4_a_forged_hash_shows_no_history_and_is_counted(app) {
        let owner = app.owner().await;
        let (account, key) = app.web_chat(&owner, json!({})).await;
        let secret = secret(&owner, account).await;
        let marta = app.visitor(&key).await;
        identify(&marta, &secret, "4711").await;
        marta.writes("¿Cuándo llega mi pedido?").await;
        let forger = app.visitor(&key).await;
        let forged = sign("not the secret", "4711");
        for hash in [json!(forged), json!(""), json!(null), json!(sign(&secret, "4712"))] {
            let said = json!({ "user_id": "4711", "hash": hash, "name": "Marta Ruiz" });
            let known = forger.calls("POST", "profile", said).await.expect(200);
            assert_eq!(known["verified"], false);
        }
        assert_eq!(refused(&owner, account).await, 4);
        assert!(texts(&forger.reads(0).await).is_empty());
        // The chat goes on, as that of somebody unknown: nothing of what was said beside the forged id is believed.
        forger.writes("Hola").await;
        assert_eq!(texts(&forger.reads(0).await), ["Hola"]);
        assert_eq!(texts(&marta.reads(0).await), ["¿Cuándo llega mi pedido?"]);
        let name = owner.get("/conversations/2").await.expect(200)["customer"]["name"].clone();
        assert!(name.as_str().unwrap().starts_with("Visitante "), "{name}");
    }

    async fn cp_3_4_the_right_hash_brings_the_history_to_every_device(app) {
        let owner = app.owner().await;
        let (account, key) = app.web_chat(&owner, json!({})).await;
        let secret = secret(&owner, account).await;
        // On the telephone she writes before she signs in, and is known afterwards.
        let telephone = app.visitor(&key).await;
        telephone.writes("Hola").await;
        assert_eq!(identify(&telephone, &secret, "4711").await["verified"], true);
        assert_eq!(owner.get("/conversations/1").await.expect(200)["customer"]["name"], "Marta Ruiz");
        let last = telephone.writes("Busco una bombilla").await["id"].clone();
        telephone.calls("POST", "read", json!({ "up_to": last })).await.ok();
        let desk = app.visitor(&key).await;
        let known = identify(&desk, &secret, "4711").await;
        assert_eq!((&known["verified"], &known["read_up_to"]), (&json!(true), &last));
        assert_eq!(texts(&desk.reads(0).await), ["Hola", "Busco una bombilla"]);
        desk.writes("De alpaca").await;
        assert_eq!(texts(&telephone.reads(0).await).len(), 3);
        let all = owner.get("/conversations?tray=unassigned").await.expect(200);
        assert_eq!(all["items"].as_array().unwrap().len(), 1, "one customer, one conversation");
        app.settled().await;
    }

    async fn cp_3_4_two_live_chats_of_one_person_become_one_and_nothing_is_lost(app) {
        let owner = app.owner().await;
        let (account, key) = app.web_chat(&owner, json!({})).await;
        let secret = secret(&owner, account).await;
        let (telephone, desk) = (app.visitor(&key).await, app.visitor(&key).await);
        identify(&telephone, &secret, "4711").await;
        telephone.writes("Desde el teléfono").await;
        desk.writes("Desde la oficina").await;
        app.settled().await;
        identify(&desk, &secret, "4711").await;
        app.settled().await;
        let live = owner.get("/conversations?tray=unassigned").await.expect(200);
        assert_eq!(live["items"].as_array().unwrap().len(), 1);
        assert_eq!(owner.get("/conversations/2").await.expect(200)["close_reason"], "merged");
        assert_eq!(texts(&desk.reads(0).await), ["Desde el teléfono", "Desde la oficina"]);
        assert_eq!(texts(&telephone.reads(0).await), ["Desde el teléfono", "Desde la oficina"]);
        desk.writes("Sigo acá").await;
        app.settled().await;
        assert_eq!(owner.get("/conversations/1").await.expect(200)["last_message"]["preview"], "Sigo acá");
    }

    async fn cp_3_4_one_device_is_never_two_people(app) {
        let owner = app.owner().await;
        let (account, key) = app.web_chat(&owner, json!({})).await;
        let secret = secret(&owner, account).await;
        let device = app.visitor(&key).await;
        identify(&device, &secret, "4711").await;
        device.writes("Mi tarjeta termina en 44").await;
        let other = json!({ "user_id": "4712", "hash": sign(&secret, "4712") });
        device.calls("POST", "profile", other).await.problem(409, "another_user");
        // After `logout` the browser comes as a new visitor, who has nothing of the one before.
        let fresh = app.visitor(&key).await;
        identify(&fresh, &secret, "4712").await;
        assert!(texts(&fresh.reads(0).await).is_empty());
    }

    async fn cp_3_4_the_secret_is_shown_once_and_changed_with_a_day_for_both(app) {
        let owner = app.owner().await;
        let (account, key) = app.web_chat(&owner, json!({})).await;
        let path = format!("/channel-accounts/{account}");
        assert_eq!(owner.get(&path).await.expect(200)["site_secret"], false);
        // Without a secret nobody is vouched for, not even with the empty one.
        assert_eq!(identify(&app.visitor(&key).await, "", "4711").await["verified"], false);
        let first = secret(&owner, account).await;
        let second = secret(&owner, account).await;
        let seen = owner.get(&path).await.expect(200);
        assert_eq!(seen["site_secret"], true);
        for secret in [&first, &second] {
            assert!(!seen.to_string().contains(secret.as_str()), "{seen}");
            assert_eq!(identify(&app.visitor(&key).await, secret, "4711").await["verified"], true);
        }
        let audit = owner.get("/audit-entries").await.expect(200).to_string();
        assert!(audit.contains("secret_renewed") && !audit.contains(&first) && !audit.contains(&second));
        app.advance(24 * 3_600_000 + 1);
        assert_eq!(identify(&app.visitor(&key).await, &first, "4711").await["verified"], false);
        assert_eq!(identify(&app.visitor(&key).await, &second, "4711").await["verified"], true);
        // An edit of the look keeps the secret. Nobody stays signed in for a day without use.
        let owner = app.sign_in("olga").await;
        let version = owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        owner.patch(&path, version, json!({ "name": "Otra" })).await.expect(200);
        assert_eq!(identify(&app.visitor(&key).await, &second, "4711").await["verified"], true);
        // A number has no site.
        let graph = app.whatsapp(&owner).await;
        owner.post(&format!("/channel-accounts/{}/site-secret", graph.account), json!({})).await.problem(404, "not_found");
    }

    async fn cp_3_what_a_site_says_of_its_user_reaches_the_agent(app) {
        let owner = app.owner().await;
        let (account, key) = app.web_chat(&owner, json!({})).await;
        let secret = secret(&owner, account).await;
        let visitor = app.visitor(&key).await;
        let said = |change: Value| {
            let mut said = json!({ "user_id": "4711", "hash": sign(&secret, "4711"), "name": "Marta Ruiz",
                "email": "marta@example.com", "phone": "011 15 5555-0000",
                "attributes": { "plan": "oro", "pedidos": 7, "mayorista": false } });
            for (key, value) in change.as_object().unwrap() {
                said[key] = value.clone();
            }
            said
        };
        visitor.calls("POST", "profile", said(json!({ "email": "marta" }))).await.wrong("/email", "email");
        visitor.calls("POST", "profile", said(json!({ "phone": "12" }))).await.wrong("/phone", "format");
        visitor.calls("POST", "profile", said(json!({ "attributes": { "plan": { "a": 1 } } }))).await
            .wrong("/attributes/plan", "format");
        visitor.calls("POST", "profile", said(json!({ "name": "x".repeat(121) }))).await.wrong("/name", "too_long");
        let nobody = visitor.calls("POST", "profile", said(json!({ "user_id": "" }))).await.expect(200);
        assert_eq!(nobody["verified"], false);
        visitor.calls("POST", "profile", said(json!({}))).await.expect(200);
        visitor.writes("Hola").await;
        let id = owner.get("/conversations/1").await.expect(200)["customer"]["id"].clone();
        let path = format!("/customers/{id}");
        let customer = owner.get(&path).await.expect(200);
        assert_eq!((&customer["name"], &customer["email"]), (&json!("Marta Ruiz"), &json!("marta@example.com")));
        assert_eq!(customer["phone"], "+5491155550000");
        assert_eq!(customer["attributes"], json!({ "plan": "oro", "pedidos": 7, "mayorista": false }));
        // What an agent typed stays, what is new is added.
        let version = customer["version"].as_i64().unwrap();
        owner.patch(&path, version, json!({ "name": "Marta R." })).await.expect(200);
        let later = said(json!({ "name": "Marta Ruiz de Paz", "attributes": { "plan": "plata" } }));
        visitor.calls("POST", "profile", later).await.expect(200);
        let customer = owner.get(&path).await.expect(200);
        assert_eq!(customer["name"], "Marta R.");
        assert_eq!(customer["attributes"], json!({ "plan": "plata", "pedidos": 7, "mayorista": false }));
    }

    async fn cp_3_the_form_before_the_chat_is_answered_before_the_first_message(app) {
        let owner = app.owner().await;
        let form = json!({ "name": "required", "email": "optional", "consent": "Acepto que guarden mis datos" });
        let (_, key) = app.web_chat(&owner, json!({ "settings": { "form": form } })).await;
        let visitor = app.visitor(&key).await;
        visitor.sends(&uuid::Uuid::now_v7().to_string(), "Hola").await.wrong("/profile/name", "required");
        let known = visitor.calls("POST", "profile", json!({ "name": "Marta" })).await.expect(200);
        assert_eq!(known["missing"], json!(["consent"]));
        visitor.sends(&uuid::Uuid::now_v7().to_string(), "Hola").await.wrong("/profile/consent", "required");
        let known = visitor.calls("POST", "profile", json!({ "consent": true })).await.expect(200);
        assert_eq!(known["missing"], json!([]));
        visitor.writes("Hola").await;
        assert_eq!(owner.get("/conversations/1").await.expect(200)["customer"]["name"], "Marta");
    }

    async fn cp_3_a_chat_may_be_for_people_whom_the_site_knows_only(app) {
        let owner = app.owner().await;
        let (account, key) = app.web_chat(&owner, json!({ "settings": { "identity_required": true } })).await;
        let secret = secret(&owner, account).await;
        let visitor = app.visitor(&key).await;
        visitor.sends(&uuid::Uuid::now_v7().to_string(), "Hola").await.problem(409, "identity_required");
        identify(&visitor, &secret, "4711").await;
        visitor.writes("Hola").await;
    }

    async fn cp_3_7_the_public_key_opens_nothing(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola").await;
        let outside = app.browser();
        for token in [&key, &visitor.token] {
            for path in ["/conversations", "/conversations/1", "/customers/1", "/users", "/channel-accounts", "/sessions/current"] {
                let request = outside.request("GET", path).bearer_auth(token);
                outside.send(request).await.problem(401, "unauthenticated");
            }
            let body = json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": "x" } });
            let request = outside.request("POST", "/conversations/1/messages").bearer_auth(token).json(&body);
            outside.send(request).await.problem(401, "unauthenticated");
        }
        // Nor is it the token of a visitor.
        let request = outside.outside("GET", "/chat/v1/messages").bearer_auth(&key);
        outside.send(request).await.problem(401, "unauthenticated");
    }

    async fn cp_3_a_chat_knows_where_it_began(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola").await;
        let origin = ana.get("/conversations/1").await.expect(200)["origin"].clone();
        assert_eq!(origin["url"], "https://shop.example/");
        app.settled().await;
    }

    /// Customers call people by their public names; the company knows who that is.
    async fn cp_5_customers_see_the_public_name_and_colleagues_the_other(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let user = owner.get(&format!("/users/{}", ana.agent)).await.expect(200);
        let change = json!({ "name": "Ana López", "public_name": "Anita" });
        owner.patch(&format!("/users/{}", ana.agent), user["version"].as_i64().unwrap(), change).await.expect(200);
        let ana = app.sign_in("ana").await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola").await;
        app.settled().await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        let mut heard = visitor.listens().await;
        let mut hears = async |kind: &str| loop {
            let next = tokio::time::timeout(std::time::Duration::from_secs(20), heard.recv());
            let frame = next.await.expect("in time").expect("a socket");
            assert!(!frame.to_string().contains("López"), "{frame}");
            if frame["type"] == kind {
                return frame;
            }
        };
        ronda_testkit::eventually("the visitor listens", async || {
            (app.app.hub.visitors(app.workspace().await).len() == 1).then_some(())
        })
        .await;
        ana.post("/conversations/1/typing", json!({})).await.expect(204);
        assert_eq!(hears("typing").await["name"], "Anita");
        let said = json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": "¡Hola!" } });
        ana.post("/conversations/1/messages", said).await.expect(201);
        assert_eq!(hears("message").await["message"]["name"], "Anita");
        assert!(!visitor.reads(0).await.to_string().contains("López"));
        let log = owner.get("/routing-decisions").await.expect(200);
        let taken = log["items"].as_array().unwrap().iter().find(|d| d["act"] == "take").unwrap();
        assert_eq!(taken["to"]["name"], "Ana López");
        let seen = owner.get("/conversations/1").await.expect(200);
        assert_eq!(seen["owner"]["name"], "Ana López");
    }
}
