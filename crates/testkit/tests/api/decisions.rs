//! The log of what routing decided: nobody alters it unseen, it is forgotten in time, and a decision can be made again
//! (routing S13, spec CP-11, CORE-7).

use ronda_domain::permission::Role;
use ronda_domain::{Ms, WorkspaceId};
use ronda_storage::{Lane, StoreError};
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

/// Three agents under Ventas, and chats that rotate between them.
async fn turned(app: &TestApp, chats: usize) -> (Browser, Vec<Browser>, String) {
    let owner = app.owner().await;
    let mut agents = Vec::new();
    for name in ["ana", "berta", "carla"] {
        agents.push(app.member(name, Role::Agent).await);
    }
    let (_, key) = app.web_chat(&owner, json!({})).await;
    app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
    for i in 0..chats {
        app.visitor(&key).await.writes(&format!("Consulta {i}")).await;
    }
    app.settled().await;
    app.advance(61_000);
    app.settled().await;
    (owner, agents, key)
}

async fn all(who: &Browser) -> Vec<Value> {
    let mut list = Vec::new();
    let mut path = "/routing-decisions?limit=100".to_owned();
    loop {
        let page = who.get(&path).await.expect(200);
        list.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("/routing-decisions?limit=100&cursor={next}"),
            None => return list,
        }
    }
}

/// What somebody with the database in their hands does.
async fn behind_its_back(app: &TestApp, text: &'static str) {
    let w: WorkspaceId = app.workspace().await;
    let done: Result<_, StoreError> = app
        .app
        .db
        .write("behind_its_back", Lane::Interactive, move |tx| {
            tx.query_dynamic(text, &[w.into()], |r| r.i(0))
        })
        .await;
    assert!(!done.expect("it is done").is_empty(), "nothing was touched by {text}");
}

async fn chain(owner: &Browser) -> (String, Option<i64>) {
    let seen = owner.get("/routing-decisions/chain").await.expect(200);
    (seen["state"].as_str().unwrap().to_owned(), seen["at"].as_i64())
}

fn whole() -> (String, Option<i64>) {
    ("whole".to_owned(), None)
}

api_suite! {
    /// Given a row altered, then the log is not whole and names it; put back, and it is whole again.
    async fn s13_an_altered_decision_is_named(app) {
        let (owner, ..) = turned(app, 2).await;
        let seen = owner.get("/routing-decisions/chain").await.expect(200);
        let log = all(&owner).await;
        assert_eq!((seen["state"].as_str(), seen["first"].as_i64(), seen["last"].as_i64()), (Some("whole"), Some(1), log[0]["seq"].as_i64()));
        behind_its_back(app, "update routing_decision set act = 'keep', policy_version = policy_version + 7 where workspace = $1 and seq = 3 returning seq").await;
        assert_eq!(chain(&owner).await, ("altered".to_owned(), Some(3)));
        behind_its_back(app, "update routing_decision set act = 'assign', policy_version = policy_version - 7 where workspace = $1 and seq = 3 returning seq").await;
        let act = log.iter().find(|d| d["seq"] == 3).unwrap()["act"].clone();
        let again = if act == "assign" { whole() } else { ("altered".to_owned(), Some(3)) };
        assert_eq!(chain(&owner).await, again);
    }

    async fn s13_a_reason_changed_in_one_letter_is_named(app) {
        let (owner, ..) = turned(app, 1).await;
        behind_its_back(app, "update routing_decision set reason = replace(reason, 'arrived', 'arrivee') where workspace = $1 and seq = 1 returning seq").await;
        assert_eq!(chain(&owner).await, ("altered".to_owned(), Some(1)));
    }

    async fn s13_decisions_taken_away_are_missed(app) {
        let (owner, ..) = turned(app, 2).await;
        let last = all(&owner).await[0]["seq"].as_i64().unwrap();
        behind_its_back(app, "delete from routing_decision where workspace = $1 and seq = (select max(seq) from routing_decision where workspace = $1) returning seq").await;
        assert_eq!(chain(&owner).await, ("cut".to_owned(), Some(last)));
        behind_its_back(app, "delete from routing_decision where workspace = $1 and seq = 2 returning seq").await;
        assert_eq!(chain(&owner).await, ("altered".to_owned(), Some(2)));
    }

    async fn s13_a_swapped_pair_is_named(app) {
        let (owner, ..) = turned(app, 1).await;
        behind_its_back(app, "update routing_decision set seq = case seq when 1 then -2 else -1 end where workspace = $1 and seq in (1, 2) returning seq").await;
        behind_its_back(app, "update routing_decision set seq = -seq where workspace = $1 and seq < 0 returning seq").await;
        assert_eq!(chain(&owner).await, ("altered".to_owned(), Some(1)));
    }

    /// Given a crash of the planner's memory, then the chain goes on where the rows end.
    async fn s13_the_chain_goes_on_after_a_hand_over(app) {
        let (owner, _, key) = turned(app, 1).await;
        behind_its_back(app, "update routing_head set lease_epoch = lease_epoch + 1 where workspace = $1 returning lease_epoch").await;
        app.visitor(&key).await.writes("Otra").await;
        app.settled().await;
        assert_eq!(chain(&owner).await, whole());
    }

    /// Given decisions older than 90 days, then they go, and the rest is still a chain.
    async fn cp_11_decisions_are_kept_for_ninety_days(app) {
        let (owner, _, key) = turned(app, 3).await;
        let old = all(&owner).await.len();
        app.advance(91 * Ms::DAY);
        app.visitor(&key).await.writes("Hoy").await;
        app.settled().await;
        // Nobody stays signed in for so long.
        let owner = app.sign_in("olga").await;
        ronda_server::workers::timers::forget(&app.app).await.expect("retention");
        let log = all(&owner).await;
        let now = app.clock.now();
        assert!(!log.is_empty() && log.len() < old + 20, "{} of {old}", log.len());
        assert!(log.iter().all(|d| now.since(Ms(d["at"].as_i64().unwrap())) < 90 * Ms::DAY));
        let seen = owner.get("/routing-decisions/chain").await.expect(200);
        assert_eq!((seen["state"].as_str(), &seen["first"]), (Some("whole"), &log.last().unwrap()["seq"]));
        assert!(seen["first"].as_i64().unwrap() > old as i64, "what is old is gone: {seen}");
        behind_its_back(app, "delete from routing_decision where workspace = $1 and seq = (select min(seq) from routing_decision where workspace = $1) returning seq").await;
        assert_eq!(chain(&owner).await, ("altered".to_owned(), seen["first"].as_i64()), "the beginning is kept by more than its rows");
    }

    /// Given any decision of the log, then made again it is the same, with everybody who was considered.
    async fn core_7_every_decision_can_be_made_again(app) {
        let (owner, agents, _) = turned(app, 2).await;
        let mine = agents[0].get("/conversations?tray=mine").await.expect(200)["items"].as_array().unwrap().clone();
        if let Some(c) = mine.first() {
            agents[0].post(&format!("/conversations/{}/close", c["id"]), json!({ "confirm": true })).await;
        }
        app.settled().await;
        for d in all(&owner).await {
            let again = owner.get(&format!("/routing-decisions/{}/replay", d["seq"])).await.expect(200);
            assert_eq!((&again["exact"], &again["same"], &again["because"]), (&json!(true), &json!(true), &Value::Null), "{d} {again}");
            assert_eq!((&again["decision"]["act"], &again["decision"]["funnel"]), (&d["act"], &d["funnel"]));
            let members = d["funnel"]["members"].as_i64().unwrap();
            if members == 0 {
                assert_eq!(again["everybody"], Value::Null);
                continue;
            }
            let everybody = again["everybody"].as_array().unwrap_or_else(|| panic!("{again}"));
            assert_eq!(everybody.len() as i64, members);
            for lost in d["funnel"]["lost"].as_array().unwrap() {
                let here = everybody.iter().filter(|v| v["reject"] == lost["reason"]).count() as i64;
                assert_eq!(Some(here), lost["count"].as_i64(), "{d} {again}");
            }
            assert!(everybody.iter().all(|v| !v["name"].as_str().unwrap().is_empty()));
        }
    }

    /// Given rows changed behind the engine's back, then a replay says that the state was another one.
    async fn core_7_a_replay_says_when_it_is_not_exact(app) {
        let (owner, ..) = turned(app, 1).await;
        let last = all(&owner).await[0]["seq"].clone();
        behind_its_back(app, "update routing_input set fact = replace(fact, '\"handed_off\"', '\"tick\"') where workspace = $1 and fact like '%handed_off%' returning id").await;
        let again = owner.get(&format!("/routing-decisions/{last}/replay")).await.expect(200);
        assert_eq!((&again["exact"], &again["because"], &again["everybody"]), (&json!(false), &json!("other_state"), &Value::Null), "{again}");
        behind_its_back(app, "delete from routing_snapshot where workspace = $1 returning input_seq").await;
        let again = owner.get(&format!("/routing-decisions/{last}/replay")).await.expect(200);
        assert_eq!((&again["exact"], &again["because"], &again["decision"]), (&json!(false), &json!("no_state"), &Value::Null));
        owner.get("/routing-decisions/987654/replay").await.expect(404);
        owner.get("/routing-decisions/0").await.expect(404);
    }

    /// Filters are asked for together, and by time.
    async fn cp_11_the_log_is_filtered(app) {
        let (owner, agents, _) = turned(app, 2).await;
        let log = all(&owner).await;
        let count = |f: &dyn Fn(&Value) -> bool| log.iter().filter(|d| f(d)).count();
        let ana = json!(agents[0].agent);
        let half = log[log.len() / 2]["at"].as_i64().unwrap();
        let conversation = log[0]["conversation"]["id"].clone();
        for (query, expected) in [
            ("act=rotate".to_owned(), count(&|d| d["act"] == "rotate")),
            ("reason=no_answer".to_owned(), count(&|d| d["reason"]["code"] == "no_answer")),
            ("reason=nothing".to_owned(), 0),
            (format!("agent={ana}"), count(&|d| d["to"]["id"] == ana || d["from"]["id"] == ana)),
            (format!("agent={ana}&act=rotate"), count(&|d| d["act"] == "rotate" && (d["to"]["id"] == ana || d["from"]["id"] == ana))),
            (format!("conversation={conversation}&act=enqueue"), count(&|d| d["conversation"]["id"] == conversation && d["act"] == "enqueue")),
            (format!("from={half}"), count(&|d| d["at"].as_i64() >= Some(half))),
            (format!("to={half}"), count(&|d| d["at"].as_i64() < Some(half))),
            ("group=999999".to_owned(), 0),
        ] {
            let page = owner.get(&format!("/routing-decisions?limit=100&{query}")).await.expect(200);
            assert_eq!(page["items"].as_array().unwrap().len(), expected, "{query}");
        }
        owner.get("/routing-decisions?limit=0").await.expect(422);
        owner.get("/routing-decisions?sort=act").await.expect(422);
    }

    /// Given an agent, then they see their own decisions, who and why, and nobody's funnel.
    async fn cp_11_agents_get_the_short_form_of_their_own(app) {
        let (owner, agents, key) = turned(app, 3).await;
        app.visitor(&key).await.writes("Una más").await;
        app.settled().await;
        for agent in &agents {
            let own = agent.get(&format!("/routing-decisions?agent={}", agent.agent)).await.expect(200);
            let items = own["items"].as_array().unwrap();
            assert!(!items.is_empty());
            for d in items {
                assert_eq!(d["funnel"], Value::Null, "{d}");
                assert!(d["to"]["id"] == json!(agent.agent) || d["from"]["id"] == json!(agent.agent));
                if let Some(about) = d["conversation"]["id"].as_i64() {
                    agent.get(&format!("/conversations/{about}")).await.expect(200);
                }
            }
        }
        let ana = &agents[0];
        let since = |d: &Value| d["since_your_last_ms"].is_i64();
        let mut told = false;
        for agent in &agents {
            let own = agent.get(&format!("/routing-decisions?agent={}", agent.agent)).await.expect(200);
            told |= own["items"].as_array().unwrap().iter().any(since);
        }
        assert!(told, "somebody hears how long it had been");
        for path in ["/routing-decisions".to_owned(), format!("/routing-decisions?agent={}", agents[1].agent),
            "/routing-decisions/1".to_owned(), "/routing-decisions/1/replay".to_owned(), "/routing-decisions/chain".to_owned()] {
            ana.get(&path).await.expect(403);
        }
        let about = all(&owner).await.iter().find(|d| d["to"]["id"] == json!(ana.agent)).unwrap()["conversation"]["id"].clone();
        if let Some(list) = ana.get(&format!("/conversations/{about}/routing")).await.body["decisions"].as_array() {
            assert!(list.iter().all(|d| d["funnel"].is_null()));
        }
    }
}
