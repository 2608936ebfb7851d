//! What holds for every resource (spec DEV-9, G1, G6).

use ronda_domain::ConversationId;
use ronda_domain::conversation::Place;
use ronda_domain::event::{Event, EventKind, Scope};
use ronda_domain::permission::Role;
use ronda_server::app::AppResult;
use ronda_server::realtime::hub::Audience;
use ronda_storage::{Lane, StoreResult};
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The events that a program reads as server-sent events after `last`, until `enough`.
async fn stream(by: &Browser, last: Option<i64>, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut request = by.request("GET", "/events").header("accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let response = request.send().await.expect("an answer");
    frames(response, enough).await
}

async fn frames(mut response: reqwest::Response, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut events) = (String::new(), Vec::new());
    while !enough(&events) {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), response.chunk());
        let chunk = next.await.expect("in time").expect("a stream").expect("more");
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((block, rest)) = text.clone().split_once("\n\n") {
            let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name).map(str::to_owned));
            if let Some(data) = field("data: ") {
                let frame: Value = serde_json::from_str(&data).expect("JSON");
                assert!(frame["type"] != "event" || field("id: ") == frame["seq"].as_i64().map(|s| s.to_string()));
                events.push(frame);
            }
            rest.clone_into(&mut text);
        }
    }
    events
}

fn numbers(frames: &[Value]) -> Vec<i64> {
    let events = frames.iter().filter(|f| f["type"] == "event");
    events.map(|f| f["seq"].as_i64().unwrap()).collect()
}

/// Follows a list to its end; `between` runs after every page.
async fn all_pages(by: &Browser, path: &str, mut between: impl AsyncFnMut()) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = by.get(&format!("{path}{cursor}")).await.expect(200);
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|i| i["id"].as_i64().unwrap()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            return ids;
        };
        cursor = format!("&cursor={next}");
        between().await;
    }
}

/// Members made and removed as fast as the database can, without a way to sign in.
async fn churn(app: &TestApp, make: &[String], remove: &[i64]) -> Vec<i64> {
    let w = app.workspace().await;
    let (make, remove) = (make.to_vec(), remove.to_vec());
    let changed: AppResult<Vec<i64>> = app
        .app
        .db
        .write("churn", Lane::Interactive, move |tx| {
            for id in &remove {
                ronda_storage::users::delete(tx, w, ronda_domain::AgentId(*id))?;
            }
            let mut made = Vec::new();
            for name in &make {
                let account = ronda_storage::accounts::NewAccount {
                    email: format!("{name}@example.com"),
                    email_key: format!("{name}@example.com"),
                    name: name.clone(),
                    password_hash: None,
                    must_change_password: false,
                    language: None,
                    zone: None,
                };
                let account = ronda_storage::accounts::insert(tx, &account)?;
                made.push(ronda_storage::users::insert(tx, w, account, Role::Agent, name, "")?.0);
            }
            Ok(made)
        })
        .await;
    changed.expect("members")
}

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

    /// Given paging while 1,000 rows are inserted and deleted, then no row present throughout is missed or doubled.
    async fn dev_9_1_a_list_that_changes_while_it_is_paged_loses_and_repeats_nothing(app) {
        let owner = app.owner().await;
        let names = |from: usize, n: usize| (from..from + n).map(|i| format!("p{i}")).collect::<Vec<_>>();
        let mut stay = churn(app, &names(0, 300), &[]).await;
        let mut go: Vec<i64> = stay.iter().copied().enumerate().filter(|(i, _)| i % 3 == 0).map(|(_, id)| id).collect();
        stay.retain(|id| !go.contains(id));
        stay.push(owner.agent.0);
        let mut changed = 0;
        let read = all_pages(&owner, "/users?limit=20", async || {
            // A list that grows faster than it is read has no end.
            if changed >= 1_000 { return; }
            // Some of those that were read, some that were not, and new ones, which go again later.
            let gone: Vec<i64> = go.drain(..go.len().min(35)).collect();
            let made = churn(app, &names(1_000 + changed, 45), &gone).await;
            changed += made.len() + gone.len();
            go.extend(made.iter().step_by(2));
            app.advance(1_000);
        })
        .await;
        assert!(changed >= 1_000, "only {changed} rows came and went");
        let once: BTreeSet<i64> = read.iter().copied().collect();
        assert_eq!(once.len(), read.len(), "a row was given twice");
        let missed: Vec<_> = stay.iter().filter(|id| !once.contains(id)).collect();
        assert!(missed.is_empty(), "{missed:?} were there all the time");
    }

    /// Given conversations that come, go and are answered between the pages, then those left alone are read once.
    async fn dev_9_1_a_tray_that_changes_while_it_is_paged_loses_and_repeats_nothing(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let mut alone = BTreeSet::new();
        for i in 0..24 {
            app.visitor(&key).await.writes(&format!("Consulta {i}")).await;
            if i % 2 == 1 { alone.insert(i + 1); }
        }
        for order in ["waiting", "activity", "assigned"] {
            let mut take = (0..24).filter(|i| i % 2 == 0).map(|i| i + 1);
            let read = all_pages(&owner, &format!("/conversations?tray=unassigned&order={order}&limit=5"), async || {
                for id in take.by_ref().take(2) {
                    owner.post(&format!("/conversations/{id}/take"), json!({})).await;
                }
                app.visitor(&key).await.writes("Una más").await;
            })
            .await;
            let once: BTreeSet<i64> = read.iter().copied().collect();
            assert_eq!(once.len(), read.len(), "{order}: twice in {read:?}");
            assert!(alone.is_subset(&once), "{order}: {read:?} misses some of {alone:?}");
        }
        app.settled().await;
    }

    /// Given a stream resumed after 1 h, then no gap, no duplicate.
    async fn dev_9_3_a_stream_resumed_after_an_hour_has_no_gap_and_no_duplicate(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let visitor = app.visitor(&key).await;
        let first = stream(&owner, None, |f| !f.is_empty()).await;
        assert_eq!(first[0]["type"], "welcome");
        let from = first[0]["seq"].as_i64().unwrap();
        visitor.writes("antes").await;
        app.settled().await;
        let said = |text: &'static str| move |f: &[Value]| f.iter().any(|e| e["body"]["content"]["text"] == text);
        let before = stream(&owner, Some(from), said("antes")).await;
        let at = *numbers(&before).last().unwrap();
        for minute in 0..12 {
            app.advance(5 * 60_000);
            visitor.writes(&format!("minuto {minute}")).await;
        }
        visitor.writes("después").await;
        app.settled().await;
        // Whoever reads it all in one go is the measure.
        let whole = numbers(&stream(&owner, Some(from), said("después")).await);
        let resumed = stream(&owner, Some(at), said("después")).await;
        let mut joined = numbers(&before);
        joined.extend(numbers(&resumed));
        assert_eq!(joined, whole, "gaps or duplicates");
        assert!(whole.len() >= 14);
        let mut prev = at;
        for frame in resumed.iter().filter(|f| f["type"] == "event") {
            assert_eq!(frame["prev"], prev);
            prev = frame["seq"].as_i64().unwrap();
        }
        // The same for a screen.
        let mut screen = owner.screen(Some(at)).await;
        screen.until("message.created", |m| m["content"]["text"] == "después").await;
        // Agents get what they may see, and nobody anything without a session.
        let ana = app.member("ana", Role::Agent).await;
        let hers = stream(&ana, Some(from), said("después")).await;
        assert!(hers.len() > 10);
        let request = app.browser().request("GET", "/events").header("accept", "text/event-stream");
        app.browser().send(request).await.problem(401, "unauthenticated");
    }

    /// More at once than may wait for a listener: whoever reads gets it all, and whoever does not is found too slow and holds
    /// up nobody for long.
    async fn dev_9_who_reads_is_never_too_slow_and_who_does_not_is(app) {
        const EVENTS: i64 = 1_500;
        let owner = app.owner().await;
        let w = app.workspace().await;
        let mut screen = owner.screen(None).await;
        let conversation = ConversationId(1);
        let idle = app.app.hub.join(w, Audience::Visitor { visitor: 1, conversations: [conversation].into() });
        let written: StoreResult<()> = app
            .app
            .db
            .write("many", Lane::Interactive, move |tx| {
                for n in 0..EVENTS {
                    tx.emit(Event {
                        workspace: w,
                        kind: EventKind::MessageChanged,
                        conversation: Some(conversation),
                        scope_before: None,
                        scope_after: Some(Scope { place: Place::Waiting, owner: None, group: None }),
                        body: json!({ "n": n }).to_string(),
                    });
                }
                Ok(())
            })
            .await;
        written.expect("events");
        for n in 0..EVENTS {
            let body = screen.until("message.changed", |_| true).await;
            assert_eq!(body["n"], n, "in order, without a hole");
        }
        assert!(idle.lost(), "nobody read there");
    }

    async fn dev_9_a_stream_ends_with_its_session(app) {
        let owner = app.owner().await;
        let elsewhere = app.sign_in("olga").await;
        let request = elsewhere.request("GET", "/events").header("accept", "text/event-stream");
        let stream = request.send().await.expect("an answer");
        // Whether it has taken its seat by now or not: the end is told.
        owner.delete("/sessions").await.expect(204);
        let frames = frames(stream, |f| f.iter().any(|e| e["type"] == "end")).await;
        assert_eq!(frames.last().unwrap()["code"], 4001);
    }

    async fn dev_9_fields_are_picked_from_objects_and_lists(app) {
        let owner = app.owner().await;
        owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
        let list = owner.get("/groups?fields=id,name").await.expect(200);
        let first = list["items"][0].as_object().unwrap();
        assert_eq!(first.keys().collect::<Vec<_>>(), ["id", "name"]);
        assert!(list.get("next_cursor").is_some());
        let one = owner.get(&format!("/groups/{}?fields=name", first["id"])).await;
        assert!(one.headers.contains_key("etag"));
        assert_eq!(one.expect(200), json!({ "name": first["name"] }));
        owner.get("/groups?fields=id,colours").await.wrong("/query/fields", "unknown");
        owner.get("/users?limit=1&fields=id").await.expect(200);
        owner.get("/users?limit=0&fields=id").await.wrong("/query/limit", "out_of_range");
        owner.get("/groups?fields=id&x=1").await;
        assert_eq!(owner.get("/conversations?fields=colour").await.expect(200)["items"], json!([]), "nothing to judge by");
    }

    async fn dev_9_a_repeated_post_gets_the_first_answer_for_a_day(app) {
        let owner = app.owner().await;
        let olga = app.sign_in("olga").await;
        let beto = app.member("beto", Role::Administrator).await;
        let post = async |by: &Browser, key: &str, name: &str| {
            by.send(by.request("POST", "/groups").header("idempotency-key", key).json(&json!({ "name": name }))).await
        };
        let first = post(&owner, "k1", "Ventas").await.expect(201);
        let again = post(&owner, "k1", "Ventas").await;
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(again.expect(201), first);
        assert_eq!(post(&olga, "k1", "Ventas").await.expect(201), first, "the same person on another device");
        post(&owner, "k1", "Otro").await.problem(409, "idempotency_key_reused");
        post(&owner, "", "Otro").await.problem(400, "idempotency_key");
        // Never to somebody else: for them it is a key of their own.
        post(&beto, "k1", "Soporte").await.expect(201);
        let both = tokio::join!(post(&owner, "k2", "Ñandú"), post(&owner, "k2", "Ñandú"));
        let statuses = [both.0.status, both.1.status];
        assert!(statuses.contains(&201) && statuses.iter().all(|s| matches!(s, 201 | 409)), "{statuses:?}");
        let list = owner.get("/groups").await.expect(200).to_string();
        assert_eq!(list.matches("Ñandú").count(), 1, "{list}");
    }
}
