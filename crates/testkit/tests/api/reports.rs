//! Reports on automatic assignment (spec REP-7). The arithmetic is proven beside it (`app/fairness.rs`); here, that the
//! real log tells the same.

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

async fn fairness(by: &Browser, query: &str) -> Value {
    by.get(&format!("/reports/fairness{query}")).await.expect(200)
}

fn agent<'a>(report: &'a Value, of: &Browser) -> &'a Value {
    let agents = report["agents"].as_array().unwrap();
    agents.iter().find(|a| a["agent"] == of.agent.0).unwrap()
}

/// What stands behind a number, read page by page.
async fn behind(by: &Browser, report: &Value, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!(
            "/reports/fairness/items?from={}&to={}&limit=2&{query}{cursor}",
            report["from"], report["to"]
        );
        let page = by.get(&path).await.expect(200);
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page["total"], found.len());
                return found;
            }
        }
    }
}

/// Given a number clicked, then the list has exactly that many, or spans of exactly that length.
async fn opens(by: &Browser, report: &Value) {
    const COUNTS: [(&str, &str); 6] = [
        ("offered", "offered"),
        ("assigned", "assigned"),
        ("answered", "answered"),
        ("missed", "missed"),
        ("transferred_in", "transferred_in"),
        ("transferred_out", "transferred_out"),
    ];
    const TIMES: [(&str, &str); 3] = [
        ("eligible", "eligible_ms"),
        ("over_limit", "over_limit_ms"),
        ("longest_gap", "longest_gap_ms"),
    ];
    for row in report["agents"].as_array().unwrap() {
        for (figure, number) in COUNTS {
            let list = behind(by, report, &format!("figure={figure}&agent={}", row["agent"])).await;
            assert_eq!(row[number], list.len(), "{figure}: {row} {list:?}");
            assert!(
                list.iter()
                    .all(|item| item["conversation"]["number"].is_i64() && item["decision"].is_i64())
            );
        }
        for (figure, number) in TIMES {
            let list = behind(by, report, &format!("figure={figure}&agent={}", row["agent"])).await;
            let span = |item: &Value| item["to"].as_i64().unwrap() - item["from"].as_i64().unwrap();
            assert_eq!(row[number], list.iter().map(span).sum::<i64>(), "{figure}: {row}");
        }
    }
    for row in report["decisions"].as_array().unwrap() {
        let (act, reason) = (row["act"].as_str().unwrap(), row["reason"].as_str().unwrap());
        let list = behind(by, report, &format!("figure=decisions&act={act}&reason={reason}")).await;
        assert_eq!(row["count"], list.len(), "{row}");
    }
    for row in report["waits"].as_array().unwrap() {
        let list = behind(
            by,
            report,
            &format!("figure=waits&reason={}", row["reason"].as_str().unwrap()),
        )
        .await;
        assert_eq!(row["count"], list.len(), "{row}");
    }
}

api_suite! {
    /// Given equal agents under least-recently-assigned, then the largest difference is at most 1, and the page says so.
    async fn rep_7_1_equal_agents_differ_by_at_most_one(app) {
        let owner = app.owner().await;
        let mut agents = Vec::new();
        for name in ["ana", "berta", "carla"] {
            agents.push(app.member(name, Role::Agent).await);
        }
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        for n in 0..10 {
            app.visitor(&key).await.writes(&format!("Consulta {n}")).await;
            app.settled().await;
            app.advance(1_000);
        }
        let report = fairness(&owner, "").await;
        let proof = &report["proof"];
        assert_eq!((&proof["max_difference"], &proof["pairs"], &proof["turns"]), (&json!(1), &json!(3), &json!(10)), "{report}");
        assert_eq!(proof["certain"], 10, "{report}");
        assert_eq!(proof["strategies"], json!(["least_recent"]));
        let mut offered: Vec<i64> = agents.iter().map(|a| agent(&report, a)["offered"].as_i64().unwrap()).collect();
        offered.sort_unstable();
        assert_eq!(offered, [3, 3, 4]);
        let sum = |field: &str| -> i64 { report["agents"].as_array().unwrap().iter().map(|a| a[field].as_i64().unwrap()).sum() };
        assert_eq!((sum("received_permille"), sum("owed_permille")), (1_000, 1_000));
        assert!(
            agent(&report, &owner)["eligible_ms"].as_i64().unwrap()
                < agent(&report, &agents[0])["eligible_ms"].as_i64().unwrap()
        );
    }

    /// Given people who left, then the report of a time when they were there stays what it was.
    async fn rep_7_a_period_stays_what_it_was_when_people_leave(app) {
        let owner = app.owner().await;
        let (ana, berta, carla) = (app.member("ana", Role::Agent).await, app.member("berta", Role::Agent).await, app.member("carla", Role::Agent).await);
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        for n in 0..6 {
            app.visitor(&key).await.writes(&format!("Consulta {n}")).await;
            app.settled().await;
            app.advance(1_000);
        }
        let before = fairness(&owner, "").await;
        let b = owner.get(&format!("/users/{}", berta.agent)).await.expect(200)["version"].as_i64().unwrap();
        owner.patch(&format!("/users/{}", berta.agent), b, json!({ "status": "suspended" })).await.expect(200);
        owner.delete(&format!("/users/{}", carla.agent)).await.ok();
        app.settled().await;
        let after = fairness(&owner, &format!("?from={}&to={}", before["from"], before["to"])).await;
        for of in [&ana, &berta, &carla] {
            let (was, is) = (agent(&before, of), agent(&after, of));
            for figure in ["offered", "eligible_ms", "owed_permille", "name"] {
                assert_eq!(was[figure], is[figure], "{figure} of {}", was["name"]);
            }
        }
        assert_eq!((&before["proof"]["turns"], &before["proof"]["certain"]), (&after["proof"]["turns"], &after["proof"]["certain"]));
    }

    /// Given any decision row, then candidates and refusals add up to the members; and every number has its list.
    async fn rep_7_2_every_decision_adds_up(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "limit": 1, "reassign_seconds": 60, "excluded": [owner.agent], "ramp": { "initial": 9, "interval_seconds": 0 } })).await;
        let _ana = ana.screen(None).await;
        let _berta = berta.screen(None).await;
        for n in 0..4 {
            app.visitor(&key).await.writes(&format!("Consulta {n}")).await;
            app.settled().await;
        }
        let mine = ana.get("/conversations").await.expect(200)["items"][0]["id"].clone();
        ana.says(&mine, "¡Hola!").await;
        app.settled().await;
        // A take above the limit, and a clock that runs out.
        ana.post("/conversations/3/take", json!({})).await.expect(200);
        app.advance(61_000);
        app.settled().await;
        let log = owner.get("/routing-decisions?limit=200").await.expect(200);
        for d in log["items"].as_array().unwrap() {
            let lost: i64 = d["funnel"]["lost"].as_array().unwrap().iter().map(|l| l["count"].as_i64().unwrap()).sum();
            let chosen = i64::from(!d["funnel"]["chosen"].is_null());
            assert_eq!(lost + chosen, d["funnel"]["members"].as_i64().unwrap(), "{d}");
        }
        let report = fairness(&owner, "").await;
        assert_eq!(report["do_not_add_up"], 0);
        assert_eq!(report["total"], log["items"].as_array().unwrap().len());
        for row in report["decisions"].as_array().unwrap() {
            let path = format!("/routing-decisions?limit=200&act={}&reason={}&from={}&to={}", row["act"].as_str().unwrap(),
                row["reason"].as_str().unwrap(), report["from"], report["to"]);
            let listed = owner.get(&path).await.expect(200);
            assert_eq!(listed["items"].as_array().unwrap().len(), row["count"], "{row}");
        }
        let a = agent(&report, &ana);
        assert_eq!((&a["offered"], &a["assigned"], &a["answered"]), (&json!(1), &json!(2), &json!(1)), "{report}");
        assert!(a["over_limit_ms"].as_i64().unwrap() >= 61_000, "{a}");
        let waits: i64 = report["waits"].as_array().unwrap().iter().map(|w| w["count"].as_i64().unwrap()).sum();
        assert_eq!(waits, 4, "{report}");
        assert!(report["waits"].as_array().unwrap().iter().any(|w| w["reason"] == "full"), "{report}");
        opens(&owner, &report).await;
    }

    async fn rep_7_periods_are_checked(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let ana = app.member("ana", Role::Agent).await;
        owner.get("/reports/fairness?from=5&to=5").await.wrong("/query/from", "out_of_range");
        owner.get("/reports/fairness?from=0&to=99999999999").await.wrong("/query/from", "too_long");
        owner.get("/reports/fairness?group=99").await.wrong("/query/group", "unknown");
        ana.get("/reports/fairness").await.problem(403, "forbidden");
        owner.get("/reports/fairness/items").await.wrong("/query/figure", "required");
        owner.get("/reports/fairness/items?figure=offered").await.wrong("/query/agent", "required");
        owner.get("/reports/fairness/items?figure=eligible&agent=1&from=5&to=5").await.wrong("/query/from", "out_of_range");
        let nobody = owner.get("/reports/fairness/items?figure=offered&agent=999").await.expect(200);
        assert_eq!(nobody, json!({ "total": 0, "items": [], "next_cursor": null }));
        // A group of one's own: only its members.
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent] })).await.expect(201);
        let report = fairness(&sofia, &format!("?group={}", group["id"])).await;
        assert_eq!(report["agents"].as_array().unwrap().len(), 1);
        assert_eq!(report["proof"]["max_difference"], Value::Null);
    }

    /// Given a simulated channel, then its conversations are in no figure unless they are asked for.
    async fn plat_13_4_what_is_simulated_is_in_no_figure_unless_asked_for(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        simulated_beside_real(app, &owner, &ana).await;
        let report = fairness(&owner, "").await;
        assert_eq!((&agent(&report, &ana)["offered"], &report["total"]), (&json!(1), &json!(3)), "{report}");
        opens(&owner, &report).await;
        let all = fairness(&owner, "?simulated=include").await;
        assert_eq!((&agent(&all, &ana)["offered"], &all["total"]), (&json!(2), &json!(6)), "{all}");
        assert_eq!(dropped(&owner, "").await, 1);
        assert_eq!(dropped(&owner, "?simulated=include").await, 2);
        let count = async |path: &str| owner.get(path).await.expect(200)["items"].as_array().unwrap().len();
        assert_eq!((count("/incidents").await, count("/incidents?simulated=include").await), (1, 2));
        let today = owner.get("/routing/overview").await.expect(200);
        assert_eq!((&today["incidents_today"], &today["incidents"].as_array().unwrap().len()), (&json!(1), &1));
        owner.get("/incidents?simulated=only").await.wrong("/query/simulated", "type");
    }

    /// In a workspace that is a simulation as a whole, as the demo's, everything counts.
    async fn plat_13_4_in_a_simulated_workspace_everything_counts(app) {
        app.all_simulated().await;
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        simulated_beside_real(app, &owner, &ana).await;
        let report = fairness(&owner, "").await;
        assert_eq!((&agent(&report, &ana)["offered"], &report["total"]), (&json!(2), &json!(6)), "{report}");
        assert_eq!(dropped(&owner, "").await, 2);
        assert_eq!(owner.get("/incidents").await.expect(200)["items"].as_array().unwrap().len(), 2);
        let today = owner.get("/routing/overview").await.expect(200);
        assert_eq!((&today["incidents_today"], &today["simulated"]), (&json!(2), &json!(0)));
    }
}

/// One conversation of a simulated number and one of a site: both given to the agent, seen on the wall, and closed
/// unanswered.
async fn simulated_beside_real(app: &TestApp, owner: &Browser, ana: &Browser) {
    let graph = app.whatsapp(owner).await;
    let (_, key) = app.web_chat(owner, json!({})).await;
    app.policy(
        owner,
        "sales",
        json!({ "excluded": [owner.agent], "reassign_seconds": null }),
    )
    .await;
    let target = json!({ "metric": "first_response", "seconds": 600, "business": false });
    owner.post("/service-targets", target).await.expect(201);
    graph.person("Marta", "+5491155552001").await.writes("Hola").await;
    ana.holds().await;
    app.visitor(&key).await.writes("Hola").await;
    app.settled().await;
    let held = ana.get("/conversations?tray=mine").await.expect(200);
    assert_eq!(held["items"].as_array().unwrap().len(), 2, "lists show everything");
    let now = owner.get("/routing/overview").await.expect(200);
    let sum = now["held"].as_i64().unwrap() + now["simulated"].as_i64().unwrap();
    assert_eq!(sum, 2, "{now}");
    assert_eq!(now["unanswered"], now["held"]);
    assert_eq!(now["queues"][0]["held"], 2, "what somebody has to do is shown: {now}");
    for conversation in held["items"].as_array().unwrap() {
        let path = format!("/conversations/{}/close", conversation["id"]);
        let body = json!({ "confirm_unanswered": true, "reason": "spam" });
        ana.post(&path, body).await.expect(200);
    }
    app.settled().await;
}

/// How many promises ended without an answer before they were due.
async fn dropped(owner: &Browser, query: &str) -> i64 {
    let report = owner.get(&format!("/reports/service-levels{query}")).await.expect(200);
    report["items"][0]["dropped"].as_i64().unwrap()
}
