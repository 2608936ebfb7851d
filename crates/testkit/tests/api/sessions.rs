//! Signing in (spec AG-2, PLAT-4) and the first run.

use ronda_domain::Ms;
use ronda_domain::permission::Role;
use ronda_testkit::{Engine, PASSWORD, TestApp, api_suite};
use serde_json::{Value, json};

fn first_run(code: &str) -> Value {
    json!({ "code": code, "workspace_name": "Acme", "name": "Olga", "email": "Olga@example.com", "password": PASSWORD, "language": "es",
            "zone": "America/Argentina/Buenos_Aires", "country": "AR" })
}

api_suite! {
    async fn plat_8_the_first_run_needs_the_code_of_the_terminal_and_happens_once(app) {
        let b = app.browser();
        assert_eq!(b.get("/setup").await.expect(200)["needed"], true);
        b.post("/setup", first_run("AAAA-BBBB-CCCC")).await.wrong("/code", "wrong_code");
        let mut short = first_run(&app.app.setup_code);
        short["password"] = "short".into();
        short["zone"] = "Moon".into();
        let problem = b.post("/setup", short).await.problem(422, "invalid").body;
        assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "both are named at once");
        let me = b.post("/setup", first_run(&app.app.setup_code.to_lowercase())).await.expect(201);
        assert_eq!(me["workspace"]["name"], "Acme");
        assert_eq!(me["agent"]["role"], "owner");
        assert_eq!(b.get("/sessions/current").await.expect(200)["account"]["email"], "Olga@example.com");
        let other = app.browser();
        assert_eq!(other.get("/setup").await.expect(200)["needed"], false);
        other.post("/setup", first_run(&app.app.setup_code)).await.problem(409, "already_set_up");
    }

    async fn ag_2_sign_in_and_out(app) {
        let owner = app.owner().await;
        let me = owner.get("/sessions/current").await.expect(200);
        assert!(me["permissions"].as_array().unwrap().contains(&json!("users:manage")));
        owner.delete("/sessions/current").await.ok();
        owner.get("/sessions/current").await.problem(401, "unauthenticated");
        let b = app.browser();
        let unknown = b.try_sign_in("nobody@example.com", PASSWORD).await.problem(401, "wrong_credentials");
        let wrong = b.try_sign_in("olga@example.com", "another password").await.problem(401, "wrong_credentials");
        assert_eq!(unknown.body, wrong.body, "nobody learns which of the two was wrong");
        b.try_sign_in(" OLGA@example.com ", PASSWORD).await.expect(201);
    }

    /// Given a wrong password 5 times, then delays grow, the account is not locked for its owner on known devices.
    async fn ag_2_2_delays_grow_but_not_on_known_devices(app) {
        let mut known = app.owner().await;
        let attacker = app.browser();
        for _ in 0..5 {
            attacker.try_sign_in("olga@example.com", "guess guess guess").await.problem(401, "wrong_credentials");
        }
        let mut waits = Vec::new();
        for _ in 0..3 {
            let answer = attacker.try_sign_in("olga@example.com", "guess guess guess").await;
            let wait: i64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            answer.problem(429, "rate_limited");
            waits.push(wait);
            app.advance(wait * 1_000);
            attacker.try_sign_in("olga@example.com", "guess guess guess").await.problem(401, "wrong_credentials");
        }
        assert_eq!(waits, [1, 2, 4]);
        // Even the right password has to wait there, and a known device does not notice.
        attacker.try_sign_in("olga@example.com", PASSWORD).await.problem(429, "rate_limited");
        known.close();
        known.sign_in("olga@example.com").await;
    }

    /// Given many attempts on one account from many addresses, then the owner's known device still signs in.
    async fn plat_4_2_a_spread_attack_does_not_lock_the_owner_out(app) {
        let mut known = app.owner().await;
        let mut delayed = 0;
        for _ in 0..60 {
            let answer = app.browser().try_sign_in("olga@example.com", "guess guess guess").await;
            delayed += i32::from(answer.status == 429);
        }
        assert!(delayed >= 9, "guesses from many addresses are slowed too: {delayed}");
        known.close();
        known.sign_in("olga@example.com").await;
    }

    async fn plat_4_the_owner_is_told_of_a_new_device(app) {
        let mut here = app.owner().await;
        here.close();
        here.sign_in("olga@example.com").await;
        assert_eq!(app.mails().await, [], "the first device, and again the same");
        let there = app.sign_in("olga").await;
        let mails = app.mails().await;
        assert_eq!(mails[0].subject, "Entraste desde otro dispositivo");
        assert!(mails[0].body.contains(&there.ip), "{}", mails[0].body);
    }

    async fn ag_2_a_session_ends_after_twelve_idle_hours_or_thirty_days(app) {
        let idle = app.owner().await;
        let remembered = app.browser();
        let body = json!({ "email": "olga@example.com", "password": PASSWORD, "remember": true });
        remembered.post("/sessions", body).await.expect(201);
        for _ in 0..3 {
            app.advance(8 * Ms::HOUR);
            idle.get("/sessions/current").await.ok();
            app.app.settle().await;
        }
        app.advance(12 * Ms::HOUR + 1);
        idle.get("/sessions/current").await.problem(401, "unauthenticated");
        remembered.get("/sessions/current").await.ok();
        app.advance(29 * Ms::DAY);
        remembered.get("/sessions/current").await.problem(401, "unauthenticated");
    }

    /// Given sign-out of a device, then its next request answers 401.
    async fn plat_4_3_devices_are_listed_and_signed_out(app) {
        let here = app.owner().await;
        let there = app.sign_in("olga").await;
        let items = here.get("/sessions").await.expect(200)["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 2);
        let other = items.as_array().unwrap().iter().find(|d| d["current"] == false).unwrap();
        assert_eq!(other["ip"], there.ip);
        here.delete(&format!("/sessions/{}", other["id"])).await.ok();
        there.get("/sessions/current").await.problem(401, "unauthenticated");
        let third = app.sign_in("olga").await;
        here.delete("/sessions").await.ok();
        third.get("/sessions/current").await.problem(401, "unauthenticated");
        here.get("/sessions/current").await.ok();
        // Somebody else's session does not exist for me.
        let ana = app.member("ana", Role::Agent).await;
        let hers = ana.get("/sessions").await.expect(200)["items"][0]["id"].clone();
        here.delete(&format!("/sessions/{hers}")).await.problem(404, "not_found");
    }

    /// Given an e-mail invited to two workspaces, then one account, both listed.
    async fn ag_2_3_one_account_in_two_workspaces(app) {
        let first = app.workspace().await;
        let second = app.new_workspace("Otra", "otto").await;
        app.join(first, "ana", Role::Agent).await;
        app.join(second, "ana", Role::Supervisor).await;
        let ana = app.sign_in("ana").await;
        assert_eq!(ana.me["workspaces"].as_array().unwrap().len(), 2);
        assert_eq!(ana.me["workspace"], Value::Null, "she chooses");
        let me = ana.post("/sessions/current/workspace", json!({ "workspace": second })).await.expect(200);
        assert_eq!(me["agent"]["role"], "supervisor");
        let foreign = app.new_workspace("Ajena", "pia").await;
        ana.post("/sessions/current/workspace", json!({ "workspace": foreign })).await.problem(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plat_4_nobody_signs_in_over_plain_http_from_elsewhere() {
    let app = TestApp::start_with(Engine::Sqlite, &[("public_url", "http://chat.example.com")]).await;
    app.workspace().await;
    let b = app.browser();
    let request = b.outside("POST", "/api/v1/sessions").header("x-ronda", "1");
    let request = request.json(&json!({ "email": "olga@example.com", "password": PASSWORD }));
    b.send(request).await.problem(403, "insecure_address");
}

#[tokio::test(flavor = "multi_thread")]
async fn plat_4_over_https_cookies_are_bound_to_the_host() {
    let app = TestApp::start_with(Engine::Sqlite, &[("public_url", "https://chat.example.com")]).await;
    app.workspace().await;
    let b = app.browser();
    let request = b
        .outside("POST", "/api/v1/sessions")
        .header("x-ronda", "1")
        .header("origin", "https://chat.example.com");
    let answer = b
        .send(request.json(&json!({ "email": "olga@example.com", "password": PASSWORD })))
        .await;
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap())
        .collect();
    assert!(cookies[0].starts_with("__Host-ronda="), "{cookies:?}");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookies.iter().all(|c| c.contains(part)), "{part} in {cookies:?}");
    }
    answer.ok();
}
