//! New passwords by a mailed link (spec CP-6).

use crate::invitations::{mailed_token, token_of};
use ronda_domain::Ms;
use ronda_domain::permission::Role;
use ronda_testkit::{Engine, PASSWORD, TestApp, api_suite};
use serde_json::json;

const NEW: &str = "an entirely new one";

async fn ask(app: &TestApp, email: &str) -> ronda_testkit::Answer {
    app.browser().post("/password-resets", json!({ "email": email })).await
}

api_suite! {
    /// Given a reset, then devices signed in before get 401 on the next call.
    async fn cp_6_4_a_new_password_signs_all_devices_out(app) {
        let owner = app.owner().await;
        ask(app, " OLGA@example.com").await.expect(202);
        let mails = app.mails().await;
        assert_eq!(mails[0].to, "olga@example.com");
        assert_eq!(mails[0].subject, "Tu nueva contraseña");
        let token = token_of(&mails[0].body);
        let b = app.browser();
        let path = format!("/password-resets/{token}");
        let seen = b.get(&path).await.expect(200);
        assert_eq!(seen, json!({ "state": "open", "email": "olga@example.com" }));
        b.post(&path, json!({ "password": "short" })).await.wrong("/password", "too_short");
        b.post(&path, json!({ "password": "password123" })).await.wrong("/password", "common");
        b.post(&path, json!({ "password": NEW })).await.ok();
        owner.get("/sessions/current").await.problem(401, "unauthenticated");
        b.try_sign_in("olga@example.com", PASSWORD).await.problem(401, "wrong_credentials");
        let notice = app.mails().await;
        assert_eq!(notice[0].subject, "Tu contraseña cambió");
        b.try_sign_in("olga@example.com", NEW).await.expect(201);
        // Once.
        b.post(&path, json!({ "password": PASSWORD })).await.problem(410, "reset_used");
        assert_eq!(b.get(&path).await.expect(200)["state"], "used");
    }

    /// Given an unknown address, then the answer equals that of a known one.
    async fn cp_6_1_nobody_learns_which_addresses_exist(app) {
        app.workspace().await;
        let known = ask(app, "olga@example.com").await.expect(202);
        assert_eq!(app.mails().await.len(), 1);
        let unknown = ask(app, "nobody@example.com").await.expect(202);
        assert_eq!(app.mails().await.len(), 0);
        assert_eq!(known, unknown);
        ask(app, "nobody").await.wrong("/email", "email");
    }

    /// Given two requests, then only the newest link works.
    async fn cp_6_2_the_newest_link_works(app) {
        app.workspace().await;
        ask(app, "olga@example.com").await.ok();
        let first = mailed_token(app).await;
        ask(app, "olga@example.com").await.ok();
        let second = mailed_token(app).await;
        let b = app.browser();
        b.post(&format!("/password-resets/{first}"), json!({ "password": NEW })).await.problem(410, "reset_used");
        b.post(&format!("/password-resets/{second}"), json!({ "password": NEW })).await.ok();
    }

    async fn cp_6_a_link_ends_after_half_an_hour(app) {
        app.workspace().await;
        ask(app, "olga@example.com").await.ok();
        let token = mailed_token(app).await;
        app.advance(30 * Ms::MINUTE);
        let b = app.browser();
        let path = format!("/password-resets/{token}");
        b.post(&path, json!({ "password": NEW })).await.problem(410, "reset_expired");
        assert_eq!(b.get(&path).await.expect(200), json!({ "state": "expired", "email": "olga@example.com" }));
        b.get("/password-resets/nonsense").await.problem(404, "not_found");
    }

    async fn cp_6_an_address_gets_three_links_an_hour_and_a_machine_twenty(app) {
        app.workspace().await;
        for sent in [1, 1, 1, 0] {
            ask(app, "olga@example.com").await.ok();
            assert_eq!(app.mails().await.len(), sent);
        }
        app.advance(Ms::HOUR + 1);
        ask(app, "olga@example.com").await.ok();
        assert_eq!(app.mails().await.len(), 1);
        let b = app.browser();
        for _ in 0..20 {
            b.post("/password-resets", json!({ "email": "nobody@example.com" })).await.ok();
        }
        b.post("/password-resets", json!({ "email": "nobody@example.com" })).await.problem(429, "rate_limited");
    }

    /// An administrator sends a link and never sees it.
    async fn cp_5_an_administrator_sends_a_link(app) {
        let admin = app.member("ada", Role::Administrator).await;
        let ana = app.member("ana", Role::Agent).await;
        let answer = admin.post(&format!("/users/{}/password-reset", ana.agent), json!({})).await;
        assert_eq!(answer.body, "");
        answer.ok();
        ana.get("/sessions/current").await.problem(401, "unauthenticated");
        let token = mailed_token(app).await;
        app.browser().post(&format!("/password-resets/{token}"), json!({ "password": NEW })).await.ok();
        let owner = app.sign_in("olga").await;
        admin.post(&format!("/users/{}/password-reset", owner.agent), json!({})).await.problem(409, "role_above_yours");
    }
}

/// Given no mail server, then the answer says that the operator is to be asked.
#[tokio::test(flavor = "multi_thread")]
async fn cp_6_3_without_mails_the_answer_says_so() {
    let app = TestApp::without_mail(Engine::Sqlite).await;
    let owner = app.owner().await;
    let answer = ask(&app, "olga@example.com").await.expect(202);
    assert_eq!(answer, json!({ "mail_configured": false }));
    owner
        .post(&format!("/users/{}/password-reset", owner.agent), json!({}))
        .await
        .problem(409, "no_mail");
}
