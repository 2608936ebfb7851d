//! Groups of agents (spec CP-7).

use ronda_domain::permission::Role;
use ronda_testkit::api_suite;
use serde_json::json;

api_suite! {
    async fn cp_7_a_group_is_made_edited_and_deleted(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let body = json!({ "name": "Atención", "description": "Primera línea", "members": [ana.agent], "default": true });
        let group = owner.post("/groups", body).await.expect(201);
        assert_eq!(group["key"], "atencion");
        assert_eq!(group["members"], json!([ana.agent]));
        let path = format!("/groups/{}", group["id"]);
        let edited = owner.patch(&path, group["version"].as_i64().unwrap(), json!({ "key": "primera" })).await.expect(200);
        assert_eq!(edited["aliases"], json!(["atencion"]), "the former key keeps working");
        assert_eq!(edited["name"], "Atención");
        owner.patch(&path, 1, json!({ "name": "X" })).await.problem(412, "version_mismatch");
        let read = ana.get(&path).await;
        assert_eq!(read.headers["etag"].to_str().unwrap(), format!("\"{}\"", edited["version"]));
        read.ok();
        assert_eq!(owner.get("/groups").await.expect(200)["items"].as_array().unwrap().len(), 1);
        owner.delete(&path).await.ok();
        owner.get(&path).await.problem(404, "not_found");
        assert_eq!(owner.get("/users").await.expect(200)["items"][1]["groups"], json!([]));
        owner.post("/groups", json!({ "name": "atencion" })).await.expect(201);
    }

    async fn cp_7_names_and_keys_are_unique_without_case_and_accents(app) {
        let owner = app.owner().await;
        let ventas = owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
        owner.post("/groups", json!({ "name": "VÉNTAS" })).await.wrong("/name", "taken");
        owner.post("/groups", json!({ "name": "Otro", "key": "ventas" })).await.wrong("/key", "taken");
        owner.post("/groups", json!({ "name": "Otro", "key": "Ventas" })).await.wrong("/key", "key");
        owner.post("/groups", json!({ "name": "日本" })).await.wrong("/key", "required");
        owner.post("/groups", json!({ "name": "" })).await.wrong("/name", "required");
        owner.post("/groups", json!({ "name": "x".repeat(41) })).await.wrong("/name", "too_long");
        owner.patch(&format!("/groups/{}", ventas["id"]), 1, json!({ "key": "sales" })).await.expect(200);
        owner.post("/groups", json!({ "name": "Otro", "key": "ventas" })).await.wrong("/key", "taken");
        owner.post("/groups", json!({ "name": "Otro", "members": [999_999] })).await.wrong("/members", "unknown");
        // A key made from the name avoids those that are taken.
        assert_eq!(owner.post("/groups", json!({ "name": "sales" })).await.expect(201)["key"], "sales-2");
    }

    async fn cp_7_one_group_is_the_default(app) {
        let owner = app.owner().await;
        let first = owner.post("/groups", json!({ "name": "Uno", "default": true })).await.expect(201);
        owner.post("/groups", json!({ "name": "Dos", "default": true })).await.expect(201);
        assert_eq!(owner.get(&format!("/groups/{}", first["id"])).await.expect(200)["default"], false);
    }

    async fn cp_7_editing_members_gives_users_and_groups_new_versions(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
        let (path, user) = (format!("/groups/{}", group["id"]), format!("/users/{}", ana.agent));
        let before = owner.get(&user).await.expect(200);
        let group = owner.patch(&path, 1, json!({ "supervisors": [ana.agent] })).await.expect(200);
        let after = owner.get(&user).await.expect(200);
        assert_eq!(after["groups"], json!([group["id"]]));
        assert!(after["version"].as_i64() > before["version"].as_i64());
        owner.patch(&user, after["version"].as_i64().unwrap(), json!({ "groups": [] })).await.expect(200);
        let emptied = owner.get(&path).await.expect(200);
        assert_eq!(emptied["supervisors"], json!([]));
        assert!(emptied["version"].as_i64() > group["version"].as_i64());
    }

    async fn cp_7_an_heir_is_another_group(app) {
        let owner = app.owner().await;
        let group = owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
        let path = format!("/groups/{}", group["id"]);
        owner.delete(&format!("{path}?heir={}", group["id"])).await.wrong("/query/heir", "unknown");
        owner.delete(&format!("{path}?heir=999999")).await.wrong("/query/heir", "unknown");
        let heir = owner.post("/groups", json!({ "name": "Soporte" })).await.expect(201);
        owner.delete(&format!("{path}?heir={}", heir["id"])).await.ok();
    }

    /// Given `chat_group="Ventas"`, then it matches key `ventas`; renamed, whoever says the old key still hands over.
    async fn cp_7_2_and_5_a_bot_names_a_group_by_any_of_its_keys(app) {
        let owner = app.owner().await;
        let ventas = owner.post("/groups", json!({ "name": "Ventas mayoristas", "key": "ventas" })).await.expect(201);
        let greeter = json!({ "text": "¡Hola!", "handover": "first_message", "chat_group": "Ventas" });
        let (channel, key) = app.web_chat(&owner, json!({ "greeter": greeter })).await;
        let group_of = async |number: i64| {
            let visitor = app.visitor(&key).await;
            visitor.writes("hola").await;
            visitor.writes("quiero comprar").await;
            app.settled().await;
            let c = owner.get(&format!("/conversations/{number}")).await.expect(200);
            assert_eq!(c["place"], "waiting");
            c["group"]["id"].clone()
        };
        assert_eq!(group_of(1).await, ventas["id"]);
        let path = format!("/groups/{}", ventas["id"]);
        owner.patch(&path, 1, json!({ "name": "Mayoristas", "key": "mayoristas" })).await.expect(200);
        assert_eq!(group_of(2).await, ventas["id"], "the former key works on");
        // Who would lose it is named before it is deleted.
        let asked = owner.delete(&path).await.problem(409, "needs_confirmation");
        assert_eq!(asked.body["findings"], json!({ "live_conversations": 2, "channels": ["Tienda"] }));
        // An unknown key is nobody's loss: the default group is asked.
        let comodin = owner.post("/groups", json!({ "name": "Comodín", "default": true })).await.expect(201);
        let account = owner.get(&format!("/channel-accounts/{channel}")).await.expect(200);
        let greeter = json!({ "text": "¡Hola!", "handover": "first_message", "chat_group": "no existe" });
        owner.patch(&format!("/channel-accounts/{channel}"), account["version"].as_i64().unwrap(), json!({ "greeter": greeter })).await.expect(200);
        assert_eq!(group_of(3).await, comodin["id"]);
    }

    async fn cp_7_a_group_names_its_channels_and_who_helps_it(app) {
        let owner = app.owner().await;
        let (channel, _) = app.web_chat(&owner, json!({})).await;
        let soporte = owner.post("/groups", json!({ "name": "Soporte" })).await.expect(201);
        let all = json!({ "name": "Ventas", "colour": "#1F7A5C", "channels": [channel], "overflow_group": soporte["id"], "overflow_seconds": 300 });
        let ventas = owner.post("/groups", all).await.expect(201);
        assert_eq!((ventas["colour"].clone(), ventas["channels"].clone(), ventas["overflow_seconds"].clone()), (json!("#1f7a5c"), json!([channel]), json!(300)));
        let path = format!("/groups/{}", ventas["id"]);
        owner.post("/groups", json!({ "name": "X", "colour": "red" })).await.wrong("/colour", "format");
        owner.post("/groups", json!({ "name": "X", "channels": [999_999] })).await.wrong("/channels/0", "unknown");
        owner.post("/groups", json!({ "name": "X", "overflow_group": 999_999 })).await.wrong("/overflow_group", "unknown");
        owner.post("/groups", json!({ "name": "X", "overflow_group": soporte["id"], "overflow_seconds": 5 })).await.wrong("/overflow_seconds", "out_of_range");
        owner.patch(&path, 1, json!({ "overflow_group": ventas["id"] })).await.wrong("/overflow_group", "unknown");
        let circle = format!("/groups/{}", soporte["id"]);
        owner.patch(&circle, 1, json!({ "overflow_group": ventas["id"] })).await.wrong("/overflow_group", "circle");
        // A channel that sends to a group is one it serves: a new one is added, an old one stays.
        let (other, key) = app.web_chat(&owner, json!({ "name": "Otra", "default_group": ventas["id"] })).await;
        let now = owner.get(&path).await.expect(200);
        assert_eq!(now["channels"], json!([channel, other]));
        owner.patch(&path, now["version"].as_i64().unwrap(), json!({ "channels": [channel] })).await.wrong("/channels", "in_use");
        // And nobody sends it what it does not serve.
        let only = owner.post("/groups", json!({ "name": "Solo una", "channels": [channel] })).await.expect(201);
        let account = owner.get(&format!("/channel-accounts/{other}")).await.expect(200);
        let send = json!({ "default_group": only["id"] });
        owner.patch(&format!("/channel-accounts/{other}"), account["version"].as_i64().unwrap(), send).await.wrong("/default_group", "not_served");
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        owner.post("/conversations/1/transfer", json!({ "to": { "group": only["id"] } })).await.wrong("/to/group", "not_served");
        owner.post("/conversations/1/transfer", json!({ "to": { "group": soporte["id"] } })).await.expect(200);
        // The heir of a deleted group helps where it helped.
        owner.delete(&format!("{circle}?heir={}", only["id"])).await.ok();
        assert_eq!(owner.get(&path).await.expect(200)["overflow_group"], only["id"]);
        owner.delete(&format!("/groups/{}?heir={}", only["id"], ventas["id"])).await.ok();
        assert_eq!(owner.get(&path).await.expect(200)["overflow_group"], serde_json::Value::Null);
    }
}
