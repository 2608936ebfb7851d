//! Service levels: promises, the clocks that measure them, and how they were kept (spec REP-8).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, Visitor, api_suite};
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;

async fn promise(by: &Browser, metric: &str, seconds: i64) -> Value {
    let body = json!({ "metric": metric, "seconds": seconds, "business": false });
    by.post("/service-targets", body).await.expect(201)
}

async fn clock(by: &Browser, conversation: i64) -> Value {
    by.get(&format!("/conversations/{conversation}")).await.expect(200)["service"].clone()
}

async fn kept(by: &Browser, target: &Value) -> Value {
    let report = by.get("/reports/service-levels").await.expect(200);
    let items = report["items"].as_array().unwrap();
    items.iter().find(|c| c["target"] == target["id"]).unwrap().clone()
}

async fn write(app: &TestApp, key: &str) -> Visitor {
    let visitor = app.visitor(key).await;
    visitor.writes("Hola").await;
    app.settled().await;
    visitor
}

fn span(clock: &Value) -> i64 {
    clock["due_at"].as_i64().unwrap() - clock["started_at"].as_i64().unwrap()
}

api_suite! {
    /// On track, at risk in the last quarter, overdue: told once each to supervisors and the agent, on the wall and in the
    /// conversation; kept ÷ (kept + broken), with what is open apart.
    async fn rep_8_promises_are_measured_told_and_counted(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": null })).await;
        let first = promise(&owner, "first_response", 600).await;
        let next = promise(&owner, "next_response", 300).await;
        let visitor = write(app, &key).await;
        let running = clock(&ana, 1).await;
        assert_eq!((span(&running), &running["metric"]), (10 * MINUTE, &json!("first_response")), "{running}");
        assert_eq!(running["risk_at"].as_i64().unwrap() - running["started_at"].as_i64().unwrap(), 450_000);
        // The customer writing again changes nothing.
        visitor.writes("¿Hola?").await;
        app.settled().await;
        assert_eq!(clock(&ana, 1).await, running);
        let mut screen = ana.screen(None).await;
        app.advance(451_000);
        screen.until("alert.raised", |a| a["kind"] == "service_at_risk" && a["conversation"]["number"] == 1).await;
        let wall = owner.get("/routing/overview").await.expect(200);
        assert_eq!((&wall["promises_at_risk"], &wall["promises_broken"], &wall["promises"][0]["id"]), (&json!(1), &json!(0), &json!(1)));
        app.advance(150_000);
        screen.until("alert.raised", |a| a["kind"] == "service_overdue").await;
        let wall = owner.get("/routing/overview").await.expect(200);
        assert_eq!((&wall["promises_at_risk"], &wall["promises_broken"]), (&json!(0), &json!(1)));
        assert_eq!(kept(&owner, &first).await["open_overdue"], 1);
        ana.says(&json!(1), "¡Hola! Perdón.").await;
        app.settled().await;
        assert_eq!(clock(&ana, 1).await, Value::Null);
        let late = kept(&owner, &first).await;
        assert_eq!((&late["met"], &late["missed"], &late["permille"], &late["open"]), (&json!(0), &json!(1), &json!(0), &json!(0)), "{late}");
        // The next wait has the other promise, and is answered in time.
        visitor.writes("¿Tienen yerba?").await;
        app.settled().await;
        let running = clock(&ana, 1).await;
        assert_eq!((span(&running), &running["metric"]), (5 * MINUTE, &json!("next_response")));
        ana.says(&json!(1), "Sí").await;
        app.settled().await;
        let fine = kept(&owner, &next).await;
        assert_eq!((&fine["met"], &fine["missed"], &fine["permille"]), (&json!(1), &json!(0), &json!(1_000)), "{fine}");
        // Closed in time and unanswered: in neither number. Closed late: broken.
        visitor.writes("Gracias").await;
        app.settled().await;
        ana.post("/conversations/1/close", json!({ "confirm_unanswered": true, "reason": "spam" })).await.expect(200);
        app.settled().await;
        let dropped = kept(&owner, &next).await;
        assert_eq!((&dropped["met"], &dropped["missed"], &dropped["dropped"], &dropped["open"]), (&json!(1), &json!(0), &json!(1), &json!(0)), "{dropped}");
        let alerts = owner.get("/alerts").await.expect(200);
        let told = alerts["items"].as_array().unwrap().iter().filter(|a| a["kind"].as_str().unwrap().starts_with("service_")).count();
        assert_eq!(told, 2, "{alerts}");
    }

    /// Given a changed target, then open chats keep theirs unless it is applied to them.
    async fn rep_8_2_open_chats_keep_their_target_unless_applied(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let target = promise(&owner, "first_response", 600).await;
        write(app, &key).await;
        let path = format!("/service-targets/{}", target["id"]);
        owner.patch(&path, 7, json!({ "seconds": 60 })).await.problem(412, "version_mismatch");
        let edited = owner.patch(&path, 1, json!({ "seconds": 1_200 })).await.expect(200);
        assert_eq!((&edited["seconds"], &edited["version"]), (&json!(1_200), &json!(2)));
        assert_eq!(span(&clock(&owner, 1).await), 10 * MINUTE, "it keeps what it began with");
        write(app, &key).await;
        assert_eq!(span(&clock(&owner, 2).await), 20 * MINUTE);
        owner.patch(&path, 2, json!({ "seconds": 300, "apply": true })).await.expect(200);
        assert_eq!((span(&clock(&owner, 1).await), span(&clock(&owner, 2).await)), (5 * MINUTE, 5 * MINUTE));
        owner.delete(&path).await.expect(204);
        assert_eq!(span(&clock(&owner, 1).await), 5 * MINUTE, "what was promised stays promised");
        write(app, &key).await;
        assert_eq!(clock(&owner, 3).await, Value::Null);
    }

    /// Given snooze by the agent, then the clock of the first response does not stop; nor for a transfer.
    async fn rep_8_3_a_snooze_does_not_stop_the_clock(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        promise(&owner, "first_response", 600).await;
        write(app, &key).await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        let before = clock(&owner, 1).await;
        let until = app.clock.now().0 + 3_600_000;
        ana.post("/conversations/1/snooze", json!({ "until": until })).await.expect(200);
        app.settled().await;
        assert_eq!(clock(&owner, 1).await, before);
        owner.post("/conversations/1/transfer", json!({ "to": { "agent": berta.agent } })).await.expect(200);
        app.settled().await;
        assert_eq!(clock(&owner, 1).await, before);
        app.advance(601_000);
        owner.until("/alerts", |a| a["items"].as_array().unwrap().iter().any(|a| a["kind"] == "service_overdue")).await;
    }

    /// Given first response 15 min and hours to 18:00, when a chat arrives at 17:50, then it is due 09:05 next open day.
    async fn rep_8_1_a_wait_that_begins_before_closing_is_due_after_opening(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let day = json!([{ "from": "09:00", "to": "18:00" }]);
        let week = json!({ "week": [day, day, day, day, day, [], []] });
        let version = owner.get("/business-hours/workspace").await.expect(200)["version"].as_i64().unwrap();
        let request = owner.request("PUT", "/business-hours/workspace").header("if-match", format!("\"{version}\"")).json(&week);
        owner.send(request).await.expect(200);
        let body = json!({ "metric": "first_response", "seconds": 900, "business": true });
        owner.post("/service-targets", body).await.expect(201);
        // Friday, ten to six in Buenos Aires, three hours behind all year. The count of time begins on a Thursday.
        let (hour, whole_day) = (3_600_000, 24 * 3_600_000);
        let local = app.clock.now().0 - 3 * hour;
        let friday = whole_day + 17 * hour + 50 * MINUTE;
        app.advance((friday - local).rem_euclid(7 * whole_day));
        app.settled().await;
        write(app, &key).await;
        let owner = app.sign_in("olga").await;
        let running = clock(&owner, 1).await;
        let started = running["started_at"].as_i64().unwrap();
        let late = (started - 3 * hour).rem_euclid(whole_day) - (17 * hour + 50 * MINUTE);
        assert!((0..MINUTE).contains(&late), "{running}");
        // Monday, five past nine, and by as much later as it came after ten to six.
        let monday = started - late + 2 * whole_day + 15 * hour + 15 * MINUTE;
        assert_eq!(running["due_at"].as_i64().unwrap(), monday + late, "{running}");
    }

    async fn rep_8_the_most_specific_promise_holds(app) {
        let owner = app.owner().await;
        let group = owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
        let (plain, plain_key) = app.web_chat(&owner, json!({})).await;
        let (_, group_key) = app.web_chat(&owner, json!({ "name": "Otra", "default_group": group["id"] })).await;
        let body = |seconds: i64, more: Value| {
            let mut body = json!({ "metric": "first_response", "seconds": seconds, "business": false });
            for (key, value) in more.as_object().unwrap() {
                body[key] = value.clone();
            }
            body
        };
        owner.post("/service-targets", body(600, json!({}))).await.expect(201);
        owner.post("/service-targets", body(600, json!({}))).await.wrong("/metric", "taken");
        owner.post("/service-targets", body(300, json!({ "group": group["id"] }))).await.expect(201);
        owner.post("/service-targets", body(120, json!({ "channel_account": plain }))).await.expect(201);
        owner.post("/service-targets", body(5, json!({}))).await.wrong("/seconds", "out_of_range");
        owner.post("/service-targets", body(60, json!({ "group": 99 }))).await.wrong("/group", "unknown");
        owner.post("/service-targets", body(60, json!({ "channel_account": 99 }))).await.wrong("/channel_account", "unknown");
        write(app, &plain_key).await;
        write(app, &group_key).await;
        assert_eq!((span(&clock(&owner, 1).await), span(&clock(&owner, 2).await)), (2 * MINUTE, 5 * MINUTE));
    }

    /// The wait for somebody (M6) ends with the first who has it; the resolution (M10) with the last close, without the
    /// time it was closed in between. Each runs beside the answer that is owed.
    async fn rep_8_the_wait_and_the_resolution_have_promises_too(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
        let reopens = json!({ "close_tolerance": { "enabled": true, "minutes": 60 } });
        owner.patch("/workspace", version, reopens).await.expect(200);
        let wait = promise(&owner, "wait_for_agent", 120).await;
        let first = promise(&owner, "first_response", 600).await;
        let body = json!({ "metric": "resolution", "seconds": 3_600 });
        let whole = owner.post("/service-targets", body).await.expect(201);
        assert_eq!(whole["business"], false, "the clock counts unless somebody says otherwise");
        let visitor = write(app, &key).await;
        let urgent = clock(&owner, 1).await;
        assert_eq!((span(&urgent), &urgent["metric"]), (2 * MINUTE, &json!("wait_for_agent")), "the most urgent is shown");
        for target in [&wait, &first, &whole] {
            assert_eq!(kept(&owner, target).await["open"], 1);
        }
        app.advance(MINUTE);
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        let had = kept(&owner, &wait).await;
        assert_eq!((&had["met"], &had["open"]), (&json!(1), &json!(0)), "{had}");
        assert_eq!(clock(&owner, 1).await["metric"], "first_response");
        // Given back and asked again: who had somebody does not wait for somebody anew.
        owner.post("/conversations/1/transfer", json!({ "to": { "anyone": true } })).await.expect(200);
        visitor.writes("¿Hola?").await;
        app.settled().await;
        assert_eq!(kept(&owner, &wait).await["open"], 0);
        berta.post("/conversations/1/take", json!({})).await.expect(200);
        berta.says(&json!(1), "¡Hola!").await;
        app.settled().await;
        assert_eq!(kept(&owner, &first).await["met"], 1);
        let running = clock(&owner, 1).await;
        assert_eq!((span(&running), &running["metric"]), (60 * MINUTE, &json!("resolution")));
        app.advance(20 * MINUTE);
        berta.post("/conversations/1/close", json!({})).await.expect(200);
        app.settled().await;
        let solved = kept(&owner, &whole).await;
        assert_eq!((&solved["met"], &solved["open"]), (&json!(1), &json!(0)), "{solved}");
        // Closed for ten minutes and written to again: these ten do not count.
        app.advance(10 * MINUTE);
        visitor.writes("Una cosa más").await;
        app.settled().await;
        let again = owner.get("/conversations/1").await.expect(200);
        assert_ne!(again["place"], "closed", "inside the tolerance it is the same conversation");
        let all = kept(&owner, &whole).await;
        assert_eq!((&all["met"], &all["open"]), (&json!(0), &json!(1)), "it is not solved: {all}");
        berta.post("/conversations/1/take", json!({})).await.ok();
        berta.says(&json!(1), "Claro").await;
        app.settled().await;
        let resumed = clock(&owner, 1).await;
        assert_eq!(resumed["metric"], "resolution");
        assert!((70 * MINUTE..70 * MINUTE + 5_000).contains(&span(&resumed)), "{resumed}");
        app.advance(41 * MINUTE);
        berta.post("/conversations/1/close", json!({})).await.expect(200);
        app.settled().await;
        let late = kept(&owner, &whole).await;
        assert_eq!((&late["met"], &late["missed"], &late["permille"]), (&json!(0), &json!(1), &json!(0)), "{late}");
    }

    /// Given a broken promise, then what somebody set follows: it rises in the queue, and another group is asked.
    async fn rep_8_a_broken_promise_raises_and_reassigns(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let group = owner.post("/groups", json!({ "name": "Refuerzo" })).await.expect(201);
        app.policy(&owner, "support", json!({ "excluded": [owner.agent] })).await;
        let body = |raise: i64, group: Value| json!({ "metric": "wait_for_agent", "seconds": 60, "business": false,
            "notify": false, "raise_minutes": raise, "to_group": group });
        owner.post("/service-targets", body(1_441, json!(null))).await.wrong("/raise_minutes", "out_of_range");
        owner.post("/service-targets", body(0, json!(99))).await.wrong("/to_group", "unknown");
        let target = owner.post("/service-targets", body(30, json!(null))).await.expect(201);
        write(app, &key).await;
        app.advance(61_000);
        let decided = async |act: &str| {
            let path = format!("/routing-decisions?act={act}");
            let list = owner.until(&path, |l| !l["items"].as_array().unwrap().is_empty()).await;
            list["items"][0].clone()
        };
        let raised = decided("raise").await;
        assert_eq!((&raised["reason"]["code"], &raised["reason"]["params"]["raise_minutes"]), (&json!("promise_broken"), &json!(30)), "{raised}");
        let path = format!("/service-targets/{}", target["id"]);
        let edited = owner.patch(&path, 1, json!({ "raise_minutes": 0, "to_group": group["id"] })).await.expect(200);
        assert_eq!((&edited["raise_minutes"], &edited["to_group"]), (&json!(0), &group["id"]));
        write(app, &key).await;
        app.advance(61_000);
        let moved = decided("overflow").await;
        assert_eq!(moved["reason"]["params"]["to"], group["id"], "{moved}");
        let there = owner.until("/conversations/2", |c| c["group"]["id"] == group["id"]).await;
        assert!(there["owed_since"].is_i64(), "what it is owed stays: {there}");
        assert_eq!(owner.get("/alerts").await.expect(200)["items"].as_array().unwrap().iter().filter(|a| a["kind"] == "service_overdue").count(), 0);
        app.settled().await;
    }

    /// A promise by priority holds for what comes with that head start in the queue, the highest that it has.
    async fn rep_8_a_promise_by_priority_holds_for_what_has_it(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let (urgent, urgent_key) = app.web_chat(&owner, json!({ "name": "Urgencias" })).await;
        let path = format!("/channel-accounts/{urgent}");
        let version = owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        owner.patch(&path, version, json!({ "priority_minutes": 30 })).await.expect(200);
        for (seconds, priority) in [(600, 0), (300, 20), (120, 30), (60, 31)] {
            let body = json!({ "metric": "first_response", "seconds": seconds, "business": false, "priority_minutes": priority });
            owner.post("/service-targets", body).await.expect(201);
        }
        let again = json!({ "metric": "first_response", "seconds": 60, "priority_minutes": 20 });
        owner.post("/service-targets", again).await.wrong("/metric", "taken");
        write(app, &key).await;
        write(app, &urgent_key).await;
        assert_eq!((span(&clock(&owner, 1).await), span(&clock(&owner, 2).await)), (10 * MINUTE, 2 * MINUTE));
    }
}
