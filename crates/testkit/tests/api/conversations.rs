//! Trays, orders, commands and what each person sees (spec AG-6, AG-7, AG-8, CORE-1, CORE-2, CP-20).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, Visitor, api_suite};
use serde_json::{Value, json};

fn say(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7().to_string(), "content": { "type": "text", "text": text } })
}

async fn numbers(by: &Browser, query: &str) -> Vec<i64> {
    let list = by.get(&format!("/conversations?{query}")).await.expect(200);
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["number"].as_i64().unwrap())
        .collect()
}

/// A web chat and a visitor who wrote; nothing is assigned automatically.
async fn waiting(app: &TestApp, owner: &Browser) -> (String, Visitor) {
    let (_, key) = app.web_chat(owner, json!({})).await;
    let visitor = app.visitor(&key).await;
    visitor.writes("Hola").await;
    app.settled().await;
    (key, visitor)
}

async fn tolerance(owner: &Browser, minutes: i64) {
    let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
    let body = json!({ "close_tolerance": { "enabled": true, "minutes": minutes } });
    owner.patch("/workspace", version, body).await.expect(200);
}

api_suite! {
    async fn ag_6_1_a_take_moves_the_chat_on_all_screens(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let luis = app.member("luis", Role::Agent).await;
        waiting(app, &owner).await;
        let mut screens = (owner.screen(None).await, luis.screen(None).await);
        assert_eq!(numbers(&ana, "tray=unassigned").await, [1]);
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        let seen = screens.0.until("conversation.changed", |c| c["place"] == "held").await;
        assert_eq!(seen["owner"]["name"], "Ana");
        // Who may not see it any more learns only that it left.
        let left = screens.1.until("conversation.left", |_| true).await;
        assert_eq!(left, json!({ "id": 1 }));
        assert_eq!(numbers(&ana, "tray=mine").await, [1]);
        assert_eq!(numbers(&owner, "tray=agents").await, [1]);
        assert!(numbers(&luis, "tray=unassigned").await.is_empty() && numbers(&luis, "tray=agents").await.is_empty());
        luis.get("/conversations/1").await.problem(404, "not_found");
        app.settled().await;
    }

    async fn ag_6_3_the_cells_add_up_to_what_one_sees(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (key, _) = waiting(app, &owner).await;
        let (_, bots) = app.web_chat(&owner, json!({ "name": "Con saludo", "greeter": { "text": "¡Hola!" } })).await;
        app.visitor(&bots).await.writes("Hola").await;
        for text in ["dos", "tres"] {
            app.visitor(&key).await.writes(text).await;
        }
        app.settled().await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        ana.post("/conversations/1/messages", say("Hola")).await.expect(201);
        ana.post("/conversations/1/close", json!({})).await.expect(200);
        let counts = owner.get("/conversations/counts").await.expect(200);
        let mut total = 0;
        for tray in ["unassigned", "agents", "bot"] {
            for state in ["active", "closed", "outbound"] {
                let list = numbers(&owner, &format!("tray={tray}&state={state}")).await;
                assert_eq!(counts[tray][state].as_i64().unwrap(), list.len() as i64, "{tray} {state}");
                total += list.len();
            }
        }
        assert_eq!(total, 4);
    }

    async fn ag_7_1_waiting_order_follows_who_is_owed(app) {
        let owner = app.owner().await;
        let (key, _) = waiting(app, &owner).await;
        app.advance(180_000);
        app.visitor(&key).await.writes("dos").await;
        app.settled().await;
        for n in [1, 2] {
            owner.post(&format!("/conversations/{n}/take"), json!({})).await.expect(200);
        }
        assert_eq!(numbers(&owner, "order=waiting").await, [1, 2]);
        owner.post("/conversations/1/messages", say("Hola")).await.expect(201);
        assert_eq!(numbers(&owner, "order=waiting").await, [2, 1]);
        assert_eq!(numbers(&owner, "owed=true").await, [2], "only those whose customer waits");
        // AG-7.3: marked unread counts from its last customer message.
        owner.post("/conversations/1/unread", json!({})).await.expect(200);
        assert_eq!(numbers(&owner, "order=waiting").await, [1, 2]);
        let first = owner.get("/conversations?order=waiting&limit=1").await.expect(200);
        let cursor = first["next_cursor"].as_str().unwrap().to_owned();
        assert_eq!(numbers(&owner, &format!("order=waiting&limit=1&cursor={cursor}")).await, [2]);
    }

    async fn ag_7_2_messages_do_not_move_the_order_of_assignment(app) {
        let owner = app.owner().await;
        let (key, first) = waiting(app, &owner).await;
        app.visitor(&key).await.writes("dos").await;
        app.settled().await;
        for n in [2, 1] {
            owner.post(&format!("/conversations/{n}/take"), json!({})).await.expect(200);
            app.advance(1_000);
        }
        assert_eq!(numbers(&owner, "order=assigned").await, [2, 1]);
        first.writes("otra vez").await;
        owner.post("/conversations/2/messages", say("Hola")).await.expect(201);
        assert_eq!(numbers(&owner, "order=assigned").await, [2, 1]);
        assert_eq!(numbers(&owner, "order=activity").await, [2, 1]);
    }

    /// Given an unassigned chat, then answering is impossible, a note is possible.
    async fn ag_8_1_who_does_not_hold_it_only_leaves_notes(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        waiting(app, &owner).await;
        ana.post("/conversations/1/messages", say("Hola")).await.problem(409, "not_owner");
        let mut note = say("cliente nuevo");
        note["note"] = json!(true);
        ana.post("/conversations/1/messages", note).await.expect(201);
        ana.post("/conversations/1/typing", json!({})).await.problem(409, "not_owner");
    }

    /// Given two agents who take the same chat at once, then one owns it and the other learns who.
    async fn core_1_4_two_takes_at_once_have_one_winner(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let luis = app.member("luis", Role::Agent).await;
        waiting(app, &owner).await;
        let body = json!({ "seen": 1 });
        let (a, b) = tokio::join!(
            ana.post("/conversations/1/take", body.clone()),
            luis.post("/conversations/1/take", body.clone())
        );
        let (won, lost) = if a.status == 200 { (&a, &b) } else { (&b, &a) };
        assert_eq!((won.status, lost.status), (200, 409), "{} {}", a.body, b.body);
        assert_eq!(lost.body["code"], "conflict");
        assert_eq!(lost.body["owner"]["id"], won.body["conversation"]["owner"]["id"]);
        app.settled().await;
    }

    /// Given a chat that is closed twice at once, then it ends once, the second is told so, and whoever does something else
    /// meanwhile is not held up.
    async fn core_1_4_two_closings_at_once_end_it_once_and_hold_up_nobody(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        waiting(app, &owner).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        for number in 2..=9 {
            app.visitor(&key).await.writes("Hola").await;
            app.settled().await;
            let path = |what: &str| format!("/conversations/{number}/{what}");
            owner.post(&path("take"), json!({})).await.expect(200);
            owner.post(&path("messages"), say("Listo")).await.expect(201);
            app.settled().await;
            let close = path("close");
            let (one, two, other) = tokio::join!(
                owner.post(&close, json!({})),
                owner.post(&close, json!({})),
                ana.post("/conversations/1/take", json!({ "seen": null })),
            );
            let (won, lost) = if one.status == 200 { (&one, &two) } else { (&two, &one) };
            assert_eq!((won.status, lost.status), (200, 409), "{} {}", one.body, two.body);
            assert!(["closed", "not_live"].contains(&lost.body["code"].as_str().unwrap()), "{}", lost.body);
            assert_eq!(other.status, 200, "{}", other.body);
            app.settled().await;
            let log = owner.get(&format!("/routing-decisions?conversation={number}")).await.expect(200);
            let ends = log["items"].as_array().unwrap().iter().filter(|d| d["act"] == "close").count();
            assert_eq!(ends, 1, "{log}");
        }
    }

    async fn a_reply_is_stored_once_whatever_is_repeated(app) {
        let owner = app.owner().await;
        let (_, visitor) = waiting(app, &owner).await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        let reply = say("Hola");
        let first = owner.post("/conversations/1/messages", reply.clone()).await.expect(201);
        let again = owner.post("/conversations/1/messages", reply.clone()).await.expect(200);
        assert_eq!(first["message"]["id"], again["message"]["id"]);
        let mut other = reply.clone();
        other["content"]["text"] = json!("otra cosa");
        owner.post("/conversations/1/messages", other).await.problem(409, "client_id_reused");
        assert_eq!(visitor.reads(0).await["items"].as_array().unwrap().len(), 2);
    }

    async fn core_2_a_manual_close_while_owed_asks_and_leaves_an_incident(app) {
        let owner = app.owner().await;
        let (_, visitor) = waiting(app, &owner).await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        owner.post("/conversations/1/close", json!({})).await.problem(409, "needs_confirmation");
        // The customer writes while the dialog is open.
        let seen = visitor.writes("¿siguen ahí?").await["id"].as_i64().unwrap() - 1;
        let body = json!({ "confirm_unanswered": true, "last_message": seen });
        owner.post("/conversations/1/close", body).await.problem(409, "customer_wrote");
        let body = json!({ "confirm_unanswered": true, "reason": "spam" });
        let closed = owner.post("/conversations/1/close", body).await.expect(200);
        assert_eq!(closed["conversation"]["place"], "closed");
        app.settled().await;
        let incidents = owner.get("/incidents").await.expect(200)["items"].clone();
        assert_eq!(incidents.as_array().unwrap().len(), 1);
        assert_eq!((&incidents[0]["kind"], &incidents[0]["conversation"]["number"]), (&json!("closed_unanswered"), &json!(1)));
    }

    /// Given agent phase 24 h, when the last customer message is 24 h old and was answered, then it closes, no incident.
    async fn core_2_1_and_2_quiet_chats_close_by_themselves(app) {
        let owner = app.owner().await;
        let (_, visitor) = waiting(app, &owner).await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        owner.post("/conversations/1/messages", say("Hola")).await.expect(201);
        let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
        let body = json!({ "auto_close": { "farewell": { "agent": "¡Hasta la próxima!" } } });
        owner.patch("/workspace", version, body).await.expect(200);
        let mut screen = owner.screen(None).await;
        app.advance(24 * 3_600_000 + 1_000);
        let closed = screen.until("conversation.changed", |c| c["place"] == "closed").await;
        assert_eq!(closed["close_reason"], "inactivity");
        app.settled().await;
        // Nobody stays signed in for a day without use.
        let owner = app.sign_in("olga").await;
        assert_eq!(owner.get("/incidents").await.expect(200)["items"], json!([]));
        // CORE-2.2: the farewell comes with the close, and no new conversation results.
        let said = visitor.reads(0).await;
        assert_eq!(said["items"].as_array().unwrap().last().unwrap()["content"]["text"], "¡Hasta la próxima!");
        assert_eq!(numbers(&owner, "tray=agents&state=closed").await, [1]);
        assert_eq!(owner.get("/conversations/counts").await.expect(200)["unassigned"]["active"], 0);
    }

    /// Given 60 min and a message at 59:59, then the same agent; at 60:01, a new conversation.
    async fn cp_20_1_the_customer_comes_back_to_the_same_agent(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, visitor) = waiting(app, &owner).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        tolerance(&owner, 60).await;
        app.settled().await;
        for (wait, number) in [(3_599_000, 1), (3_601_000, 2)] {
            let id = ana.get("/conversations").await.expect(200)["items"][0]["id"].clone();
            ana.post(&format!("/conversations/{id}/messages"), say("Listo")).await.expect(201);
            ana.post(&format!("/conversations/{id}/close"), json!({})).await.expect(200);
            app.settled().await;
            app.advance(wait);
            visitor.writes("una cosa más").await;
            app.settled().await;
            assert_eq!(numbers(&ana, "tray=mine").await, [number], "after {wait} ms");
        }
        let first = ana.get("/conversations/1").await.expect(200);
        assert_eq!((first["episode"].clone(), first["place"].clone()), (json!(2), json!("closed")));
    }

    /// Given the agent offline under online-only, then the queue, not the absent agent.
    async fn cp_20_2_an_absent_agent_gets_nothing_back(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, visitor) = waiting(app, &owner).await;
        app.policy(&owner, "support", json!({})).await;
        tolerance(&owner, 60).await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        ana.post("/conversations/1/messages", say("Listo")).await.expect(201);
        ana.post("/conversations/1/close", json!({})).await.expect(200);
        visitor.writes("una cosa más").await;
        app.settled().await;
        assert_eq!(numbers(&owner, "tray=unassigned").await, [1]);
        assert!(numbers(&ana, "tray=mine").await.is_empty());
    }

    /// Given an automatic close and the default, then no tolerance; it is a choice to have it there too.
    async fn cp_20_3_after_an_automatic_close_there_is_no_tolerance_unless_chosen(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, visitor) = waiting(app, &owner).await;
        tolerance(&owner, 60).await;
        let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
        let quiet = json!({ "auto_close": { "agent": 60 } });
        owner.patch("/workspace", version, quiet).await.expect(200);
        let mut screen = owner.screen(None).await;
        for (id, after_automatic, then) in [(1, false, 2), (2, true, 2)] {
            let version = owner.get("/workspace").await.expect(200)["version"].as_i64().unwrap();
            let choice = json!({ "close_tolerance": { "enabled": true, "minutes": 60, "after_automatic": after_automatic } });
            owner.patch("/workspace", version, choice).await.expect(200);
            ana.post(&format!("/conversations/{id}/take"), json!({})).await.expect(200);
            ana.post(&format!("/conversations/{id}/messages"), say("Listo")).await.expect(201);
            app.settled().await;
            app.advance(60 * 60_000 + 1_000);
            let closed = screen.until("conversation.changed", |c| c["place"] == "closed" && c["id"] == id).await;
            assert_eq!(closed["close_reason"], "inactivity");
            app.advance(60_000);
            visitor.writes("una cosa más").await;
            app.settled().await;
            let live = numbers(&owner, "tray=unassigned").await;
            let live = if live.is_empty() { numbers(&owner, "tray=agents").await } else { live };
            assert_eq!(live, [then], "after_automatic: {after_automatic}");
        }
        assert_eq!(owner.get("/conversations/2").await.expect(200)["episode"], 2);
    }

    async fn transfers_go_to_agents_and_groups_and_come_back_by_declining(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let luis = app.member("luis", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [luis.agent] })).await.expect(201);
        waiting(app, &owner).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent, luis.agent] })).await;
        app.settled().await;
        assert_eq!(numbers(&ana, "tray=mine").await, [1]);
        ana.post("/conversations/1/transfer", json!({ "to": {} })).await.wrong("/to", "one_of");
        ana.post("/conversations/1/transfer", json!({ "to": { "agent": 999 } })).await.wrong("/to/agent", "unknown");
        let moved = ana.post("/conversations/1/transfer", json!({ "to": { "agent": luis.agent }, "note": "habla de talles" })).await.expect(200);
        assert_eq!(moved["conversation"]["owner"]["id"], luis.agent.0);
        app.settled().await;
        luis.post("/conversations/1/decline", json!({ "why": "no es mío" })).await.expect(200);
        app.settled().await;
        assert_eq!(numbers(&ana, "tray=mine").await, [1], "the next in turn");
        let moved = ana.post("/conversations/1/transfer", json!({ "to": { "group": group["id"] } })).await.expect(200);
        assert_eq!(moved["conversation"]["group"]["name"], "Ventas");
        app.settled().await;
        let thread = owner.get("/conversations/1/messages").await.expect(200);
        let notes: Vec<_> = thread["items"].as_array().unwrap().iter().filter(|m| m["direction"] == "note").collect();
        assert_eq!(notes[0]["content"]["text"], "habla de talles");
        assert!(thread["items"].as_array().unwrap().iter().any(|m| m["content"]["code"] == "decline"));
    }

    /// Given many at once, then each is reported, and what is refused for one stops no other.
    async fn ag_9_many_at_once_are_reported_one_by_one(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let mut visitors = Vec::new();
        for i in 0..200 {
            let visitor = app.visitor(&key).await;
            visitor.writes(&format!("Consulta {i}")).await;
            visitors.push(visitor);
        }
        app.settled().await;
        let all = |action: Value| {
            let list: Vec<Value> = (1..=200).map(|id| json!({ "id": id })).collect();
            json!({ "conversations": list, "action": action })
        };
        let bad = |report: &Value| -> Vec<Value> {
            report["items"].as_array().unwrap().iter().filter(|i| i["ok"] == false).cloned().collect()
        };
        let taken = owner.post("/conversations/bulk", all(json!({ "type": "transfer", "agent": ana.agent }))).await.expect(200);
        assert_eq!(taken["items"].as_array().unwrap().len(), 200);
        let refused = bad(&taken);
        assert!(refused.iter().all(|i| i["code"] == "hard_cap"), "{refused:?}");
        let unread = owner.post("/conversations/bulk", all(json!({ "type": "unread" }))).await.expect(200);
        assert!(bad(&unread).is_empty());
        // Those that are owed a reply need a word.
        let closed = owner.post("/conversations/bulk", all(json!({ "type": "close" }))).await.expect(200);
        assert!(bad(&closed).iter().all(|i| i["code"] == "needs_confirmation") && bad(&closed).len() == 200);
        visitors[7].writes("Una cosa más").await;
        let mut body = all(json!({ "type": "close", "confirm_unanswered": true, "reason": "fin del día" }));
        let last = owner.get("/conversations/9").await.expect(200)["last_message"]["id"].clone();
        let stale = last.as_i64().unwrap() - 1;
        body["conversations"][8]["last_message"] = json!(stale);
        let closed = owner.post("/conversations/bulk", body).await.expect(200);
        let refused = bad(&closed);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!((&refused[0]["id"], &refused[0]["code"]), (&json!(9), &json!("customer_wrote")));
        app.settled().await;
        let live = numbers(&owner, "tray=unassigned").await.len() + numbers(&owner, "tray=agents").await.len();
        assert_eq!(live, 1);
        owner.post("/conversations/bulk", json!({ "conversations": [], "action": { "type": "read" } })).await.wrong("/conversations", "length");
        let luis = app.member("luis", Role::Agent).await;
        let one = json!({ "conversations": [{ "id": 1 }, { "id": 999_999 }], "action": { "type": "read" } });
        let report = luis.post("/conversations/bulk", one).await.expect(200);
        assert!(bad(&report).iter().all(|i| i["code"] == "not_found") && bad(&report).len() == 2, "{report}");
    }

    /// Given a number in any form, part of a name or an address, then the customer is found, by whoever may see them.
    async fn ag_12_2_customers_are_found_by_name_address_and_any_form_of_their_number(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let visitor = app.visitor(&key).await;
        let said = json!({ "name": "Marta Núñez", "email": "marta@example.com", "phone": "011 15 5555-0000" });
        visitor.calls("POST", "profile", said).await.expect(200);
        visitor.writes("Hola").await;
        app.visitor(&key).await.writes("Otra persona").await;
        let find = async |by: &Browser, q: &str| {
            let q: String = q.replace('+', "%2B").replace(' ', "%20");
            let found = by.get(&format!("/customers?q={q}")).await.expect(200);
            let listed = by.get(&format!("/conversations?tray=unassigned&q={q}")).await.expect(200);
            (found["items"].as_array().unwrap().len(), listed["items"].as_array().unwrap().len())
        };
        for q in ["11 5555-0000", "+5491155550000", "5550000", "marta", "MARTA@EXAMPLE", "núñez"] {
            assert_eq!(find(&owner, q).await, (1, 1), "{q}");
        }
        assert_eq!(find(&owner, "0000000").await, (0, 0));
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        app.settled().await;
        let luis = app.member("luis", Role::Agent).await;
        assert_eq!(find(&luis, "marta").await, (0, 0), "her conversation is Ana's");
        assert_eq!(find(&ana, "marta").await.0, 1);
    }

    async fn a_closed_chat_is_reopened_by_hand(app) {
        let owner = app.owner().await;
        let (_, visitor) = waiting(app, &owner).await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        owner.post("/conversations/1/messages", say("Listo")).await.expect(201);
        owner.post("/conversations/1/reopen", json!({})).await.problem(409, "not_closed");
        owner.post("/conversations/1/close", json!({})).await.expect(200);
        owner.post("/conversations/1/take", json!({})).await.problem(409, "closed");
        let back = owner.post("/conversations/1/reopen", json!({})).await.expect(200);
        assert_eq!((back["conversation"]["place"].clone(), back["conversation"]["episode"].clone()), (json!("held"), json!(2)));
        app.settled().await;
        owner.post("/conversations/1/close", json!({})).await.expect(200);
        visitor.writes("otra").await;
        app.settled().await;
        owner.post("/conversations/1/reopen", json!({})).await.problem(409, "second_live");
    }

    async fn drafts_survive_until_they_are_sent(app) {
        let owner = app.owner().await;
        waiting(app, &owner).await;
        let path = "/conversations/1/draft";
        owner.put(path, json!({ "mode": "reply", "body": "Hola, le" })).await.expect(204);
        assert_eq!(owner.get(path).await.expect(200)["body"], "Hola, le");
        owner.put(path, json!({ "mode": "shout", "body": "x" })).await.wrong("/mode", "not_one_of");
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        owner.post("/conversations/1/messages", say("Hola, le cuento")).await.expect(201);
        assert_eq!(owner.get(path).await.expect(200)["body"], "");
        owner.put(path, json!({ "mode": "note", "body": "y" })).await.expect(204);
        owner.delete(path).await.expect(204);
        assert_eq!(owner.get(path).await.expect(200)["body"], "");
    }

    async fn a_snooze_ends_at_its_time_or_with_the_customer(app) {
        let owner = app.owner().await;
        let (_, visitor) = waiting(app, &owner).await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        owner.post("/conversations/1/messages", say("Le aviso")).await.expect(201);
        let until = app.clock.now().0 + 3_600_000;
        let parked = owner.post("/conversations/1/snooze", json!({ "until": until })).await.expect(200);
        assert_eq!(parked["conversation"]["phase"], "parked");
        let mut screen = owner.screen(None).await;
        app.advance(3_601_000);
        screen.until("conversation.changed", |c| c["phase"] == "answered").await;
        owner.post("/conversations/1/snooze", json!({})).await.expect(200);
        visitor.writes("¿y?").await;
        screen.until("conversation.changed", |c| c["phase"] == "unanswered").await;
        app.settled().await;
        owner.post("/conversations/1/snooze", json!({ "until": 5 })).await.wrong("/until", "past");
    }

    /// Routing row 9: an answer written before a rotation and sent just after it still counts.
    async fn row_9_a_late_reply_takes_the_chat_back(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let luis = app.member("luis", Role::Agent).await;
        let (_, visitor) = waiting(app, &owner).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        app.settled().await;
        let held = owner.get("/conversations/1").await.expect(200);
        let (first, second) = if held["owner"]["id"] == ana.agent.0 { (&ana, &luis) } else { (&luis, &ana) };
        let seen = held["epoch"].clone();
        app.advance(60_500);
        app.settled().await;
        assert_eq!(owner.get("/conversations/1").await.expect(200)["owner"]["id"], second.agent.0);
        let mut late = say("¡Hola! Ya lo veo.");
        late["seen"] = seen.clone();
        // Who sees only their own does not see it any more; a late answer is heard all the same.
        first.post("/conversations/1/messages", late).await.expect(201);
        app.settled().await;
        assert_eq!(owner.get("/conversations/1").await.expect(200)["owner"]["id"], first.agent.0);
        assert_eq!(visitor.reads(0).await["items"].as_array().unwrap().len(), 2);
        // After ten seconds it does not count, and nothing reaches the customer.
        app.advance(3_000);
        visitor.writes("¿y el precio?").await;
        app.settled().await;
        first.post("/conversations/1/decline", json!({ "why": "no llego" })).await.expect(200);
        app.settled().await;
        app.advance(11_000);
        let mut old = say("son 100 pesos");
        old["seen"] = seen;
        first.post("/conversations/1/messages", old).await.problem(409, "not_owner");
        assert_eq!(visitor.reads(0).await["items"].as_array().unwrap().len(), 3);
    }

    async fn visitors_have_a_name_until_they_say_theirs(app) {
        let owner = app.owner().await;
        waiting(app, &owner).await;
        let name = owner.get("/conversations/1").await.expect(200)["customer"]["name"].clone();
        assert!(name.as_str().unwrap().starts_with("Visitante "), "{name}");
        let id = owner.get("/conversations/1").await.expect(200)["customer"]["id"].clone();
        let path = format!("/customers/{id}");
        let version = owner.get(&path).await.expect(200)["version"].as_i64().unwrap();
        owner.patch(&path, version, json!({ "name": "Marta" })).await.expect(200);
        assert_eq!(owner.get("/conversations/1").await.expect(200)["customer"]["name"], "Marta");
        owner.patch(&path, version, json!({ "name": "Otra" })).await.problem(412, "version_mismatch");
    }
}
