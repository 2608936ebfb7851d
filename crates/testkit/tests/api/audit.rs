//! Who changed what (spec PLAT-5, G8).

use ronda_domain::permission::Role;
use ronda_testkit::{PASSWORD, api_suite};
use serde_json::{Value, json};

api_suite! {
    /// Given a change, then exactly one entry, with what differed.
    async fn plat_5_1_every_change_leaves_one_entry(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let user = owner.get(&format!("/users/{}", ana.agent)).await.expect(200);
        owner.patch(&format!("/users/{}", ana.agent), user["version"].as_i64().unwrap(), json!({ "limit": 3 })).await.ok();
        owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent] })).await.expect(201);
        owner.patch("/workspace", 1, json!({ "name": "Acme SA" })).await.ok();
        owner.post("/invitations", json!({ "email": "b@example.com", "role": "agent" })).await.expect(201);
        let items = owner.get("/audit-entries").await.expect(200)["items"].clone();
        let said: Vec<String> = items.as_array().unwrap().iter()
            .map(|e| format!("{} {} by {}", e["action"].as_str().unwrap(), e["object"].as_str().unwrap(), e["actor_name"].as_str().unwrap()))
            .collect();
        assert_eq!(said, ["created invitations by Olga", "updated workspace by Olga", "created groups by Olga", "updated users by Olga",
            "created workspace by operator"]);
        let edit = &items[3];
        assert_eq!((&edit["before"]["limit"], &edit["after"]["limit"]), (&Value::Null, &json!(3)));
        assert_eq!((&edit["actor"], &edit["ip"]), (&json!(owner.agent), &json!(owner.ip)));
        assert_eq!(edit["before"]["name"], Value::Null, "what did not change is left out");
    }

    async fn plat_5_the_log_is_filtered_and_paged(app) {
        let owner = app.owner().await;
        for n in 0..5 {
            owner.post("/groups", json!({ "name": format!("Grupo {n}") })).await.expect(201);
        }
        let page = owner.get("/audit-entries?object=groups&limit=3").await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 3);
        let next = format!("/audit-entries?object=groups&limit=3&cursor={}", page["next_cursor"].as_str().unwrap());
        assert_eq!(owner.get(&next).await.expect(200)["items"].as_array().unwrap().len(), 2);
        let nobody = owner.get("/audit-entries?actor=999999").await.expect(200);
        assert_eq!(nobody["items"], json!([]));
        let none = owner.get("/audit-entries?to=1000").await.expect(200);
        assert_eq!(none["items"], json!([]));
    }

    /// Given a secret changed, then neither old nor new value is in the log.
    async fn plat_5_3_no_secret_is_in_the_log(app) {
        let owner = app.owner().await;
        let typed = json!({ "email": "ana@example.com", "name": "Ana", "role": "agent", "password": "a first password" });
        owner.post("/users", typed).await.expect(201);
        owner.post("/invitations", json!({ "email": "b@example.com", "role": "agent" })).await.expect(201);
        let token = crate::invitations::mailed_token(app).await;
        let log = owner.get("/audit-entries").await.expect(200).to_string();
        for secret in ["a first password", PASSWORD, token.as_str(), "argon2"] {
            assert!(!log.contains(secret), "{secret}");
        }
    }
}
