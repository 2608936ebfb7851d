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
}
