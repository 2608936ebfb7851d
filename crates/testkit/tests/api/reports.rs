//! Reports on automatic assignment (spec REP-7). The arithmetic is proven beside it (`app/fairness.rs`); here, that the
//! real log tells the same.

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, api_suite};
use serde_json::{Value, json};

async fn fairness(by: &Browser, query: &str) -> Value {
    by.get(&format!("/reports/fairness{query}")).await.expect(200)
}

fn agent<'a>(report: &'a Value, of: &Browser) -> &'a Value {
    let agents = report["agents"].as_array().unwrap();
    agents.iter().find(|a| a["agent"] == of.agent.0).unwrap()
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
    }

    async fn rep_7_periods_are_checked(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let ana = app.member("ana", Role::Agent).await;
        owner.get("/reports/fairness?from=5&to=5").await.wrong("/query/from", "out_of_range");
        owner.get("/reports/fairness?from=0&to=99999999999").await.wrong("/query/from", "too_long");
        owner.get("/reports/fairness?group=99").await.wrong("/query/group", "unknown");
        ana.get("/reports/fairness").await.problem(403, "forbidden");
        // A group of one's own: only its members.
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent] })).await.expect(201);
        let report = fairness(&sofia, &format!("?group={}", group["id"])).await;
        assert_eq!(report["agents"].as_array().unwrap().len(), 1);
        assert_eq!(report["proof"]["max_difference"], Value::Null);
    }
}
