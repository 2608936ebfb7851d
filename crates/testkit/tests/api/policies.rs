//! The assignment rules as reviewed configuration: versions, groups, tests, candidates, replays (spec CP-11, REP-7).

use ronda_domain::permission::Role;
use ronda_server::workers::timers;
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

fn say(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7().to_string(), "content": { "type": "text", "text": text } })
}

async fn preset(owner: &Browser, name: &str, changes: Value) -> Value {
    let mut policy = owner.get("/routing-policies/presets").await.expect(200)[name].clone();
    for (key, value) in changes.as_object().into_iter().flatten() {
        policy[key] = value.clone();
    }
    policy
}

async fn current(owner: &Browser) -> Value {
    owner.get("/routing-policies/current").await.expect(200)
}

async fn due(app: &TestApp) {
    timers::step(&app.app).await.expect("what is due");
    app.settled().await;
}

/// Chats that their owners answer, one after the other; returns how many.
async fn worked(app: &TestApp, owner: &Browser, key: &str, agents: &[&Browser], n: i64) {
    for i in 0..n {
        let visitor = app.visitor(key).await;
        visitor.writes(&format!("Consulta {i}")).await;
        app.settled().await;
        app.advance(20_000 + (i % 5) * 6_000);
        let chat = owner
            .get("/conversations?tray=agents&order=assigned&limit=1")
            .await
            .expect(200)["items"][0]
            .clone();
        let its = agents
            .iter()
            .find(|a| chat["owner"]["id"] == json!(a.agent))
            .expect("one of the agents");
        let path = format!("/conversations/{}", chat["id"]);
        its.post(&format!("{path}/messages"), say("¡Hola!")).await.expect(201);
        app.advance(5_000);
        its.post(&format!("{path}/close"), json!({})).await.expect(200);
        app.settled().await;
        app.advance(30_000);
    }
}

api_suite! {
    /// Versions say what differs, and an older one comes back as a new one.
    async fn cp_11_a_version_is_compared_and_returned_to(app) {
        let owner = app.owner().await;
        let first = preset(&owner, "sales", json!({})).await;
        let body = json!({ "policy": first, "note": "Empezamos", "confirm": true });
        owner.post("/routing-policies", body).await.expect(201);
        let second = preset(&owner, "sales", json!({ "reassign_seconds": 90, "excluded": [owner.agent] })).await;
        let saved = owner.post("/routing-policies", json!({ "policy": second, "if_version": 1, "confirm": true })).await.expect(201);
        assert_eq!((&saved["policy"]["preset"], &saved["policy"]["based_on"]), (&Value::Null, &json!("sales")), "Personalizado (desde Ventas)");
        let differs = owner.get("/routing-policies/versions/2/diff").await.expect(200);
        let fields: Vec<&str> = differs.as_array().unwrap().iter().map(|d| d["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["excluded", "preset", "reassign_seconds"]);
        assert_eq!((&differs[2]["before"], &differs[2]["after"]), (&json!(60), &json!(90)));
        let stale = owner.post("/routing-policies/versions/1/restore", json!({ "if_version": 1 })).await;
        assert_eq!(stale.status, 412, "somebody saved meanwhile: {}", stale.body);
        let back = owner.post("/routing-policies/versions/1/restore", json!({ "if_version": 2, "confirm": true })).await.expect(201);
        assert_eq!((&back["version"], &back["restored_from"], &back["policy"]["preset"]), (&json!(3), &json!(1), &json!("sales")));
        assert_eq!(owner.get("/routing-policies/versions/3/diff?against=1").await.expect(200), json!([]));
        owner.post("/routing-policies/versions/9/restore", json!({})).await.problem(404, "not_found");
        let listed = owner.get("/routing-policies").await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 3);
        assert_eq!(listed["items"][2]["note"], "Empezamos");
        app.settled().await;
    }

    /// A group inherits what it has not of its own, and its chats follow it.
    async fn cp_11_a_group_inherits_field_by_field(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent] })).await.expect(201)["id"].clone();
        let (_, key) = app.web_chat(&owner, json!({ "default_group": group })).await;
        let policy = preset(&owner, "sales", json!({ "reassign_seconds": 600 })).await;
        let own = |fields: Value| json!({ "policy": policy, "groups": { group.to_string(): fields }, "confirm": true });
        owner.post("/routing-policies", own(json!({ "reassign_seconds": 0 }))).await.wrong(&format!("/groups/{group}/reassign_seconds"), "policy");
        owner.post("/routing-policies", own(json!({ "nonsense": 1 }))).await.wrong(&format!("/groups/{group}/nonsense"), "unknown");
        owner.post("/routing-policies", own(json!({ "preset": "sales" }))).await.wrong(&format!("/groups/{group}/preset"), "unknown");
        owner.post("/routing-policies", json!({ "policy": policy, "groups": { "999": { "limit": 3 } } })).await.wrong("/groups/999", "unknown");
        owner.post("/routing-policies", own(json!({ "reassign_seconds": 45 }))).await.expect(201);
        let its = owner.get(&format!("/routing-policies/current?group={group}")).await.expect(200);
        assert_eq!((&its["policy"]["reassign_seconds"], &its["policy"]["presence"]), (&json!(45), &json!("any")));
        assert_eq!(current(&owner).await["policy"]["reassign_seconds"], 600);
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        let chat = ana.get("/conversations/1").await.expect(200);
        let clock = chat["rotate_at"].as_i64().unwrap() - chat["assigned_at"].as_i64().unwrap();
        assert_eq!(clock, 45_000, "{chat}");
        // What is not said about groups stays; an empty list ends it.
        owner.post("/routing-policies", json!({ "policy": policy, "confirm": true })).await.expect(201);
        assert_eq!(current(&owner).await["groups"][group.to_string()]["reassign_seconds"], 45);
        owner.post("/routing-policies", json!({ "policy": policy, "groups": {}, "confirm": true })).await.expect(201);
        assert_eq!(current(&owner).await["groups"], json!({}));
        app.settled().await;
    }

    /// Where the workspace asks for four eyes, a policy is in force when a second person has said yes, and not before.
    async fn cp_11_a_second_person_says_yes(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Administrator).await;
        let luis = app.member("luis", Role::Supervisor).await;
        let policy = preset(&owner, "support", json!({ "reassign_seconds": 300 })).await;
        owner.post("/routing-policies", json!({ "policy": policy, "confirm": true })).await.expect(201);
        let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
        owner.patch("/workspace", version, json!({ "policy_approval": true })).await.expect(200);
        let next = preset(&owner, "support", json!({ "reassign_seconds": 90 })).await;
        owner.post("/routing-policies", json!({ "policy": next, "confirm": true })).await.problem(409, "approval_needed");
        owner.post("/routing-policies/versions/1/restore", json!({ "confirm": true })).await.problem(409, "approval_needed");
        let propose = json!({ "policy": next, "propose": true, "note": "Más rápido", "confirm": true });
        let proposed = owner.post("/routing-policies/candidates", propose.clone()).await.expect(201);
        assert_eq!((&proposed["kind"], &proposed["needs_approval"]), (&json!("proposed"), &json!(true)));
        assert_eq!(current(&owner).await["policy"]["reassign_seconds"], 300);
        let path = format!("/routing-policies/candidates/{}", proposed["id"]);
        owner.post(&format!("{path}/approve"), json!({})).await.problem(403, "own_proposal");
        luis.post(&format!("{path}/approve"), json!({})).await.problem(403, "forbidden");
        ana.post(&format!("{path}/approve"), json!({ "note": "x".repeat(501) })).await.wrong("/note", "too_long");
        ana.post(&format!("{path}/approve"), json!({ "note": "De acuerdo" })).await.expect(200);
        let now = current(&owner).await;
        assert_eq!((&now["version"], &now["policy"]["reassign_seconds"]), (&json!(2), &json!(90)));
        assert_eq!((&now["author_name"], &now["approved_by_name"], &now["note"]), (&json!("Olga"), &json!("Ana"), &json!("Más rápido")));
        assert_eq!(owner.get("/routing-policies/candidates").await.expect(200), json!([]));
        ana.post(&format!("{path}/approve"), json!({})).await.problem(404, "not_found");
        let log = owner.get("/audit-entries?object=routing-candidates").await.expect(200);
        let entries: Vec<(&Value, &Value)> = log["items"].as_array().unwrap().iter().map(|e| (&e["action"], &e["actor_name"])).collect();
        assert_eq!(entries, [(&json!("approved"), &json!("Ana")), (&json!("created"), &json!("Olga"))]);
        // A no stays in the list with its words; nobody decides twice.
        let again = ana.post("/routing-policies/candidates", propose.clone()).await.expect(201);
        let path = format!("/routing-policies/candidates/{}", again["id"]);
        let no = owner.post(&format!("{path}/reject"), json!({ "note": "Esperemos" })).await.expect(200);
        assert_eq!((&no["failed"], &no["decided_by_name"], &no["decision_note"]), (&json!("rejected"), &json!("Olga"), &json!("Esperemos")));
        owner.post(&format!("{path}/approve"), json!({})).await.problem(409, "not_proposed");
        assert_eq!(current(&owner).await["version"], 2);
        // What was proposed on an older version is not put over a newer one.
        let (first, second) = (
            ana.post("/routing-policies/candidates", propose.clone()).await.expect(201),
            ana.post("/routing-policies/candidates", propose).await.expect(201),
        );
        let yes = |c: &Value| format!("/routing-policies/candidates/{}/approve", c["id"]);
        owner.post(&yes(&first), json!({})).await.expect(200);
        owner.post(&yes(&second), json!({})).await.problem(412, "version_mismatch");
        app.settled().await;
    }

    /// A planned policy that nobody approved does not come; one that was approved does.
    async fn cp_11_a_planned_policy_waits_for_its_second_person(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Administrator).await;
        let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
        owner.patch("/workspace", version, json!({ "policy_approval": true })).await.expect(200);
        let next = preset(&owner, "support", json!({ "reassign_seconds": 90 })).await;
        let plan = async |minutes: i64| {
            let at = app.clock.now().0 + minutes * 60_000;
            owner.post("/routing-policies/candidates", json!({ "policy": next, "activates_at": at, "confirm": true })).await.expect(201)
        };
        let planned = plan(1).await;
        assert_eq!(planned["needs_approval"], true);
        app.advance(61_000);
        due(app).await;
        assert_eq!(current(&owner).await["version"], 0);
        let listed = owner.get("/routing-policies/candidates").await.expect(200);
        assert_eq!((&listed[0]["failed"], &listed[0]["needs_approval"]), (&json!("not_approved"), &json!(false)));
        let planned = plan(1).await;
        ana.post(&format!("/routing-policies/candidates/{}/approve", planned["id"]), json!({})).await.expect(200);
        assert_eq!(current(&owner).await["version"], 0, "not before its time");
        app.advance(61_000);
        due(app).await;
        let now = current(&owner).await;
        assert_eq!((&now["version"], &now["approved_by_name"]), (&json!(1), &json!("Ana")));
    }

    /// Tests of administrators are run before a policy is put in force, and stop it.
    async fn cp_11_tests_stop_a_policy_that_breaks_them(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let beto = app.member("beto", Role::Agent).await;
        let given = |agent: &Browser, presence: &str, load: i64| json!({ "agent": agent.agent, "presence": presence, "load": load });
        let test = |name: &str, expect: Value| json!({ "name": name, "agents": [given(&ana, "online", 2), given(&beto, "gone", 0)], "expect": expect });
        let tests = json!([
            test("Ana está y recibe", json!({ "kind": "agent", "agent": ana.agent })),
            { "name": "Nadie está: espera", "agents": [given(&beto, "gone", 0)], "expect": { "kind": "waits", "because": "not_online" } },
        ]);
        let support = preset(&owner, "support", json!({})).await;
        let run = owner.post("/routing-policies/test", json!({ "policy": support, "tests": tests })).await.expect(200);
        assert_eq!((&run[0]["passed"], &run[0]["agent"], &run[1]["passed"]), (&json!(true), &json!(ana.agent), &json!(true)), "{run}");
        owner.post("/routing-policies", json!({ "policy": support, "tests": tests })).await.expect(201);
        // With Sales the chat goes to Beto, who has had none for longest.
        let sales = preset(&owner, "sales", json!({})).await;
        let refused = owner.post("/routing-policies", json!({ "policy": sales })).await;
        assert_eq!(refused.status, 409, "{}", refused.body);
        let failed = refused.body["findings"].as_array().unwrap().iter().find(|f| f["code"] == "tests_failed").expect("the failing tests");
        assert_eq!(failed["names"], json!(["Nadie está: espera"]), "{failed}");
        assert_eq!(current(&owner).await["version"], 1, "nothing was saved");
        owner.post("/routing-policies", json!({ "policy": sales, "confirm": true })).await.expect(201);
        assert_eq!(current(&owner).await["tests"].as_array().unwrap().len(), 2, "the tests stay with it");
        // What cannot be a test is named.
        let wrong = |test: Value| json!({ "policy": sales, "tests": [test], "confirm": true });
        let stranger = json!({ "name": "x", "agents": [{ "agent": 999, "presence": "online" }], "expect": { "kind": "agent", "agent": 999 } });
        owner.post("/routing-policies", wrong(stranger)).await.wrong("/tests/0/agents/0/agent", "unknown");
        owner.post("/routing-policies", wrong(json!({ "name": " ", "agents": [given(&ana, "online", 0)], "expect": { "kind": "waits" } }))).await.wrong("/tests/0/name", "required");
        owner.post("/routing-policies", wrong(json!({ "name": "x", "agents": [], "expect": { "kind": "waits" } }))).await.wrong("/tests/0/agents", "required");
        let twice = json!([test("x", json!({ "kind": "waits" })), test("X", json!({ "kind": "waits" }))]);
        owner.post("/routing-policies/test", json!({ "policy": sales, "tests": twice })).await.wrong("/tests/1/name", "taken");
        app.settled().await;
    }

    /// A policy that is planned comes into force at its time, unless another one came first.
    async fn cp_11_a_planned_policy_comes_at_its_time(app) {
        let owner = app.owner().await;
        let agent = app.member("ana", Role::Agent).await;
        let support = preset(&owner, "support", json!({})).await;
        owner.post("/routing-policies", json!({ "policy": support, "confirm": true })).await.expect(201);
        let sales = preset(&owner, "sales", json!({})).await;
        let at = app.clock.now().0 + 60_000;
        let plan = json!({ "policy": sales, "activates_at": at, "note": "Liquidación", "confirm": true });
        agent.post("/routing-policies/candidates", plan.clone()).await.problem(403, "forbidden");
        let past = json!({ "policy": sales, "activates_at": at - 120_000 });
        owner.post("/routing-policies/candidates", past).await.wrong("/activates_at", "out_of_range");
        let planned = owner.post("/routing-policies/candidates", plan.clone()).await.expect(201);
        assert_eq!((&planned["kind"], &planned["based_on"]), (&json!("scheduled"), &json!(1)));
        due(app).await;
        assert_eq!(current(&owner).await["version"], 1, "not before its time");
        app.advance(61_000);
        due(app).await;
        let now = current(&owner).await;
        assert_eq!((&now["version"], &now["policy"]["preset"], &now["note"]), (&json!(2), &json!("sales"), &json!("Liquidación")));
        assert_eq!(now["author"], json!(owner.agent));
        assert_eq!(owner.get("/routing-policies/candidates").await.expect(200), json!([]));
        // Somebody saves another version before the time: the plan does not undo it.
        let at = app.clock.now().0 + 60_000;
        let planned = owner.post("/routing-policies/candidates", json!({ "policy": support, "activates_at": at, "confirm": true })).await.expect(201);
        let other = preset(&owner, "sales", json!({ "reassign_seconds": 120 })).await;
        owner.post("/routing-policies", json!({ "policy": other, "confirm": true })).await.expect(201);
        app.advance(61_000);
        due(app).await;
        assert_eq!(current(&owner).await["version"], 3);
        let left = owner.get("/routing-policies/candidates").await.expect(200);
        assert_eq!((&left[0]["id"], &left[0]["failed"]), (&planned["id"], &json!("newer_version")));
        owner.delete(&format!("/routing-policies/candidates/{}", planned["id"])).await.expect(204);
        owner.delete(&format!("/routing-policies/candidates/{}", planned["id"])).await.problem(404, "not_found");
    }

    /// A version leaves as text and comes back, by names and keys.
    async fn cp_11_a_policy_travels_as_text(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent] })).await.expect(201)["id"].clone();
        let policy = preset(&owner, "support", json!({ "excluded": [ana.agent] })).await;
        let tests = json!([{ "name": "Excluida", "agents": [{ "agent": ana.agent, "presence": "online", "groups": [group] }], "chat": { "group": group }, "expect": { "kind": "waits", "because": "excluded" } }]);
        let body = json!({ "policy": policy, "groups": { group.to_string(): { "limit": 3 } }, "tests": tests, "confirm": true });
        owner.post("/routing-policies", body).await.expect(201);
        let text = owner.get("/routing-policies/versions/1/export").await.expect(200);
        assert_eq!(text["groups"]["ventas"]["limit"], 3, "{text}");
        let read = owner.post("/routing-policies/import", text.clone()).await.expect(200);
        assert_eq!((&read["policy"]["excluded"], &read["groups"][group.to_string()], &read["unknown"]), (&json!([ana.agent]), &json!({ "limit": 3 }), &json!([])));
        assert_eq!(read["tests"][0]["expect"], tests[0]["expect"]);
        // Next door there is neither Ana nor Ventas.
        app.new_workspace("Vecina", "vera").await;
        let vera = app.sign_in("vera").await;
        let there = vera.post("/routing-policies/import", text.clone()).await.expect(200);
        assert_eq!((&there["policy"]["excluded"], &there["groups"], &there["tests"]), (&json!([]), &json!({}), &json!([])));
        assert_eq!(there["unknown"], json!(["Ana", "ventas"]));
        let mut other = text;
        other["format"] = json!("something else");
        owner.post("/routing-policies/import", other).await.wrong("/format", "unknown");
    }

    /// A policy in the shadow plans what the live one plans, moves nothing, and says where it differs.
    async fn cp_11_a_shadow_plans_and_moves_nothing(app) {
        let owner = app.owner().await;
        for name in ["ana", "beto"] {
            app.member(name, Role::Agent).await;
        }
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let live = preset(&owner, "sales", json!({ "reassign_seconds": 600, "excluded": [owner.agent] })).await;
        owner.post("/routing-policies", json!({ "policy": live, "confirm": true })).await.expect(201);
        let faster = preset(&owner, "sales", json!({ "reassign_seconds": 30, "excluded": [owner.agent] })).await;
        let shadow = owner.post("/routing-policies/candidates", json!({ "policy": faster })).await.expect(201);
        assert_eq!(shadow["kind"], "shadow");
        owner.post("/routing-policies/candidates", json!({ "policy": faster })).await.problem(409, "shadow_exists");
        for text in ["uno", "dos"] {
            app.visitor(&key).await.writes(text).await;
            app.settled().await;
        }
        let holds = owner.get("/conversations/2").await.expect(200)["owner"]["id"].clone();
        app.advance(31_000);
        app.visitor(&key).await.writes("tres").await;
        app.settled().await;
        app.app.settle().await;
        let counts = owner.get("/routing-policies/candidates").await.expect(200)[0]["counts"].clone();
        assert_eq!((&counts["live_rotations"], &counts["shadow_rotations"]), (&json!(0), &json!(2)), "{counts}");
        assert!(counts["first_input"].as_i64().unwrap() > 1, "{counts}");
        let path = format!("/routing-policies/candidates/{}", shadow["id"]);
        let differs = owner.get(&format!("{path}/differences")).await.expect(200);
        let rotated = differs["items"].as_array().unwrap().iter().filter(|d| d["shadow_act"] == "rotate");
        assert!(rotated.clone().all(|d| d["live_act"].is_null()), "{differs}");
        let mut which: Vec<i64> = rotated.map(|d| d["conversation"].as_i64().unwrap()).collect();
        which.sort_unstable();
        assert_eq!(which, [1, 2], "both that were there for half a minute");
        assert_eq!(owner.get("/conversations/2").await.expect(200)["owner"]["id"], holds, "nothing was moved");
        assert_eq!(current(&owner).await["policy"]["reassign_seconds"], 600);
        owner.delete(&path).await.expect(204);
        owner.get(&format!("{path}/differences")).await.problem(404, "not_found");
    }

    /// Given the actual policy replayed, then predicted and real figures agree within the stated margin; then another is
    /// predicted: "con el tráfico de ayer: n rotaciones".
    async fn rep_7_3_what_agrees_with_the_record_is_predicted(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let beto = app.member("beto", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let policy = preset(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        owner.post("/routing-policies", json!({ "policy": policy, "confirm": true })).await.expect(201);
        let few = owner.post("/routing-policies/replay", json!({ "policy": policy })).await.expect(200);
        assert_eq!((&few["result"]["refused"]["why"], &few["result"]["predicted"]), (&json!("too_few_chats"), &Value::Null), "{few}");
        worked(app, &owner, &key, &[&ana, &beto], 24).await;
        let faster = preset(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 25 })).await;
        let answer = owner.post("/routing-policies/replay", json!({ "policy": faster, "days": 1 })).await.expect(200);
        let result = &answer["result"];
        assert_eq!((&result["chats"], &result["refused"]), (&json!(24), &Value::Null), "{result:#}");
        assert!(result["compared"].as_array().unwrap().iter().all(|c| c["fine"] == true), "{result:#}");
        assert_eq!(result["observed"]["rotations"]["middle"], 0);
        // Few do: whoever is at work on an answer keeps the chat (the saturation guard), and nothing rotated in the record.
        let rotations = |which: &str| result["predicted"]["rotations"][which].as_i64().unwrap();
        assert!(rotations("middle") > 0 && rotations("high") > 3, "with 25 s chats rotate: {result:#}");
        assert!(result["error_percent"].as_i64().unwrap() <= 50, "{result:#}");
        let before = current(&owner).await["version"].clone();
        assert_eq!(before, 1, "nothing was changed");
        owner.post("/routing-policies/replay", json!({ "policy": faster, "days": 0 })).await.wrong("/days", "out_of_range");
        ana.post("/routing-policies/replay", json!({ "policy": faster })).await.problem(403, "forbidden");
    }

    /// Given figures that the rules do not explain, then the page refuses to predict and says why.
    async fn rep_7_3_what_was_given_out_by_hand_is_not_predicted(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        for i in 1..=21 {
            app.visitor(&key).await.writes("Hola").await;
            app.settled().await;
            ana.post(&format!("/conversations/{i}/take"), json!({})).await.expect(200);
            app.advance(10_000);
            ana.post(&format!("/conversations/{i}/messages"), say("¡Hola!")).await.expect(201);
            ana.post(&format!("/conversations/{i}/close"), json!({})).await.expect(200);
            app.settled().await;
        }
        let policy = preset(&owner, "sales", json!({})).await;
        let answer = owner.post("/routing-policies/replay", json!({ "policy": policy })).await.expect(200);
        assert_eq!(answer["result"]["refused"]["why"], "mostly_by_hand", "{answer:#}");
        assert_eq!(answer["result"]["predicted"], Value::Null);
    }
}
