//! Automatic assignment through the API (spec CP-11, CORE-7): the engine's own rules are proven in its crate, here is
//! that the product keeps them.

use ronda_domain::conversation::CloseReason;
use ronda_domain::permission::Role;
use ronda_domain::{ConversationId, WorkspaceId};
use ronda_routing::{Arrival, Epoch, Fact};
use ronda_storage::{Lane, StoreResult, Wake, conversations, routing};
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

async fn held_by(owner: &Browser, number: i64) -> Value {
    let list = owner.get("/conversations?tray=agents").await.expect(200);
    let items = list["items"].as_array().unwrap();
    let found = items.iter().find(|c| c["number"] == number);
    found.unwrap_or_else(|| panic!("{number} is not held: {list}"))["owner"]["id"].clone()
}

/// As many customers as asked for, each with one message; their conversations are numbered from 1.
async fn arrive(app: &TestApp, key: &str, n: usize) {
    for i in 0..n {
        app.visitor(key).await.writes(&format!("Consulta {i}")).await;
    }
    app.settled().await;
}

async fn counts(owner: &Browser) -> (i64, i64) {
    let counts = owner.get("/conversations/counts").await.expect(200);
    (
        counts["unassigned"]["active"].as_i64().unwrap(),
        counts["agents"]["active"].as_i64().unwrap(),
    )
}

fn say(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7().to_string(), "content": { "type": "text", "text": text } })
}

/// Open inputs that change nothing: the work of a planner without its decisions.
async fn backlog(app: &TestApp, sizes: Vec<(WorkspaceId, usize)>) {
    let tick = serde_json::to_string(&Fact::Tick).expect("JSON");
    let written: StoreResult<()> = app
        .app
        .db
        .write("backlog", Lane::Interactive, move |tx| {
            for (w, n) in &sizes {
                routing::insert_inputs(tx, *w, &vec![tick.clone(); *n])?;
                tx.wake(Wake::Planner(*w));
            }
            Ok(())
        })
        .await;
    written.expect("a backlog");
}

api_suite! {
    /// Six workspaces have much to do and one has little: it is through long before them, and no turn is larger than a batch.
    /// That nobody has two turns while another waits for one is a test of the turns themselves.
    async fn f6_a_noisy_workspace_does_not_starve_another(app) {
        let quiet = app.workspace().await;
        let mut noisy = Vec::new();
        for i in 0..6 {
            noisy.push(app.new_workspace(&format!("Ruido {i}"), &format!("rita{i}")).await);
        }
        app.settled().await;
        let before = app.app.planners.turns().len();
        let mut sizes: Vec<(WorkspaceId, usize)> = noisy.iter().map(|w| (*w, 2_000)).collect();
        sizes.push((quiet, 800));
        backlog(app, sizes).await;
        app.settled().await;
        let turns = app.app.planners.turns()[before..].to_vec();
        assert!(turns.iter().all(|(_, size)| *size <= 200), "{turns:?}");
        let own: Vec<usize> = (0..turns.len()).filter(|i| turns[*i].0 == quiet).collect();
        assert!(own.len() >= 4, "{turns:?}");
        let (first, last) = (own[0], own[own.len() - 1]);
        let between = turns[first..last].iter().filter(|(w, _)| *w != quiet).count();
        assert!(between >= own.len(), "they were served too: {turns:?}");
        // They have ten turns each; about four of them come first, and a busy machine shifts some.
        let done: usize = turns[..last].iter().filter(|(w, _)| *w != quiet).map(|(_, size)| size).sum();
        assert!(done <= 9_600, "{quiet} waited until the others had done {done} of 12,000: {turns:?}");
    }

    /// A conversation that ended before what was said of its beginning is planned: the late word is answered, and the work of
    /// the others goes on.
    async fn core_7_what_comes_after_the_end_stops_nobody(app) {
        let owner = app.owner().await;
        let w = app.workspace().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        arrive(app, &key, 2).await;
        let list = owner.get("/conversations?tray=unassigned").await.expect(200)["items"].clone();
        let (ends, stays) = (list[0].clone(), list[1].clone());
        let id: i64 = ends["id"].as_i64().unwrap();
        let first = ConversationId(id);
        let row: StoreResult<_> = app.app.db.read("row", move |tx| conversations::get_many(tx, w, &[first])).await;
        let row = row.expect("a row").remove(0);
        let body = json!({ "confirm_unanswered": true, "reason": "prueba" });
        owner.post(&format!("/conversations/{id}/close"), body).await.expect(200);
        let arrival = Arrival::of(row.customer, row.channel_account, Epoch(row.epoch));
        let late = [
            Fact::HandedOff { conv: first, arrival: arrival.clone() },
            Fact::Taken {
                conv: first,
                agent: owner.agent,
                seen: None,
                take_over: true,
                may_exceed: true,
                arrival: Some(arrival),
            },
        ];
        let late: Vec<String> = late.iter().map(|fact| serde_json::to_string(fact).expect("JSON")).collect();
        let written: StoreResult<()> = app
            .app
            .db
            .write("late", Lane::Interactive, move |tx| {
                routing::insert_inputs(tx, w, &late)?;
                tx.wake(Wake::Planner(w));
                Ok(())
            })
            .await;
        written.expect("inputs");
        owner.post(&format!("/conversations/{}/take", stays["id"]), json!({})).await.expect(200);
        app.settled().await;
        assert_eq!(owner.get(&format!("/conversations/{id}")).await.expect(200)["place"], "closed");
    }

    /// A command that was carried out although its caller heard nothing: asked again with the same key it says what became of
    /// it, not that it cannot be asked for any more.
    async fn core_7_a_command_that_was_carried_out_unheard_is_answered_again(app) {
        let owner = app.owner().await;
        let w = app.workspace().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        arrive(app, &key, 1).await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        owner.post("/conversations/1/messages", say("Listo")).await.expect(201);
        let ends = Fact::Closed {
            conv: ConversationId(1),
            by: Some(owner.agent),
            seen: None,
            reason: CloseReason::Agent,
            arrival: None,
        };
        let (id, text) = (format!("{}:1:dos-veces", owner.agent), serde_json::to_string(&ends).expect("JSON"));
        let written: StoreResult<()> = app
            .app
            .db
            .write("unheard", Lane::Interactive, move |tx| {
                routing::insert_input(tx, w, Some(&id), &text)?;
                tx.wake(Wake::Planner(w));
                Ok(())
            })
            .await;
        written.expect("an input");
        app.settled().await;
        owner.post("/conversations/1/close", json!({})).await.problem(409, "closed");
        let again = owner.request("POST", "/conversations/1/close").header("idempotency-key", "dos-veces");
        let closed = owner.send(again.json(&json!({}))).await.expect(200);
        assert_eq!(closed["conversation"]["place"], "closed");
    }

    /// A command is carried out in the middle of a backlog of its own workspace: it waits for one batch, not for all.
    async fn row_78_a_command_waits_for_one_share_of_a_backlog(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        arrive(app, &key, 1).await;
        let list = owner.get("/conversations?tray=unassigned").await.expect(200);
        let c = list["items"][0].clone();
        let before = app.app.planners.turns().len();
        backlog(app, vec![(app.workspace().await, 8_000)]).await;
        owner.post(&format!("/conversations/{}/take", c["id"]), json!({ "seen": c["epoch"] })).await.expect(200);
        let done = app.app.planners.turns()[before..].iter().map(|(_, size)| size).sum::<usize>();
        app.settled().await;
        assert!(done < 8_000, "it waited for all of them: {done}");
        let all = app.app.planners.turns()[before..].iter().map(|(_, size)| size).sum::<usize>();
        assert!(all >= 8_000, "{all}");
    }

    /// Given Ventas, A, B, C silent, then the chat visits each once, 60 s each, then follows rounds.
    async fn cp_11_1_each_agent_has_it_once_a_round(app) {
        let owner = app.owner().await;
        let mut agents = Vec::new();
        for name in ["ana", "berta", "carla"] {
            agents.push(app.member(name, Role::Agent).await.agent.0);
        }
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        arrive(app, &key, 1).await;
        let mut visited = Vec::new();
        for _ in 0..3 {
            visited.push(held_by(&owner, 1).await.as_i64().unwrap());
            app.advance(60_500);
            app.settled().await;
        }
        let mut sorted = visited.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, agents, "each once: {visited:?}");
        let decisions = owner.get("/routing-decisions?conversation=1").await.expect(200);
        let rotations = decisions["items"].as_array().unwrap().iter().filter(|d| d["act"] == "rotate").count();
        assert!(rotations >= 2, "{decisions}");
        for d in decisions["items"].as_array().unwrap() {
            let lost: i64 = d["funnel"]["lost"].as_array().unwrap().iter().map(|l| l["count"].as_i64().unwrap()).sum();
            let chosen = i64::from(!d["funnel"]["chosen"].is_null());
            assert_eq!(lost + chosen, d["funnel"]["members"].as_i64().unwrap(), "S20: {d}");
        }
    }

    /// Given Soporte and a full team, then the next waits; one close and it is assigned.
    async fn cp_11_2_a_close_makes_room_at_once(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "limit": 2, "ramp": { "initial": 3, "interval_seconds": 0 } })).await;
        let _screen = ana.screen(None).await;
        arrive(app, &key, 3).await;
        assert_eq!(counts(&owner).await, (1, 2));
        let waiting = owner.get("/conversations?tray=unassigned").await.expect(200)["items"][0]["id"].clone();
        let why = owner.get(&format!("/conversations/{waiting}/routing")).await.expect(200);
        let full = why["why_waiting"]["lost"].as_array().unwrap().iter().any(|l| l["reason"] == "full");
        assert!(full, "{why}");
        assert_eq!(why["position"]["place"], 1);
        let mine = ana.get("/conversations").await.expect(200)["items"][0]["id"].clone();
        ana.post(&format!("/conversations/{mine}/messages"), say("Listo")).await.expect(201);
        ana.post(&format!("/conversations/{mine}/close"), json!({})).await.expect(200);
        app.settled().await;
        assert_eq!(counts(&owner).await, (0, 2));
    }

    /// Given a supervisor excluded under presence any, then no path assigns to them; a manual take works.
    async fn cp_11_4_the_excluded_only_take_by_hand(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent, sofia.agent] })).await;
        arrive(app, &key, 4).await;
        assert_eq!(ana.get("/conversations/counts").await.expect(200)["mine"]["active"], 4);
        app.advance(61_000);
        app.settled().await;
        assert_eq!(sofia.get("/conversations/counts").await.expect(200)["mine"]["active"], 0);
        let taken = sofia.post("/conversations/1/take", json!({})).await.expect(200);
        assert_eq!(taken["conversation"]["owner"]["id"], sofia.agent.0);
    }

    /// Given nobody online under Soporte, then the chat waits with its reason; the first online receives up to the ramp.
    async fn cp_11_5_the_first_online_receives_the_ramp(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({})).await;
        arrive(app, &key, 5).await;
        assert_eq!(counts(&owner).await, (5, 0));
        let why = owner.get("/conversations/1/routing").await.expect(200)["why_waiting"].clone();
        assert!(why["lost"].as_array().unwrap().iter().any(|l| l["reason"] == "not_online"), "{why}");
        let _screen = ana.screen(None).await;
        app.settled().await;
        assert_eq!(counts(&owner).await, (2, 3));
        app.advance(60_500);
        app.settled().await;
        assert_eq!(counts(&owner).await, (1, 4));
    }

    /// Given an answer and a note in turn, then only the answer stops the clock.
    async fn cp_11_6_only_an_answer_stops_the_clock(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        arrive(app, &key, 1).await;
        let clock = |c: &Value| c["rotate_at"].is_null();
        assert!(!clock(&ana.get("/conversations/1").await.expect(200)));
        let mut note = say("¿quién la conoce?");
        note["note"] = json!(true);
        ana.post("/conversations/1/messages", note).await.expect(201);
        app.settled().await;
        assert!(!clock(&ana.get("/conversations/1").await.expect(200)), "a note is no answer");
        ana.post("/conversations/1/messages", say("¡Hola!")).await.expect(201);
        app.settled().await;
        let answered = ana.get("/conversations/1").await.expect(200);
        assert!(clock(&answered) && answered["phase"] == "answered", "{answered}");
        app.advance(120_000);
        app.settled().await;
        assert_eq!(held_by(&owner, 1).await, ana.agent.0, "an answered ownership is never rotated");
    }

    /// Who begins to plan believes what agents hold, not what was counted before, or never was.
    async fn core_7_loads_are_counted_from_what_agents_hold(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        arrive(app, &key, 2).await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        let w = app.workspace().await;
        for spoil in ["update agent_load set load = 9 returning agent", "delete from agent_load returning agent"] {
            let counted: StoreResult<Vec<routing::LoadRow>> = app
                .app
                .db
                .write("recount", Lane::Interactive, move |tx| {
                    tx.query_dynamic(spoil, &[], |r| r.i(0))?;
                    routing::recount_loads(tx, w)?;
                    routing::loads(tx, w)
                })
                .await;
            let counted: Vec<_> = counted.expect("loads").into_iter().map(|l| (l.agent, l.load)).collect();
            assert_eq!(counted, [(owner.agent, 0), (ana.agent, 1)], "{spoil}");
        }
    }

    async fn cp_11_7_presets_are_the_documented_numbers(app) {
        let owner = app.owner().await;
        app.policy(&owner, "sales", json!({})).await;
        let policy = owner.get("/routing-policies/current").await.expect(200)["policy"].clone();
        assert_eq!((&policy["limit"], &policy["presence"], &policy["reassign_seconds"]), (&Value::Null, &json!("any"), &json!(60)));
        app.policy(&owner, "support", json!({})).await;
        let current = owner.get("/routing-policies/current").await.expect(200);
        let policy = &current["policy"];
        assert_eq!((&policy["limit"], &policy["presence"], &policy["reassign_seconds"]), (&json!(10), &json!("online"), &json!(600)));
        assert_eq!((current["version"].clone(), policy["preset"].clone()), (json!(2), json!("support")));
        // A changed model configuration says what it was made from.
        app.policy(&owner, "support", json!({ "limit": 4 })).await;
        let policy = owner.get("/routing-policies/current").await.expect(200)["policy"].clone();
        assert_eq!((&policy["preset"], &policy["based_on"]), (&Value::Null, &json!("support")));
        let versions = owner.get("/routing-policies").await.expect(200);
        assert_eq!(versions["items"].as_array().unwrap().len(), 3);
    }

    /// Given Ventas and every agent offline, then chats are still assigned in turn; a preview alone changes nothing.
    async fn cp_11_8_a_preview_changes_nothing(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        arrive(app, &key, 2).await;
        let sales = owner.get("/routing-policies/presets").await.expect(200)["sales"].clone();
        let seen = owner.post("/routing-policies/preview", json!({ "policy": sales })).await.expect(200);
        assert_eq!(seen["preview"]["moves"], 2, "{seen}");
        app.settled().await;
        assert_eq!(counts(&owner).await, (2, 0));
        // The minute of Ventas would be over on a machine that stands still for so long.
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 3_600 })).await;
        app.settled().await;
        assert_eq!(counts(&owner).await, (0, 2));
        let one = held_by(&owner, 1).await.as_i64().unwrap();
        let two = held_by(&owner, 2).await.as_i64().unwrap();
        assert!(one != two && [one, two].contains(&ana.agent.0) && [one, two].contains(&berta.agent.0));
    }

    async fn cp_11_wrong_values_are_named_and_nothing_is_saved(app) {
        let owner = app.owner().await;
        let mut policy = owner.get("/routing-policies/presets").await.expect(200)["support"].clone();
        policy["reassign_seconds"] = json!(0);
        owner.post("/routing-policies", json!({ "policy": policy })).await.wrong("/policy/reassign_seconds", "policy");
        policy["reassign_seconds"] = json!(60);
        policy["limit"] = json!(0);
        owner.post("/routing-policies", json!({ "policy": policy })).await.wrong("/policy/limit", "policy");
        policy["limit"] = json!(5);
        policy["excluded"] = json!([owner.agent]);
        let asked = owner.post("/routing-policies", json!({ "policy": policy.clone() })).await;
        asked.problem(409, "needs_confirmation");
        owner.post("/routing-policies", json!({ "policy": policy.clone(), "if_version": 7 })).await.problem(412, "version_mismatch");
        assert_eq!(owner.get("/routing-policies/current").await.expect(200)["version"], 0);
        owner.post("/routing-policies", json!({ "policy": policy, "if_version": 0, "confirm": true })).await.expect(201);
    }

    /// Given an older and a newer chat waiting for the same agents, when a slot frees, then the older is assigned.
    async fn core_7_1_the_older_first_whatever_frees_the_slot(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "limit": 1, "ramp": { "initial": 1, "interval_seconds": 0 } })).await;
        let _screen = ana.screen(None).await;
        arrive(app, &key, 3).await;
        for next in [2, 3] {
            let mine = ana.get("/conversations").await.expect(200)["items"][0]["id"].clone();
            ana.post(&format!("/conversations/{mine}/messages"), say("Listo")).await.expect(201);
            ana.post(&format!("/conversations/{mine}/close"), json!({})).await.expect(200);
            app.settled().await;
            assert_eq!(ana.get("/conversations").await.expect(200)["items"][0]["number"], next);
        }
    }

    /// Given any change of owner, then exactly one rotation clock exists, the new owner's.
    async fn core_7_2_every_change_of_owner_leaves_one_clock_the_new_owner_s(app) {
        let owner = app.owner().await;
        let mut people = Vec::new();
        let mut screens = Vec::new();
        for name in ["ana", "berta", "carla", "dora"] {
            let one = app.member(name, Role::Agent).await;
            screens.push(one.screen(None).await);
            people.push(one);
        }
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "reassign_seconds": 60, "excluded": [owner.agent] })).await;
        arrive(app, &key, 1).await;
        let read = async || owner.get("/conversations/1").await.expect(200);
        let rotations = async || {
            let log = owner.get("/routing-decisions?conversation=1&limit=200").await.expect(200);
            log["items"].as_array().unwrap().iter().filter(|d| d["act"] == "rotate").count()
        };
        let by = |id: &Value| people.iter().find(|p| p.agent.0 == *id).unwrap();
        for step in ["assigned", "transferred", "taken over", "declined"] {
            // Who was silent before is back, so that every one of them may get it.
            for one in &people {
                one.put("/me/state", json!({ "state": "online" })).await.expect(200);
            }
            app.settled().await;
            // Fifty seconds into the clock of whoever has it, somebody else gets it.
            let before = read().await;
            app.advance(50_000);
            app.settled().await;
            let held = before["owner"]["id"].clone();
            let other = people.iter().find(|p| p.agent.0 != held).unwrap();
            match step {
                "transferred" => {
                    let to = json!({ "to": { "agent": other.agent } });
                    by(&held).post("/conversations/1/transfer", to).await.expect(200);
                }
                "taken over" => {
                    let to = json!({ "to": { "agent": other.agent } });
                    owner.post("/conversations/1/transfer", to).await.expect(200);
                }
                "declined" => {
                    by(&held).post("/conversations/1/decline", json!({ "why": "no llego" })).await.expect(200);
                }
                _ => {}
            }
            app.settled().await;
            let now = read().await;
            let rotated = rotations().await;
            let left = now["rotate_at"].as_i64().expect("a clock") - app.clock.now().0;
            if step == "assigned" {
                assert!((1..=10_000).contains(&left), "{step}: {left}");
            } else {
                assert_ne!(now["owner"]["id"], held, "{step}");
                assert!(left > 50_000, "{step}: the clock of the one before, {left}");
                // The clock of the one before would ring now.
                app.advance(11_000);
                app.settled().await;
                assert_eq!(read().await["owner"]["id"], now["owner"]["id"], "{step}: an old clock rang");
                assert_eq!(rotations().await, rotated, "{step}");
            }
            let left = now["rotate_at"].as_i64().unwrap() - app.clock.now().0;
            app.advance(left + 500);
            app.settled().await;
            assert_eq!(rotations().await, rotated + 1, "{step}: its own clock rings once");
            assert_ne!(read().await["owner"]["id"], now["owner"]["id"], "{step}");
        }
    }

    /// Given nobody eligible at expiry, then a recorded reason, and the move happens once somebody becomes eligible.
    async fn core_7_4_an_overdue_chat_moves_when_somebody_comes(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "reassign_seconds": 60 })).await;
        let _ana = ana.screen(None).await;
        arrive(app, &key, 1).await;
        assert_eq!(held_by(&owner, 1).await, ana.agent.0);
        app.advance(61_000);
        app.settled().await;
        let log = owner.get("/routing-decisions?conversation=1").await.expect(200);
        assert_eq!(log["items"][0]["act"], "keep", "{log}");
        assert_eq!(log["items"][0]["reason"]["code"], "only_candidate", "{log}");
        let _berta = berta.screen(None).await;
        app.settled().await;
        assert_eq!(held_by(&owner, 1).await, berta.agent.0);
    }

    /// Given a backlog, when assignment is switched on, then one plan assigns it all and the rows agree with memory.
    async fn a_whole_backlog_is_one_plan(app) {
        let owner = app.owner().await;
        for name in ["ana", "berta", "carla"] {
            app.member(name, Role::Agent).await;
        }
        let (_, key) = app.web_chat(&owner, json!({})).await;
        arrive(app, &key, 60).await;
        let at_once = json!({ "excluded": [owner.agent], "ramp": { "initial": 3, "interval_seconds": 0 } });
        app.policy(&owner, "sales", at_once).await;
        app.settled().await;
        assert_eq!(counts(&owner).await, (0, 60));
        let agents = owner.get("/agents").await.expect(200);
        let mut loads: Vec<i64> = agents["items"].as_array().unwrap().iter().map(|a| a["load"].as_i64().unwrap()).collect();
        loads.sort_unstable();
        assert_eq!(loads, [0, 20, 20, 20]);
    }
}
