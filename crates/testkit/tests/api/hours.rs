//! Business hours and what is said outside of them (spec CP-9, CP-10, PLAT-11; routing rows 37 to 42). The rules of zones
//! have their table in `app/civil.rs`; here is that the product keeps them.

use ronda_domain::Ms;
use ronda_domain::permission::Role;
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};

const MON: i64 = 0;
const TUE: i64 = 1;
const SUN: i64 = 6;

/// Moves the clock forward to the next such time in Buenos Aires, three hours behind all year, and a second beyond.
fn until(app: &TestApp, weekday: i64, time: &str) {
    let (hours, minutes) = time.split_once(':').unwrap();
    let (hours, minutes): (i64, i64) = (hours.parse().unwrap(), minutes.parse().unwrap());
    let week = 7 * Ms::DAY;
    // The first Monday of the count of time.
    let since_monday = (app.clock.now().0 - 3 * Ms::HOUR - 4 * Ms::DAY).rem_euclid(week);
    let wanted = weekday * Ms::DAY + hours * Ms::HOUR + minutes * Ms::MINUTE + Ms::SECOND;
    app.advance((wanted - since_monday).rem_euclid(week));
}

/// The date in Buenos Aires, some days from today.
fn date(app: &TestApp, days: i64) -> String {
    let at = app.clock.now().plus(days * Ms::DAY - 3 * Ms::HOUR);
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap().to_string();
    at[..10].to_owned()
}

fn spans(of: &[(&str, &str)]) -> Value {
    of.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect()
}

/// The address of somebody before the `@`.
fn address(of: &Browser) -> String {
    of.me["account"]["email"]
        .as_str()
        .unwrap()
        .split('@')
        .next()
        .unwrap()
        .to_owned()
}

/// The same stretches on every day.
fn daily(of: &[(&str, &str)]) -> Value {
    json!({ "week": vec![spans(of); 7] })
}

/// The same from Monday to Friday.
fn weekdays(of: &[(&str, &str)]) -> Value {
    let mut week = vec![spans(of); 5];
    week.extend([json!([]), json!([])]);
    json!({ "week": week })
}

async fn put(by: &Browser, path: &str, version: i64, body: &Value) -> ronda_testkit::Answer {
    let request = by
        .request("PUT", path)
        .header("if-match", format!("\"{version}\""))
        .json(body);
    by.send(request).await
}

async fn set(app: &TestApp, by: &Browser, scope: &str, hours: Value) -> Value {
    let path = format!("/business-hours/{scope}");
    let version = by.get(&path).await.expect(200)["version"].as_i64().unwrap();
    let saved = put(by, &path, version, &hours).await.expect(200);
    app.settled().await;
    saved
}

async fn say(app: &TestApp, by: &Browser, scope: &str, mut message: Value) -> Value {
    let path = format!("/after-hours-messages/{scope}");
    let version = by.get(&path).await.expect(200)["version"].as_i64().unwrap();
    message["enabled"] = true.into();
    let saved = put(by, &path, version, &message).await.expect(200);
    app.settled().await;
    saved
}

async fn conversation(owner: &Browser, number: i64) -> Value {
    owner.get(&format!("/conversations/{number}")).await.expect(200)
}

/// What a customer was told by nobody in person.
async fn automatic(owner: &Browser, conversation: i64) -> Vec<String> {
    let messages = owner
        .get(&format!("/conversations/{conversation}/messages"))
        .await
        .expect(200);
    let all = messages["items"].as_array().unwrap().iter();
    all.filter(|m| m["author"] == "automatic")
        .map(|m| m["content"]["text"].as_str().unwrap().to_owned())
        .collect()
}

fn text(text: &str) -> Value {
    json!({ "client_id": uuid::Uuid::now_v7().to_string(), "content": { "type": "text", "text": text } })
}

/// Milliseconds from now to a time in an answer.
fn ahead(app: &TestApp, at: &Value) -> i64 {
    at.as_i64().unwrap_or_else(|| panic!("no time: {at}")) - app.clock.now().0
}

/// Within some seconds: the machine takes its time.
#[track_caller]
fn about(found: i64, expected: i64) {
    let off = (found - expected).abs();
    assert!(
        off < 45 * Ms::SECOND,
        "{} min, not {} min",
        found / Ms::MINUTE,
        expected / Ms::MINUTE
    );
}

api_suite! {
    /// Given transfer to a group outside hours, then the chat waits there with after-hours behaviour and the sender is
    /// told: the answer says until when it waits, and what the customer reads says so too.
    async fn ag_11_2_a_transfer_to_a_closed_group_waits_and_says_until_when(app) {
        let owner = app.owner().await;
        let (ana, luis) = (app.member("ana", Role::Agent).await, app.member("luis", Role::Agent).await);
        let noche = owner.post("/groups", json!({ "name": "Noche", "members": [luis.agent] })).await.expect(201);
        let scope = format!("group-{}", noche["id"]);
        until(app, TUE, "12:00");
        // Half a week may have passed: sessions are over.
        let (owner, ana) = (app.sign_in("olga").await, app.sign_in(&address(&ana)).await);
        set(app, &owner, &scope, daily(&[("20:00", "23:00")])).await;
        say(app, &owner, &scope, json!({ "texts": { "es": "Noche: {{next_opening}}." } })).await;
        app.policy(&owner, "support", json!({ "excluded": [owner.agent, luis.agent] })).await;
        let _screen = ana.screen(None).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["owner"]["id"], ana.agent.0);
        let transfer = json!({ "to": { "group": noche["id"] } });
        let moved = ana.post("/conversations/1/transfer", transfer).await.expect(200)["conversation"].clone();
        assert_eq!((&moved["place"], &moved["group"]["name"]), (&json!("waiting"), &json!("Noche")));
        let (now, shut) = (app.clock.now().0, &moved["closed_spans"][0]);
        assert!(shut["from"].as_i64().unwrap() <= now, "{moved}");
        about(ahead(app, &shut["to"]), 8 * Ms::HOUR);
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["place"], "waiting", "nobody gets it while it is closed");
        assert_eq!(automatic(&owner, 1).await, ["Noche: hoy a las 20:00."]);
    }

    /// Given 09:00–13:00 and 14:00–18:00, then 13:30 is closed and clocks stop.
    async fn cp_9_1_a_pause_at_noon_stops_the_clocks(app) {
        until(app, MON, "12:59");
        let owner = app.owner().await;
        app.member("ana", Role::Agent).await;
        app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 600 })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "13:00"), ("14:00", "18:00")])).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        let before = conversation(&owner, 1).await;
        let noon = before["closed_spans"][0].clone();
        about(ahead(app, &noon["from"]), Ms::MINUTE);
        about(ahead(app, &noon["to"]), Ms::MINUTE + Ms::HOUR);
        about(ahead(app, &before["rotate_at"]), 70 * Ms::MINUTE);
        app.advance(31 * Ms::MINUTE);
        app.settled().await;
        let state = owner.get("/business-hours/workspace").await.expect(200)["state"].clone();
        assert_eq!((&state["open"], &state["opens_at"]), (&json!(false), &noon["to"]));
        assert_eq!(conversation(&owner, 1).await["owner"], before["owner"]);
        app.advance(37 * Ms::MINUTE);
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["owner"], before["owner"], "two minutes are left");
        app.advance(3 * Ms::MINUTE);
        app.settled().await;
        assert_ne!(conversation(&owner, 1).await["owner"], before["owner"]);
    }

    /// Given a holiday exception added at 10:00 for today, then rotation clocks pause at once and the widget shows closed.
    async fn cp_9_3_a_holiday_of_today_pauses_at_once(app) {
        until(app, MON, "10:00");
        let owner = app.owner().await;
        app.member("ana", Role::Agent).await;
        app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 600 })).await;
        let saved = set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        let first = conversation(&owner, 1).await;
        about(ahead(app, &first["rotate_at"]), 10 * Ms::MINUTE);
        app.advance(4 * Ms::MINUTE);
        let mut closed = daily(&[("09:00", "18:00")]);
        closed["exceptions"] = json!([{ "name": "Asueto", "date": date(app, 0) }]);
        let now = put(&owner, "/business-hours/workspace", saved["version"].as_i64().unwrap(), &closed).await.expect(200);
        assert_eq!(now["state"]["open"], false);
        app.settled().await;
        let paused = conversation(&owner, 1).await;
        let tomorrow = 23 * Ms::HOUR - 4 * Ms::MINUTE;
        about(ahead(app, &paused["closed_spans"].as_array().unwrap().last().unwrap()["to"]), tomorrow);
        about(ahead(app, &paused["rotate_at"]), tomorrow + 6 * Ms::MINUTE);
        let site = app.browser().outside("GET", &format!("/chat/v1/sites/{key}"));
        let site = app.browser().send(site).await.expect(200);
        assert_eq!((&site["open"], &site["opens_at"]), (&json!(false), &now["state"]["opens_at"]));
        // Who writes now is told once, although the day began open.
        say(app, &owner, "workspace", json!({ "texts": { "es": "Volvemos {{next_opening}}." } })).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        assert_eq!(automatic(&owner, 2).await, ["Volvemos mañana a las 09:00."]);
    }

    /// Given group hours differing from workspace hours, then the group's decide for its chats.
    async fn cp_9_4_the_hours_of_a_group_decide_for_its_chats(app) {
        until(app, MON, "20:00");
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Guardia", "members": [ana.agent] })).await.expect(201)["id"].clone();
        let (_, day) = app.web_chat(&owner, json!({})).await;
        let (_, night) = app.web_chat(&owner, json!({ "default_group": group })).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        set(app, &owner, &format!("group-{group}"), daily(&[("18:00", "24:00")])).await;
        app.visitor(&day).await.writes("De día").await;
        app.visitor(&night).await.writes("De noche").await;
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["place"], "waiting");
        assert_eq!(conversation(&owner, 2).await["owner"]["id"], ana.agent.0);
    }

    /// Given Sunday 22:00–Monday 06:00, then Monday 05:59 is open.
    async fn cp_9_5_a_night_reaches_into_the_next_day(app) {
        until(app, MON, "05:59");
        let owner = app.owner().await;
        let mut week = vec![json!([]); 7];
        week[SUN as usize] = spans(&[("22:00", "06:00")]);
        let mut hours = json!({ "week": week });
        let problem = put(&owner, "/business-hours/workspace", 0, &hours).await.problem(409, "needs_confirmation").body;
        assert_eq!((&problem["reason"], &problem["findings"]["overnight"]), (&json!("overnight"), &json!(["/week/6/0"])));
        hours["confirm"] = true.into();
        let saved = put(&owner, "/business-hours/workspace", 0, &hours).await.expect(200);
        assert_eq!(saved["state"]["open"], true);
        about(ahead(app, &saved["state"]["closes_at"]), Ms::MINUTE);
        app.advance(Ms::MINUTE);
        let state = owner.get("/business-hours/workspace").await.expect(200)["state"].clone();
        assert_eq!(state["open"], false);
        about(ahead(app, &state["opens_at"]), 6 * Ms::DAY + 16 * Ms::HOUR);
        // What was confirmed once is not asked again.
        hours["confirm"] = false.into();
        hours["exceptions"] = json!([{ "date": "2030-01-01", "spans": [{ "from": "10:00", "to": "12:00" }] }]);
        put(&owner, "/business-hours/workspace", 1, &hours).await.expect(200);
    }

    async fn cp_9_wrong_hours_are_named(app) {
        let owner = app.owner().await;
        let path = "/business-hours/workspace";
        let save = |body: Value| { let owner = &owner; async move { put(owner, path, 0, &body).await } };
        save(json!({ "week": [[]] })).await.wrong("/week", "seven_days");
        let mut zone = daily(&[("09:00", "18:00")]);
        zone["zone"] = "America/Atlantis".into();
        save(zone).await.wrong("/zone", "zone");
        save(daily(&[("9:00", "18:00")])).await.wrong("/week/0/0/from", "time");
        save(daily(&[("09:00", "24:30")])).await.wrong("/week/6/0/to", "time");
        save(daily(&[("09:00", "09:00")])).await.wrong("/week/0/0/to", "empty");
        save(daily(&[("09:00", "10:00"); 49])).await.wrong("/week/0", "too_many");
        let with = |exceptions: Value| { let mut hours = daily(&[("09:00", "18:00")]); hours["exceptions"] = exceptions; hours };
        save(with(json!([{ "date": "2026-02-30" }]))).await.wrong("/exceptions/0/date", "date");
        save(with(json!([{ "date": "2026-1-1" }]))).await.wrong("/exceptions/0/date", "date");
        save(with(json!([{ "date": "2026-12-25" }, { "date": "2026-12-25" }]))).await.wrong("/exceptions/1/date", "taken");
        save(with(json!([{ "date": "2025-12-25", "yearly": true }, { "date": "2026-12-25", "yearly": true }]))).await.wrong("/exceptions/1/date", "taken");
        save(with(json!([{ "date": "2026-12-25", "name": "x".repeat(81) }]))).await.wrong("/exceptions/0/name", "too_long");
        save(with(json!([{ "date": "2026-12-25", "spans": [{ "from": "x", "to": "10:00" }] }]))).await.wrong("/exceptions/0/spans/0/from", "time");
        save(json!({ "week": vec![json!([]); 7], "colour": "red" })).await.wrong("/colour", "unknown");
        for scope in ["nowhere", "group-1", "channel-99", "group-x", "workspace-1"] {
            owner.get(&format!("/business-hours/{scope}")).await.problem(404, "not_found");
            put(&owner, &format!("/business-hours/{scope}"), 0, &daily(&[])).await.problem(404, "not_found");
        }
        let request = owner.request("PUT", path).json(&daily(&[]));
        owner.send(request).await.problem(428, "version_required");
        owner.delete(path).await.problem(404, "not_found");
        assert_eq!(owner.get(path).await.expect(200)["state"]["always"], true, "nothing was saved");
    }

    async fn cp_9_overlapping_stretches_are_merged_with_a_notice(app) {
        let owner = app.owner().await;
        let mut hours = daily(&[("12:00", "18:00"), ("09:00", "13:00")]);
        let seen = owner.post("/business-hours/preview", hours.clone()).await.expect(200);
        assert_eq!(seen["notices"].as_array().unwrap().len(), 7);
        let saved = put(&owner, "/business-hours/workspace", 0, &hours).await.expect(200);
        assert_eq!(saved["week"][0], spans(&[("09:00", "18:00")]));
        assert_eq!(saved["notices"][0], json!({ "code": "merged", "pointer": "/week/0" }));
        assert_eq!(owner.get("/business-hours/workspace").await.expect(200)["notices"], json!([]));
        // Two editors of one version: the second is told.
        hours["zone"] = "America/Lima".into();
        put(&owner, "/business-hours/workspace", 1, &hours).await.expect(200);
        put(&owner, "/business-hours/workspace", 1, &hours).await.problem(412, "version_mismatch");
        put(&owner, "/business-hours/workspace", 0, &hours).await.problem(412, "version_mismatch");
        // At once: one of them is first.
        let first = put(&owner, "/business-hours/workspace", 2, &hours);
        let second = put(&owner, "/business-hours/workspace", 2, &hours);
        let (first, second) = tokio::join!(first, second);
        let mut both = [first.status, second.status];
        both.sort_unstable();
        assert_eq!(both, [200, 412]);
        let audit = owner.get("/audit-entries").await.expect(200);
        assert_eq!((&audit["items"][1]["object"], &audit["items"][1]["after"]["zone"]), (&json!("business-hours"), &json!("America/Lima")));
    }

    async fn cp_9_a_year_is_shown_before_it_is_saved(app) {
        until(app, MON, "10:00");
        let owner = app.owner().await;
        let mut hours = weekdays(&[("09:00", "18:00")]);
        hours["year"] = 2026.into();
        hours["exceptions"] = json!([
            { "name": "Navidad", "date": "2020-12-25", "yearly": true },
            { "name": "Media jornada", "date": "2026-12-24", "spans": [{ "from": "09:00", "to": "12:00" }] },
        ]);
        let seen = owner.post("/business-hours/preview", hours).await.expect(200);
        let days = seen["days"].as_array().unwrap();
        assert_eq!(days.len(), 365);
        let day = |date: &str| days.iter().find(|d| d["date"] == date).unwrap().clone();
        assert_eq!(day("2026-12-23"), json!({ "date": "2026-12-23", "open_minutes": 540, "exception": null }));
        assert_eq!(day("2026-12-24"), json!({ "date": "2026-12-24", "open_minutes": 180, "exception": "Media jornada" }));
        assert_eq!(day("2026-12-25"), json!({ "date": "2026-12-25", "open_minutes": 0, "exception": "Navidad" }));
        assert_eq!((&seen["state"]["open"], &seen["state"]["opens_at"]), (&json!(true), &Value::Null));
        about(ahead(app, &seen["state"]["closes_at"]), 8 * Ms::HOUR);
        let mut far = daily(&[]);
        far["year"] = 9_999.into();
        owner.post("/business-hours/preview", far).await.wrong("/year", "out_of_range");
    }

    async fn cp_9_holidays_come_from_a_country_or_a_file(app) {
        let owner = app.owner().await;
        let set = owner.get("/holidays?country=AR&year=2026").await.expect(200);
        let names: Vec<_> = set["items"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"Viernes Santo") && names.contains(&"Navidad"), "{names:?}");
        assert_eq!(set["leaves_out"], json!(["bridge_days", "regional"]));
        let mut hours = daily(&[("09:00", "18:00")]);
        hours["exceptions"] = set["items"].clone();
        put(&owner, "/business-hours/workspace", 0, &hours).await.expect(200);
        owner.get("/holidays?country=US&year=2026").await.wrong("/query/country", "unknown");
        owner.get("/holidays?country=AR&year=1900").await.wrong("/query/year", "out_of_range");
        let file = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Navidad\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let read = owner.post("/holidays/calendar", json!({ "text": file })).await.expect(200);
        assert_eq!(read["items"], json!([{ "name": "Navidad", "date": "2026-12-25", "yearly": true, "spans": [] }]));
        owner.post("/holidays/calendar", json!({ "text": "no" })).await.wrong("/text", "format");
    }

    /// Three messages at night, one after-hours message; the next night another.
    async fn cp_10_1_once_per_conversation_and_closed_period(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        say(app, &owner, "workspace", json!({ "texts": { "es": "Cerrado. Abrimos {{next_opening}}.", "en": "Closed" } })).await;
        let ana = app.visitor(&key).await;
        for text in ["Hola", "¿Hay alguien?", "?"] {
            ana.writes(text).await;
            app.advance(Ms::MINUTE);
        }
        app.settled().await;
        assert_eq!(automatic(&owner, 1).await, ["Cerrado. Abrimos mañana a las 09:00."]);
        let c = conversation(&owner, 1).await;
        assert_eq!((&c["place"], c["rotate_at"].is_null()), (&json!("waiting"), true));
        assert!(c["owed_since"].is_i64(), "it is no answer");
        let told = ana.reads(0).await;
        assert_eq!(told["items"].as_array().unwrap().len(), 4);
        about(ahead(app, &told["conversation"]["opens_at"]), 11 * Ms::HOUR - 3 * Ms::MINUTE);
        // By day nothing; in the next night once more.
        app.advance(12 * Ms::HOUR);
        let owner = app.sign_in("olga").await;
        ana.writes("Buen día").await;
        assert_eq!(automatic(&owner, 1).await.len(), 1);
        app.advance(11 * Ms::HOUR);
        ana.writes("Sigo acá").await;
        ana.writes("?").await;
        assert_eq!(automatic(&owner, 1).await.len(), 2);
        app.settled().await;
    }

    /// Given the hand-over at 17:59 and hours to 18:00, then no message; the clock pauses with one minute used.
    async fn cp_10_2_a_minute_before_closing_nothing_is_said(app) {
        until(app, MON, "17:59");
        let owner = app.owner().await;
        app.member("ana", Role::Agent).await;
        app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 600 })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        say(app, &owner, "workspace", json!({ "held": false, "texts": { "es": "Cerrado" } })).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola").await;
        app.settled().await;
        let c = conversation(&owner, 1).await;
        about(ahead(app, &c["rotate_at"]), 15 * Ms::HOUR + 10 * Ms::MINUTE);
        app.advance(2 * Ms::HOUR);
        visitor.writes("¿Hola?").await;
        app.settled().await;
        assert_eq!(automatic(&owner, 1).await, Vec::<String>::new(), "not to chats that are held: so it is set");
        let later = conversation(&owner, 1).await;
        assert_eq!((&later["owner"], &later["rotate_at"]), (&c["owner"], &c["rotate_at"]));
        // With the option, as it is by itself, they are told.
        say(app, &owner, "workspace", json!({ "texts": { "es": "Cerrado" } })).await;
        visitor.writes("¿Hola?").await;
        visitor.writes("¿Hola?").await;
        assert_eq!(automatic(&owner, 1).await, ["Cerrado"]);
        assert!(conversation(&owner, 1).await["owed_since"].is_i64(), "it is no answer");
    }

    /// Given variables without value, then the fallback text is used, never an empty gap or braces.
    async fn cp_10_3_a_missing_name_is_replaced(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        set(app, &owner, "workspace", json!({ "week": vec![json!([]); 7] })).await;
        let texts = json!({ "es": "Hola {{customer.name}}: {{ customer.first_name or 'che' }}, abrimos {{next_opening}}." });
        say(app, &owner, "workspace", json!({ "texts": texts })).await;
        app.visitor(&key).await.writes("Hola").await;
        assert_eq!(automatic(&owner, 1).await, ["Hola cliente: che, abrimos apenas volvamos."]);
        let seen = owner.post("/after-hours-messages/preview", json!({ "scope": "workspace", "texts": texts, "customer_name": "Ana Ruiz" }));
        assert_eq!(seen.await.expect(200)["texts"]["es"], "Hola Ana Ruiz: Ana, abrimos apenas volvamos.");
        let path = "/after-hours-messages/workspace";
        let save = |texts: Value| { let owner = &owner; async move { put(owner, path, 1, &json!({ "enabled": true, "texts": texts })).await } };
        save(json!({ "es": "x".repeat(1_001) })).await.wrong("/texts/es", "too_long");
        save(json!({ "es": "Hola {{customer.name" })).await.wrong("/texts/es", "braces");
        save(json!({ "es": "Hola {{customer.age}}" })).await.wrong("/texts/es", "unknown_variable");
        save(json!({ "fr": "Salut" })).await.wrong("/texts/fr", "language");
        save(json!({})).await.wrong("/texts", "required");
        put(&owner, path, 0, &json!({ "enabled": false })).await.problem(412, "version_mismatch");
        owner.delete(path).await.ok();
        owner.delete(path).await.problem(404, "not_found");
    }

    /// Given opening with 20 waiting, then they are assigned oldest first under the ramp.
    async fn cp_10_4_at_opening_the_oldest_come_first_under_the_ramp(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 3600 })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        for _ in 0..20 {
            app.visitor(&key).await.writes("Hola").await;
        }
        app.settled().await;
        let counts = owner.get("/conversations/counts").await.expect(200);
        assert_eq!((&counts["unassigned"]["active"], &counts["agents"]["active"]), (&json!(20), &json!(0)));
        until(app, TUE, "09:00");
        app.settled().await;
        let held = |list: Value| {
            let mut numbers: Vec<i64> = list["items"].as_array().unwrap().iter().map(|c| c["number"].as_i64().unwrap()).collect();
            numbers.sort_unstable();
            numbers
        };
        let olga = app.sign_in("olga").await;
        let first = held(olga.get("/conversations?tray=agents").await.expect(200));
        assert_eq!(first, [1, 2, 3], "three at once, the oldest");
        app.advance(61 * Ms::SECOND);
        app.settled().await;
        assert_eq!(held(olga.get("/conversations?tray=agents").await.expect(200)), [1, 2, 3, 4]);
    }

    async fn cp_10_the_most_specific_message_and_language_are_said(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [] })).await.expect(201)["id"].clone();
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        let (english, en) = app.web_chat(&owner, json!({ "settings": { "language": "en" } })).await;
        let (_, plain) = app.web_chat(&owner, json!({})).await;
        let (_, grouped) = app.web_chat(&owner, json!({ "default_group": group })).await;
        say(app, &owner, "workspace", json!({ "texts": { "es": "Empresa", "en": "Company" } })).await;
        say(app, &owner, &format!("group-{group}"), json!({ "texts": { "es": "Ventas" } })).await;
        for (n, (key, expect)) in [(&en, "Company"), (&plain, "Empresa"), (&grouped, "Ventas")].into_iter().enumerate() {
            app.visitor(key).await.writes("Hola").await;
            assert_eq!(automatic(&owner, n as i64 + 1).await, [expect]);
        }
        // A channel may say nothing where the workspace does.
        let quiet = format!("/after-hours-messages/channel-{english}");
        put(&owner, &quiet, 0, &json!({ "enabled": false })).await.expect(200);
        app.visitor(&en).await.writes("Hola").await;
        assert_eq!(automatic(&owner, 4).await, Vec::<String>::new());
        assert_eq!(owner.get("/after-hours-messages").await.expect(200)["items"].as_array().unwrap().len(), 3);
        app.settled().await;
    }

    /// Keep with the bot: nobody waits; by day the greeter hands over.
    async fn cp_10_it_may_stay_with_the_bot(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let greeter = json!({ "text": "¡Hola! ¿En qué ayudamos?", "handover": "first_message" });
        let (_, key) = app.web_chat(&owner, json!({ "greeter": greeter })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        say(app, &owner, "workspace", json!({ "then": "bot", "texts": { "es": "No hay nadie hasta {{next_opening}}." } })).await;
        let ana = app.visitor(&key).await;
        for text in ["Hola", "Quiero comprar", "?"] {
            ana.writes(text).await;
        }
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["place"], "bot");
        assert_eq!(automatic(&owner, 1).await, ["No hay nadie hasta mañana a las 09:00."]);
        app.advance(12 * Ms::HOUR);
        let owner = app.sign_in("olga").await;
        ana.writes("Buen día").await;
        app.settled().await;
        let c = conversation(&owner, 1).await;
        assert_eq!(c["place"], "waiting");
        about(-ahead(app, &c["owed_since"]), 0);
    }

    /// Close with a message: nobody's tray has it, and more of the same night is not answered again.
    async fn cp_10_it_may_be_closed_with_the_message(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        say(app, &owner, "workspace", json!({ "then": "close", "texts": { "es": "Escribinos {{next_opening}}." } })).await;
        let ana = app.visitor(&key).await;
        ana.writes("Hola").await;
        app.settled().await;
        let c = conversation(&owner, 1).await;
        assert_eq!((&c["place"], &c["close_reason"]), (&json!("closed"), &json!("after_hours")));
        ana.writes("¿Hola?").await;
        ana.writes("¿?").await;
        app.settled().await;
        assert_eq!(automatic(&owner, 1).await, ["Escribinos mañana a las 09:00."]);
        assert_eq!(owner.get("/conversations/1/messages").await.expect(200)["items"].as_array().unwrap().iter().filter(|m| m["direction"] == "in").count(), 3);
        owner.get("/conversations/2").await.problem(404, "not_found");
        app.advance(12 * Ms::HOUR);
        let owner = app.sign_in("olga").await;
        ana.writes("Buen día").await;
        app.settled().await;
        assert_eq!(conversation(&owner, 2).await["place"], "waiting");
    }

    async fn row_37_the_clock_pauses_at_closing_and_goes_on_at_opening(app) {
        until(app, MON, "17:55");
        let owner = app.owner().await;
        app.member("ana", Role::Agent).await;
        app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 600 })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        let owner_of = |c: Value| c["owner"]["id"].clone();
        let first = owner_of(conversation(&owner, 1).await);
        until(app, TUE, "09:04");
        app.settled().await;
        let olga = app.sign_in("olga").await;
        assert_eq!(owner_of(conversation(&olga, 1).await), first, "five minutes of the day before, four of this");
        app.advance(150 * Ms::SECOND);
        app.settled().await;
        assert_ne!(owner_of(conversation(&olga, 1).await), first);
    }

    async fn row_38_what_arrives_at_night_waits_without_a_clock(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        let c = conversation(&owner, 1).await;
        assert_eq!((&c["place"], &c["rotate_at"]), (&json!("waiting"), &Value::Null));
        about(ahead(app, &c["closed_spans"][0]["to"]), 11 * Ms::HOUR);
        let why = owner.get("/conversations/1/routing").await.expect(200);
        let lost = why["why_waiting"]["lost"].as_array().unwrap();
        assert!(lost.iter().any(|l| l["reason"] == "closed" && l["count"] == 1), "{why}");
        until(app, TUE, "09:00");
        app.settled().await;
        let olga = app.sign_in("olga").await;
        let c = conversation(&olga, 1).await;
        assert_eq!(c["owner"]["id"], ana.agent.0);
        about(ahead(app, &c["rotate_at"]), Ms::MINUTE);
    }

    async fn row_39_people_work_past_closing(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        let visitor = app.visitor(&key).await;
        visitor.writes("Hola").await;
        app.settled().await;
        ana.post("/conversations/1/take", json!({})).await.expect(200);
        ana.post("/conversations/1/messages", text("Sigo acá")).await.expect(201);
        ana.post("/conversations/1/close", json!({})).await.expect(200);
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["place"], "closed");
    }

    /// A change of the workspace's zone in the middle of a day moves what is left of the clocks.
    async fn row_41_another_zone_moves_the_clocks(app) {
        until(app, MON, "16:59");
        let owner = app.owner().await;
        app.member("ana", Role::Agent).await;
        app.member("berta", Role::Agent).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent], "reassign_seconds": 600 })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        about(ahead(app, &conversation(&owner, 1).await["rotate_at"]), 10 * Ms::MINUTE);
        // Noronha is an hour ahead: it closes there in a minute.
        let workspace = owner.get("/workspace").await.expect(200);
        owner.patch("/workspace", workspace["version"].as_i64().unwrap(), json!({ "zone": "America/Noronha" })).await.expect(200);
        app.settled().await;
        let c = conversation(&owner, 1).await;
        about(ahead(app, &c["rotate_at"]), 15 * Ms::HOUR + 10 * Ms::MINUTE);
    }

    /// Most specific wins: group, then channel, then workspace; without any it is always open.
    async fn row_42_group_then_channel_then_workspace(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let berta = app.member("berta", Role::Agent).await;
        let (channel, key) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "sales", json!({ "excluded": [owner.agent] })).await;
        let group = owner.post("/groups", json!({ "name": "Guardia", "members": [ana.agent, berta.agent] })).await.expect(201)["id"].clone();
        let inherited = owner.get(&format!("/business-hours/channel-{channel}")).await.expect(200);
        assert_eq!((&inherited["from"], &inherited["state"]["always"]), (&Value::Null, &json!(true)));
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        let inherited = owner.get(&format!("/business-hours/channel-{channel}")).await.expect(200);
        assert_eq!((&inherited["from"], &inherited["version"]), (&json!("workspace"), &json!(0)));
        let site = |open: bool| { let key = &key; async move {
            let request = app.browser().outside("GET", &format!("/chat/v1/sites/{key}"));
            assert_eq!(app.browser().send(request).await.expect(200)["open"], open);
        } };
        site(false).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["place"], "waiting");
        // The channel is open at night: what waits is released at once.
        set(app, &owner, &format!("channel-{channel}"), daily(&[("18:00", "24:00")])).await;
        site(true).await;
        assert_eq!(conversation(&owner, 1).await["place"], "held");
        // The group is not: what goes there waits.
        set(app, &owner, &format!("group-{group}"), daily(&[("09:00", "18:00")])).await;
        let sent = owner.post("/conversations/1/transfer", json!({ "to": { "group": group } })).await.expect(200);
        about(ahead(app, &sent["conversation"]["closed_spans"][0]["to"]), 11 * Ms::HOUR);
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["place"], "waiting");
        // Without hours of its own it goes by those of its channel.
        owner.delete(&format!("/business-hours/group-{group}")).await.ok();
        app.settled().await;
        assert_eq!(conversation(&owner, 1).await["place"], "held");
        owner.delete(&format!("/business-hours/channel-{channel}")).await.ok();
        owner.delete("/business-hours/workspace").await.ok();
        app.settled().await;
        site(true).await;
        // Hours go with what they belong to.
        let other = owner.post("/groups", json!({ "name": "Otra" })).await.expect(201)["id"].clone();
        set(app, &owner, &format!("group-{other}"), daily(&[("09:00", "18:00")])).await;
        assert_eq!(owner.get("/business-hours").await.expect(200)["items"].as_array().unwrap().len(), 2);
        owner.delete(&format!("/groups/{other}")).await.ok();
        app.settled().await;
        assert_eq!(owner.get("/business-hours").await.expect(200)["items"].as_array().unwrap().len(), 1);
    }

    /// What is transferred at night waits, and its customer is told.
    async fn cp_10_a_transfer_while_closed_tells_the_customer(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let group = owner.post("/groups", json!({ "name": "Ventas", "members": [ana.agent] })).await.expect(201)["id"].clone();
        let (_, key) = app.web_chat(&owner, json!({})).await;
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        say(app, &owner, "workspace", json!({ "texts": { "es": "Te responden {{next_opening}}." } })).await;
        owner.post("/conversations/1/transfer", json!({ "to": { "group": group } })).await.expect(200);
        app.settled().await;
        assert_eq!(automatic(&owner, 1).await, ["Te responden mañana a las 09:00."]);
        assert!(conversation(&owner, 1).await["owed_since"].is_i64(), "it is no answer");
    }

    /// Sixty days are told; each midnight adds one, so that hours never run out.
    async fn plat_11_1_midnight_renews_what_the_engine_knows(app) {
        until(app, MON, "23:59");
        let owner = app.owner().await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        let w = app.workspace().await;
        let last = || async {
            let open: Vec<_> = app.app.db.read("open", move |tx| ronda_storage::hours::open(tx, w)).await.unwrap();
            let spans: Value = serde_json::from_str(&open[0].1).unwrap();
            spans["spans"].as_array().unwrap().last().unwrap()[1].as_i64().unwrap()
        };
        let first = last().await;
        assert!((59 * Ms::DAY..61 * Ms::DAY).contains(&(first - app.clock.now().0)));
        for _ in 0..3 {
            app.advance(Ms::DAY);
            ronda_server::workers::timers::step(&app.app).await.unwrap();
            app.settled().await;
        }
        assert_eq!(last().await, first + 3 * Ms::DAY);
        // Asleep for longer than it knows: the first step tells all of it.
        app.advance(90 * Ms::DAY);
        ronda_server::workers::timers::step(&app.app).await.unwrap();
        app.settled().await;
        assert!(last().await > app.clock.now().0 + 59 * Ms::DAY);
    }

    /// Given rules of zones that may be newer, then a start tells the engine again.
    async fn plat_11_1_a_start_compiles_anew(app) {
        until(app, MON, "10:00");
        let owner = app.owner().await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        let w = app.workspace().await;
        // What an older version of the rules had made of it.
        let key = ronda_storage::hours::ScopeKey { kind: "workspace".into(), id: 0 };
        let stale: Result<u64, ronda_storage::StoreError> = app.app.db.write("stale", ronda_storage::Lane::Interactive, move |tx| {
            ronda_storage::hours::set_open(tx, w, &key, Some("{\"spans\":[]}"))
        }).await;
        stale.unwrap();
        let renewed: ronda_server::app::AppResult<()> = app.app.db.write("start", ronda_storage::Lane::Background, ronda_server::app::hours::renew_all).await;
        renewed.unwrap();
        app.settled().await;
    }

    /// Given closed hours with "form", then the form creates a waiting conversation and tells when someone will answer.
    async fn cp_3_5_a_form_waits_and_says_when_somebody_answers(app) {
        until(app, MON, "22:00");
        let owner = app.owner().await;
        let greeter = json!({ "text": "¡Hola!", "handover": "words", "words": ["persona"] });
        let (_, key) = app.web_chat(&owner, json!({ "greeter": greeter, "settings": { "when_closed": "form" } })).await;
        set(app, &owner, "workspace", daily(&[("09:00", "18:00")])).await;
        let request = app.browser().outside("GET", &format!("/chat/v1/sites/{key}"));
        let site = app.browser().send(request).await.expect(200);
        assert_eq!((&site["open"], &site["when_closed"]), (&json!(false), &json!("form")));
        let visitor = app.visitor(&key).await;
        let form = |name: &str, email: &str| json!({ "client_id": uuid::Uuid::now_v7().to_string(), "text": "¿Tienen el libro?",
            "form": { "name": name, "email": email } });
        visitor.calls("POST", "messages", form("", "ana@example.com")).await.wrong("/form/name", "required");
        visitor.calls("POST", "messages", form("Ana", "ana")).await.wrong("/form/email", "email");
        visitor.calls("POST", "messages", form(&"x".repeat(121), "")).await.wrong("/form/name", "too_long");
        let sent = form("Ana", "ana@example.com");
        visitor.calls("POST", "messages", sent.clone()).await.expect(201);
        visitor.calls("POST", "messages", sent).await.expect(201);
        app.settled().await;
        let c = conversation(&owner, 1).await;
        assert_eq!((&c["place"], &c["customer"]["name"]), (&json!("waiting"), &json!("Ana")));
        let customer = owner.get(&format!("/customers/{}", c["customer"]["id"])).await.expect(200);
        assert_eq!(customer["email"], "ana@example.com");
        let seen = visitor.reads(0).await;
        assert_eq!(seen["items"].as_array().unwrap().len(), 1, "sent twice, stored once");
        assert_eq!(seen["conversation"]["opens_at"], site["opens_at"]);
        about(ahead(app, &site["opens_at"]), 11 * Ms::HOUR);
    }
}
