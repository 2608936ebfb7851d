//! Invitations (spec CP-5, AG-2).

use ronda_domain::Ms;
use ronda_domain::permission::Role;
use ronda_testkit::{Engine, PASSWORD, TestApp, api_suite};
use serde_json::{Value, json};

/// The token of the only mail since the last look.
pub async fn mailed_token(app: &TestApp) -> String {
    let mails = app.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    token_of(&mails[0].body)
}

pub fn token_of(text: &str) -> String {
    let (_, rest) = text
        .split_once("/invitation/")
        .or_else(|| text.split_once("/reset/"))
        .or_else(|| text.split_once("/email/"))
        .expect("a link");
    rest.split_whitespace().next().expect("a token").to_owned()
}

fn newcomer() -> Value {
    json!({ "name": "Ana López", "public_name": "Ana", "password": PASSWORD, "language": "pt-BR", "zone": "America/Sao_Paulo" })
}

api_suite! {
    /// Given a valid invitation, then from link to first tray in one form.
    async fn ag_2_1_from_link_to_session_in_one_form(app) {
        let owner = app.owner().await;
        let group = owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
        let invitation = json!({ "email": "Ana@example.com", "role": "supervisor", "groups": [group["id"]], "language": "en" });
        let invitation = owner.post("/invitations", invitation).await.expect(201);
        assert_eq!(invitation["link"], Value::Null, "it was mailed");
        let mails = app.mails().await;
        assert_eq!(mails[0].to, "Ana@example.com");
        assert_eq!(mails[0].subject, "Invitation to Acme");
        assert!(mails[0].body.contains("Olga"));
        let token = token_of(&mails[0].body);
        let b = app.browser();
        let seen = b.get(&format!("/invitations/{token}/public")).await.expect(200);
        assert_eq!((&seen["state"], &seen["workspace"], &seen["has_account"]), (&json!("open"), &json!("Acme"), &json!(false)));
        let path = format!("/invitations/{token}/accept");
        b.post(&path, json!({ "name": "Ana", "password": "short" })).await.wrong("/password", "too_short");
        b.post(&path, json!({ "password": PASSWORD })).await.wrong("/name", "required");
        let me = b.post(&path, newcomer()).await.expect(201);
        assert_eq!(me["agent"]["role"], "supervisor");
        assert_eq!(me["agent"]["public_name"], "Ana");
        assert_eq!(me["account"]["language"], "pt-BR");
        assert_eq!(b.get("/sessions/current").await.expect(200)["workspace"]["name"], "Acme");
        let user = owner.get(&format!("/users/{}", me["agent"]["id"])).await.expect(200);
        assert_eq!(user["groups"], json!([group["id"]]));
        assert_eq!(owner.get("/invitations").await.expect(200)["items"], json!([]));
    }

    /// Given an invitation opened twice, then the second says used.
    async fn cp_5_1_a_link_works_once_and_says_so(app) {
        let owner = app.owner().await;
        owner.post("/invitations", json!({ "email": "ana@example.com", "role": "agent" })).await.expect(201);
        let token = mailed_token(app).await;
        app.browser().post(&format!("/invitations/{token}/accept"), newcomer()).await.expect(201);
        let second = app.browser();
        assert_eq!(second.get(&format!("/invitations/{token}/public")).await.expect(200)["state"], "used");
        second.post(&format!("/invitations/{token}/accept"), newcomer()).await.problem(410, "invitation_used");
        second.post(&format!("/invitations/{token}/renewal"), json!({})).await.problem(410, "invitation_used");
        second.get("/invitations/nonsense/public").await.problem(404, "not_found");
    }

    async fn cp_5_1_a_late_bearer_asks_for_a_new_link(app) {
        let owner = app.owner().await;
        owner.post("/invitations", json!({ "email": "ana@example.com", "role": "agent" })).await.expect(201);
        let token = mailed_token(app).await;
        app.advance(7 * Ms::DAY);
        let b = app.browser();
        b.post(&format!("/invitations/{token}/accept"), newcomer()).await.problem(410, "invitation_expired");
        assert_eq!(b.get(&format!("/invitations/{token}/public")).await.expect(200)["state"], "expired");
        b.post(&format!("/invitations/{token}/renewal"), json!({})).await.ok();
        let fresh = mailed_token(app).await;
        assert_ne!(fresh, token);
        b.get(&format!("/invitations/{token}/public")).await.problem(404, "not_found");
        b.post(&format!("/invitations/{fresh}/accept"), newcomer()).await.expect(201);
    }

    async fn cp_5_invitations_are_sent_again_and_taken_back(app) {
        let owner = app.owner().await;
        let invite = json!({ "email": "ana@example.com", "role": "agent" });
        let first = owner.post("/invitations", invite.clone()).await.expect(201);
        let old = mailed_token(app).await;
        let path = format!("/invitations/{}", first["id"]);
        owner.post(&format!("{path}/resend"), json!({})).await.expect(200);
        let fresh = mailed_token(app).await;
        app.browser().get(&format!("/invitations/{old}/public")).await.problem(404, "not_found");
        owner.delete(&path).await.ok();
        owner.delete(&path).await.problem(404, "not_found");
        owner.post(&format!("{path}/resend"), json!({})).await.problem(404, "not_found");
        app.browser().post(&format!("/invitations/{fresh}/accept"), newcomer()).await.problem(410, "invitation_revoked");
        // A second invitation ends the first.
        owner.post("/invitations", invite.clone()).await.expect(201);
        let one = mailed_token(app).await;
        owner.post("/invitations", invite).await.expect(201);
        assert_eq!(owner.get("/invitations").await.expect(200)["items"].as_array().unwrap().len(), 1);
        app.browser().post(&format!("/invitations/{one}/accept"), newcomer()).await.problem(410, "invitation_revoked");
    }

    /// Given an e-mail that already has an account, then it joins this workspace without a new password.
    async fn cp_5_3_somebody_with_an_account_joins_with_it(app) {
        app.workspace().await;
        let other = app.new_workspace("Otra", "otto").await;
        app.join(other, "ana", Role::Agent).await;
        let owner = app.owner().await;
        owner.post("/invitations", json!({ "email": "ANA@example.com", "role": "agent" })).await.expect(201);
        let token = mailed_token(app).await;
        let path = format!("/invitations/{token}/accept");
        let b = app.browser();
        assert_eq!(b.get(&format!("/invitations/{token}/public")).await.expect(200)["has_account"], true);
        b.post(&path, json!({})).await.wrong("/password", "required");
        b.post(&path, json!({ "name": "Eva", "password": "a quite different one" })).await.problem(401, "wrong_credentials");
        // Somebody else's session proves nothing.
        app.sign_in("otto").await.post(&path, json!({})).await.wrong("/password", "required");
        let ana = app.sign_in("ana").await;
        let me = ana.post(&path, json!({})).await.expect(201);
        assert_eq!(me["workspace"]["name"], "Acme");
        assert_eq!(me["workspaces"].as_array().unwrap().len(), 2);
        assert_eq!(me["account"]["name"], "Ana");
        assert_eq!(ana.get("/sessions").await.expect(200)["items"].as_array().unwrap().len(), 1);
        app.browser().try_sign_in("ana@example.com", PASSWORD).await.expect(201);
        owner.post("/invitations", json!({ "email": "ana@example.com", "role": "agent" })).await.problem(409, "already_member");
    }

    async fn cp_5_nobody_invites_above_themselves(app) {
        let admin = app.member("ada", Role::Administrator).await;
        admin.post("/invitations", json!({ "email": "ana@example.com", "role": "owner" })).await.problem(409, "role_above_yours");
        admin.post("/invitations", json!({ "email": "ana@example.com", "role": "king" })).await.wrong("/role", "not_one_of");
        admin.post("/invitations", json!({ "email": "ana", "role": "agent" })).await.wrong("/email", "email");
        admin.post("/invitations", json!({ "email": "ana@example.com", "role": "agent", "groups": [77] })).await.wrong("/groups/0", "unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_5_without_a_mail_server_the_link_is_handed_over() {
    let app = TestApp::without_mail(Engine::Sqlite).await;
    let owner = app.owner().await;
    let invitation = owner
        .post("/invitations", json!({ "email": "ana@example.com", "role": "agent" }))
        .await
        .expect(201);
    let link = invitation["link"].as_str().expect("a link");
    assert!(link.starts_with(&app.address), "{link}");
    let token = token_of(link);
    let b = app.browser();
    b.post(&format!("/invitations/{token}/renewal"), json!({}))
        .await
        .problem(409, "no_mail");
    b.post(&format!("/invitations/{token}/accept"), newcomer())
        .await
        .expect(201);
    let listed = owner.get("/invitations").await.expect(200);
    assert_eq!(listed["items"], json!([]));
}
