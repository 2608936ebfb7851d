//! One's own account (spec PLAT-3, CP-6).

use crate::invitations::token_of;
use ronda_domain::permission::Role;
use ronda_testkit::{PASSWORD, api_suite};
use serde_json::{Value, json};

const NEW: &str = "an entirely new one";

api_suite! {
    async fn plat_3_people_edit_their_own_account(app) {
        let ana = app.member("ana", Role::Agent).await;
        let account = ana.get("/me/account").await.expect(200);
        assert_eq!((&account["email"], &account["language"]), (&json!("ana@example.com"), &Value::Null));
        let version = account["version"].as_i64().unwrap();
        let change = json!({ "name": "Ana López", "language": "pt-BR", "zone": "America/Sao_Paulo" });
        let account = ana.patch("/me/account", version, change).await.expect(200);
        assert_eq!(account["zone"], "America/Sao_Paulo");
        ana.patch("/me/account", version, json!({ "name": "X" })).await.problem(412, "version_mismatch");
        let version = account["version"].as_i64().unwrap();
        ana.patch("/me/account", version, json!({ "language": "fr" })).await.wrong("/language", "language");
        ana.patch("/me/account", version, json!({ "zone": "Moon" })).await.wrong("/zone", "zone");
        ana.patch("/me/account", version, json!({ "email": "x@example.com" })).await.wrong("/email", "unknown");
        let me = ana.get("/sessions/current").await.expect(200);
        assert_eq!((&me["account"]["language"], &me["agent"]["name"]), (&json!("pt-BR"), &json!("Ana López")));
        ana.patch("/me/account", version, json!({ "language": null })).await.expect(200);
    }

    /// Given an e-mail change not confirmed at both addresses, then the old one works.
    async fn plat_3_1_an_address_changes_when_both_have_agreed_and_not_before(app) {
        let ana = app.member("ana", Role::Agent).await;
        app.member("luis", Role::Agent).await;
        app.mails().await;
        let ask = async |email: &str, password: &str| ana.post("/me/account/email-change", json!({ "email": email, "password": password })).await;
        ask("ana.paz@example.com", "a guess of mine").await.wrong("/password", "wrong");
        ask("ana.paz", PASSWORD).await.wrong("/email", "email");
        ask("LUIS@example.com", PASSWORD).await.wrong("/email", "taken");
        ask("ana@example.com", PASSWORD).await.wrong("/email", "same");
        ask("ana.paz@example.com", PASSWORD).await.expect(202);
        let mut mails = app.mails().await;
        mails.sort_by_key(|m| m.to != "ana@example.com");
        let to: Vec<&str> = mails.iter().map(|m| m.to.as_str()).collect();
        assert_eq!(to, ["ana@example.com", "ana.paz@example.com"]);
        let links: Vec<String> = mails.iter().map(|m| format!("/email-changes/{}", token_of(&m.body))).collect();
        let anybody = app.browser();
        let works = async |email: &str| app.browser().try_sign_in(email, PASSWORD).await.status == 201;
        assert_eq!(anybody.get(&links[0]).await.expect(200)["confirmed"], false);
        for link in [&links[1], &links[1]] {
            assert_eq!(anybody.post(link, json!({})).await.expect(200)["done"], false, "one address is not enough, however often");
            assert!(works("ana@example.com").await && !works("ana.paz@example.com").await);
        }
        let pending = ana.get("/me/account").await.expect(200)["pending_email"].clone();
        assert_eq!((&pending["new_confirmed"], &pending["old_confirmed"]), (&json!(true), &json!(false)));
        assert_eq!(anybody.post(&links[0], json!({})).await.expect(200)["done"], true);
        assert!(works("ana.paz@example.com").await && !works("ana@example.com").await);
        assert_eq!(ana.get("/me/account").await.expect(200)["email"], "ana.paz@example.com");
        anybody.post(&links[0], json!({})).await.problem(404, "not_found");
        let log = app.owner().await.get("/audit-entries?object=users").await.expect(200);
        assert_eq!(log["items"][0]["after"]["email"], "ana.paz@example.com");
    }

    async fn plat_3_1_a_change_ends_by_time_by_a_newer_one_and_by_its_owner(app) {
        let ana = app.member("ana", Role::Agent).await;
        app.mails().await;
        let ask = async |email: &str| {
            ana.post("/me/account/email-change", json!({ "email": email, "password": PASSWORD })).await.expect(202);
            app.mails().await.iter().map(|m| format!("/email-changes/{}", token_of(&m.body))).collect::<Vec<_>>()
        };
        let first = ask("uno@example.com").await;
        let second = ask("dos@example.com").await;
        ana.post(&first[0], json!({})).await.problem(404, "not_found");
        ana.delete("/me/account/email-change").await.ok();
        ana.post(&second[0], json!({})).await.problem(404, "not_found");
        let third = ask("tres@example.com").await;
        app.advance(24 * 3_600_000 + 1);
        app.browser().post(&third[0], json!({})).await.problem(410, "link_expired");
        app.browser().try_sign_in("ana@example.com", PASSWORD).await.expect(201);
    }

    async fn cp_6_a_new_password_needs_the_old_one(app) {
        let ana = app.member("ana", Role::Agent).await;
        let elsewhere = app.sign_in("ana").await;
        let version = ana.get("/me/account").await.expect(200)["version"].as_i64().unwrap();
        let change = |current: &str, new: &str| json!({ "password": { "current": current, "new": new } });
        ana.patch("/me/account", version, change("not my password", NEW)).await.wrong("/password/current", "wrong");
        ana.patch("/me/account", version, change(PASSWORD, "qwertyuiop")).await.wrong("/password/new", "common");
        ana.patch("/me/account", version, change(PASSWORD, "ana@example.com")).await.wrong("/password/new", "personal");
        ana.patch("/me/account", version, change(PASSWORD, NEW)).await.expect(200);
        ana.get("/sessions/current").await.ok();
        elsewhere.get("/sessions/current").await.problem(401, "unauthenticated");
        app.browser().try_sign_in("ana@example.com", NEW).await.expect(201);
        assert_eq!(app.mails().await[0].to, "ana@example.com");
    }

    async fn plat_4_guessing_the_current_password_is_slowed(app) {
        let ana = app.member("ana", Role::Agent).await;
        let version = ana.get("/me/account").await.expect(200)["version"].as_i64().unwrap();
        let change = json!({ "password": { "current": "a guess of mine", "new": NEW } });
        let mut slowed = 0;
        for _ in 0..8 {
            slowed += i32::from(ana.patch("/me/account", version, change.clone()).await.status == 429);
        }
        assert!(slowed > 0);
    }

    async fn cp_5_after_the_forced_change_everything_answers(app) {
        let owner = app.owner().await;
        let new = json!({ "email": "ana@example.com", "name": "Ana", "role": "agent", "password": "a first password" });
        owner.post("/users", new).await.expect(201);
        let ana = app.browser();
        ana.try_sign_in("ana@example.com", "a first password").await.expect(201);
        let account = ana.get("/me/account").await.expect(200);
        assert_eq!(account["must_change_password"], true);
        let change = json!({ "password": { "current": "a first password", "new": NEW } });
        let account = ana.patch("/me/account", account["version"].as_i64().unwrap(), change).await.expect(200);
        assert_eq!(account["must_change_password"], false);
        ana.get("/groups").await.ok();
    }
}
