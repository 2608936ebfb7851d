//! Users of a workspace (spec CP-5).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, PASSWORD, api_suite};
use serde_json::{Value, json};

async fn read(owner: &Browser, of: &Browser) -> Value {
    owner.get(&format!("/users/{}", of.agent)).await.expect(200)
}

async fn edit(by: &Browser, of: &Browser, change: Value) -> ronda_testkit::Answer {
    let user = by.get(&format!("/users/{}", of.agent)).await.expect(200);
    let version = user["version"].as_i64().unwrap();
    by.patch(&format!("/users/{}", of.agent), version, change).await
}

api_suite! {
    async fn cp_5_a_user_is_edited(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
        let change = json!({ "name": " Ana  López ", "public_name": "Ana", "phone": "+54 11 4444-5555", "role": "supervisor",
            "groups": [group["id"]], "limit": 3, "signature": "Ana, de Acme" });
        let user = edit(&owner, &ana, change).await.expect(200);
        assert_eq!((&user["role"], &user["limit"], &user["groups"]), (&json!("supervisor"), &json!(3), &json!([group["id"]])));
        let user = edit(&owner, &ana, json!({ "limit": null, "phone": null })).await.expect(200);
        assert_eq!((&user["limit"], &user["phone"], &user["signature"]), (&Value::Null, &Value::Null, &json!("Ana, de Acme")));
        edit(&owner, &ana, json!({ "limit": 201 })).await.wrong("/limit", "out_of_range");
        edit(&owner, &ana, json!({ "name": "" })).await.wrong("/name", "required");
        edit(&owner, &ana, json!({ "signature": "x".repeat(301) })).await.wrong("/signature", "too_long");
        edit(&owner, &ana, json!({ "groups": [group["id"], 999] })).await.wrong("/groups/1", "unknown");
        edit(&owner, &ana, json!({ "photo": "nothing" })).await.wrong("/photo", "unknown");
        edit(&owner, &ana, json!({ "phone": "ask at the desk" })).await.wrong("/phone", "phone");
        owner.patch(&format!("/users/{}", ana.agent), 1, json!({ "name": "X" })).await.problem(412, "version_mismatch");
        let unversioned = owner.request("PATCH", &format!("/users/{}", ana.agent)).json(&json!({}));
        owner.send(unversioned).await.problem(428, "version_required");
        // The new role acts on the open session.
        assert_eq!(ana.get("/sessions/current").await.expect(200)["agent"]["role"], "supervisor");
    }

    async fn cp_5_lists_are_paged(app) {
        let owner = app.owner().await;
        for name in ["ana", "beto", "caro"] {
            app.join(app.workspace().await, name, Role::Agent).await;
        }
        let first = owner.get("/users?limit=3").await.expect(200);
        assert_eq!(first["items"].as_array().unwrap().len(), 3);
        let next = format!("/users?limit=3&cursor={}", first["next_cursor"].as_str().unwrap());
        let rest = owner.get(&next).await.expect(200);
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        assert_eq!(rest["items"][0]["email"], "caro@example.com");
        assert_eq!(rest["next_cursor"], Value::Null);
        owner.get("/users?limit=0").await.wrong("/query/limit", "out_of_range");
        owner.get("/users?cursor=x").await.wrong("/query/cursor", "cursor");
    }

    async fn cp_5_suspended_people_are_out_until_they_are_back(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        edit(&owner, &ana, json!({ "status": "suspended" })).await.expect(200);
        ana.get("/sessions/current").await.problem(401, "unauthenticated");
        ana.try_sign_in("ana@example.com", PASSWORD).await.problem(409, "suspended");
        ana.try_sign_in("ana@example.com", "a wrong one it is").await.problem(401, "wrong_credentials");
        // An invitation does not undo it.
        owner.post("/invitations", json!({ "email": "ana@example.com", "role": "agent" })).await.problem(409, "already_member");
        edit(&owner, &ana, json!({ "status": "active" })).await.expect(200);
        ana.try_sign_in("ana@example.com", PASSWORD).await.expect(201);
    }

    async fn cp_5_who_is_suspended_in_one_workspace_works_on_in_the_other(app) {
        let owner = app.owner().await;
        let other = app.new_workspace("Otra", "otto").await;
        let ana = app.member("ana", Role::Agent).await;
        app.join(other, "ana", Role::Agent).await;
        edit(&owner, &ana, json!({ "status": "suspended" })).await.expect(200);
        let me = ana.get("/sessions/current").await.expect(200);
        assert_eq!(me["workspace"], Value::Null);
        ana.get("/groups").await.problem(409, "no_workspace");
        ana.post("/sessions/current/workspace", json!({ "workspace": other })).await.expect(200);
        ana.get("/groups").await.ok();
    }

    async fn cp_5_the_last_owner_stays(app) {
        let owner = app.owner().await;
        let path = format!("/users/{}", owner.agent);
        edit(&owner, &owner, json!({ "role": "administrator" })).await.problem(409, "last_owner");
        edit(&owner, &owner, json!({ "status": "suspended" })).await.problem(409, "last_owner");
        owner.delete(&path).await.problem(409, "last_owner");
        let second = app.member("otto", Role::Owner).await;
        edit(&second, &owner, json!({ "role": "agent" })).await.expect(200);
        edit(&second, &second, json!({ "role": "agent" })).await.problem(409, "last_owner");
    }

    async fn plat_2_administrators_do_not_touch_owners(app) {
        let owner = app.owner().await;
        let admin = app.member("ada", Role::Administrator).await;
        edit(&admin, &owner, json!({ "name": "X" })).await.problem(409, "role_above_yours");
        edit(&admin, &admin, json!({ "role": "owner" })).await.problem(409, "role_above_yours");
        admin.delete(&format!("/users/{}", owner.agent)).await.problem(409, "role_above_yours");
    }

    /// History keeps the name, the address is free again, and nobody signs in.
    async fn cp_5_2_a_deleted_user_is_a_name_in_history(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent] })).await.expect(201);
        let path = format!("/users/{}", ana.agent);
        owner.delete(&path).await.ok();
        owner.get(&path).await.problem(404, "not_found");
        owner.delete(&path).await.problem(404, "not_found");
        ana.get("/sessions/current").await.problem(401, "unauthenticated");
        ana.try_sign_in("ana@example.com", PASSWORD).await.problem(401, "wrong_credentials");
        assert_eq!(owner.get(&format!("/groups/{}", group["id"])).await.expect(200)["members"], json!([]));
        let again = json!({ "email": "ana@example.com", "name": "Otra Ana", "role": "agent", "password": "a first password" });
        owner.post("/users", again).await.expect(201);
    }

    async fn cp_5_a_typed_password_has_to_be_changed(app) {
        let owner = app.owner().await;
        let new = json!({ "email": "ana@example.com", "name": "Ana", "role": "agent", "password": "a first password" });
        let user = owner.post("/users", new.clone()).await.expect(201);
        assert_eq!(user["role"], "agent");
        owner.post("/users", new).await.wrong("/email", "taken");
        let b = app.browser();
        let me = b.try_sign_in("ana@example.com", "a first password").await.expect(201);
        assert_eq!(me["account"]["must_change_password"], true);
        b.get("/groups").await.problem(403, "password_change_needed");
        b.get("/sessions/current").await.ok();
        let common = json!({ "email": "b@example.com", "name": "B", "role": "agent", "password": "password123" });
        owner.post("/users", common).await.wrong("/password", "common");
    }

    /// Given a limit override 3, then the member shows it.
    async fn cp_5_6_a_limit_override_is_what_colleagues_see(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        edit(&owner, &ana, json!({ "limit": 3 })).await.expect(200);
        assert_eq!(ana.get("/sessions/current").await.expect(200)["agent"]["limit"], 3);
        assert_eq!(read(&owner, &ana).await["limit"], 3);
    }

    async fn cp_5_the_state_history_has_a_range(app) {
        let owner = app.owner().await;
        let path = format!("/users/{}/states?from=0&to=9999999999999", owner.agent);
        assert!(owner.get(&path).await.expect(200)["items"].is_array());
        owner.get(&format!("/users/{}/states?from=x", owner.agent)).await.problem(422, "invalid");
    }
}
