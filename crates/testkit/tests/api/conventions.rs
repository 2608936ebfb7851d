//! What holds for every resource (spec DEV-9, G1, G6).

use ronda_testkit::api_suite;
use serde_json::json;

api_suite! {
    async fn dev_9_2_a_wrong_body_is_a_problem_that_names_it(app) {
        let b = app.browser();
        b.post("/sessions", json!({ "email": "a@example.com", "password": "x", "colour": 1 })).await.wrong("/colour", "unknown");
        b.post("/sessions", json!({ "email": "a@example.com" })).await.wrong("/password", "required");
        b.post("/sessions", json!({ "email": 7, "password": "x" })).await.wrong("/email", "type");
        let text = b.request("POST", "/sessions").header("content-type", "application/json").body("{\"email\":");
        b.send(text).await.problem(400, "json");
        let form = b.request("POST", "/sessions").header("content-type", "text/plain").body("{}");
        b.send(form).await.problem(415, "not_json");
        let large = b.request("POST", "/sessions").json(&json!({ "email": "a".repeat(2_000_000), "password": "x" }));
        b.send(large).await.problem(413, "too_large");
    }

    async fn dev_9_2_any_fuzzed_body_is_a_problem_and_never_ours(app) {
        let owner = app.owner().await;
        let bodies = ["", "null", "[]", "{}", "\"x\"", "1e999", "{\"a\":{\"b\":[1,2,{}]}}", "\u{0}", "{\"email\":null}"];
        for operation in ronda_server::http::document::operations() {
            let (method, path) = operation.split_once(' ').unwrap();
            if method == "GET" || path.ends_with("/sessions") || path.ends_with("/sessions/current") {
                continue;
            }
            let path = path.replace("{id}", "999999").replace("{token}", "nonsense");
            for body in bodies {
                let request = owner.request(method, &path).header("content-type", "application/json").body(body);
                let answer = owner.send(request).await;
                assert!(answer.status < 500, "{operation} with {body}: {} {}", answer.status, answer.body);
            }
            app.advance(60_000);
        }
    }

    async fn plat_4_writes_of_other_sites_are_refused(app) {
        let owner = app.owner().await;
        let plain = owner.outside("DELETE", "/api/v1/sessions/current").header("origin", &app.address);
        owner.send(plain).await.problem(403, "cross_site");
        let foreign = owner.outside("DELETE", "/api/v1/sessions/current").header("x-ronda", "1").header("origin", "https://evil.example");
        owner.send(foreign).await.problem(403, "cross_site");
        owner.get("/sessions/current").await.ok();
    }

    async fn every_answer_carries_its_headers(app) {
        let b = app.browser();
        let answer = b.get("/setup").await;
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["x-frame-options"], "DENY");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        assert!(answer.headers.contains_key("x-request-id"));
        assert_eq!(answer.headers["ratelimit-limit"], "300");
        b.get("/nothing-here").await.problem(404, "not_found");
        let page = b.send(b.outside("GET", "/login")).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    }

    async fn dev_9_too_many_requests_wait(app) {
        let b = app.browser();
        let mut last = b.get("/setup").await;
        for _ in 0..60 {
            if last.status == 429 { break; }
            last = b.get("/setup").await;
        }
        let wait: i64 = last.headers["retry-after"].to_str().unwrap().parse().unwrap();
        last.problem(429, "rate_limited");
        app.browser().get("/setup").await.ok();
        app.advance(wait * 1_000);
        b.get("/setup").await.ok();
    }

    async fn operators_see_health_and_metrics(app) {
        let b = app.browser();
        for path in ["/healthz", "/readyz", "/api/v1/openapi.json", "/api/docs"] {
            b.send(b.outside("GET", path)).await.ok();
        }
        // Through a proxy the metrics are hidden unless the configuration says otherwise.
        assert_eq!(b.send(b.outside("GET", "/metrics")).await.status, 404);
    }
}
