//! Agents who are told by push, and who stay available by it (spec AG-3, AG-4, AG-5; routing row 58). The push service and
//! the browsers are the test's own: what arrives is read with their keys.

use ronda_domain::Ms;
use ronda_domain::permission::Role;
use ronda_testkit::{Browser, Engine, PushBrowser, PushService, Received, TestApp, eventually};
use serde_json::{Value, json};

/// As `api_suite!`, on a server that may call the push service of the test.
macro_rules! push_suite {
    ($($(#[$doc:meta])* async fn $name:ident($app:ident, $service:ident) $body:block)*) => {
        $($(#[$doc])* async fn $name($app: &TestApp, $service: &PushService) $body)*
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::run(super::Engine::Sqlite, async |a, s| super::$name(a, s).await).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::run(super::Engine::Postgres, async |a, s| super::$name(a, s).await).await; })*
        }
    };
}

async fn run(engine: Engine, test: impl AsyncFnOnce(&TestApp, &PushService)) {
    let service = PushService::start().await;
    let services = format!("fcm.googleapis.com, {}", service.address);
    let app = TestApp::start_with(engine, &[("push.services", &services)]).await;
    test(&app, &service).await;
}

/// Waits until the log is read to its end and everything it asked for is sent: nothing else was.
async fn nothing_more(app: &TestApp, service: &PushService) {
    let left =
        "select count(*) from consumer_cursor as c, event_head as h where h.workspace = c.workspace and h.seq > c.seq
        union all select count(*) from push_job";
    eventually("the log is read", async || {
        let read = app
            .app
            .db
            .read("left", move |tx| tx.query_dynamic(left, &[], |r| r.i(0)));
        let counts: Vec<i64> = read.await.expect("the counts");
        (counts == [0, 0]).then_some(())
    })
    .await;
    let rest = service.rest().await;
    assert!(rest.is_empty(), "{rest:?}");
}

/// Ana, the only one who is given anything, with a phone that is told by push; and the key of the web chat.
struct Desk {
    owner: Browser,
    ana: Browser,
    phone: PushBrowser,
    device: i64,
    site: String,
    public_key: String,
}

impl Desk {
    async fn open(app: &TestApp, service: &PushService) -> Self {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let (_, site) = app.web_chat(&owner, json!({})).await;
        app.policy(&owner, "support", json!({ "excluded": [owner.agent] }))
            .await;
        let phone = PushBrowser::new(service, "ana");
        let device = ana
            .put("/me/push-devices", phone.subscription("Mi teléfono"))
            .await
            .expect(200);
        assert_eq!(device["current"], true);
        let settings = ana.get("/me/push").await.expect(200);
        Self {
            owner,
            ana,
            phone,
            device: device["id"].as_i64().unwrap(),
            site,
            public_key: settings["public_key"].as_str().unwrap().to_owned(),
        }
    }

    fn reads(&self, push: &Received) -> Value {
        self.phone.reads(push, &self.public_key)
    }

    async fn agent(&self) -> Value {
        let agents = self.owner.get("/agents").await.expect(200);
        let list = agents["items"].as_array().unwrap();
        list.iter().find(|a| a["id"] == self.ana.agent.0).unwrap().clone()
    }

    /// Ana's screen was open and is closed; the grace of the connection is over.
    async fn leaves(&self, app: &TestApp) {
        let mut watching = self.owner.screen(None).await;
        let screen = self.ana.screen(None).await;
        watching
            .until("agent.state", |a| a["id"] == self.ana.agent.0 && a["state"] == "online")
            .await;
        app.leaves(screen, self.ana.agent).await;
        app.advance(60_000);
        assert_eq!(self.agent().await["state"], "online");
        app.advance(150_000);
        let changed = |a: &Value| a["id"] == self.ana.agent.0 && (a["by_push"] == true || a["state"] == "offline");
        watching.until("agent.state", changed).await;
    }
}

push_suite! {
    /// Given an installed app in the background, when a chat is assigned, then a push arrives within 5 s and names it.
    async fn ag_3_1_a_push_arrives_and_names_the_chat(app, service) {
        let desk = Desk::open(app, service).await;
        desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        desk.leaves(app).await;
        app.visitor(&desk.site).await.writes("¿Tienen stock?").await;
        let told = desk.reads(&service.next().await);
        let held = desk.owner.get("/conversations?tray=agents").await.expect(200)["items"][0].clone();
        assert_eq!(held["owner"]["id"], desk.ana.agent.0);
        assert_eq!((told["kind"].clone(), told["language"].clone()), (json!("assigned"), json!("es")));
        assert_eq!((&told["conversation"], &told["number"]), (&held["id"], &held["number"]));
        assert_eq!(told["name"], held["customer"]["name"]);
        assert_eq!(told["tag"], format!("conversation-{}", held["id"]));
        let devices = desk.ana.get("/me/push-devices").await.expect(200);
        assert!(devices["items"][0]["accepted_at"].is_i64(), "{devices}");
    }

    /// Whom a push reaches and who chose it stays there without a screen, and the funnel says so.
    async fn row_58_a_push_reachable_agent_stays_online_and_the_funnel_says_so(app, service) {
        let desk = Desk::open(app, service).await;
        let chosen = desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        assert_eq!((chosen["background"].clone(), chosen["by_push"].clone()), (json!(true), json!(true)), "no screen is open");
        desk.leaves(app).await;
        let there = desk.agent().await;
        assert_eq!((there["state"].clone(), there["by_push"].clone()), (json!("online"), json!(true)));
        app.visitor(&desk.site).await.writes("Hola").await;
        app.settled().await;
        let decisions = desk.owner.get("/routing-decisions?conversation=1").await.expect(200);
        let assigned = decisions["items"].as_array().unwrap().iter().find(|d| d["act"] == "assign").unwrap();
        assert_eq!(assigned["funnel"]["background"], 1, "{assigned}");
        assert_eq!(assigned["funnel"]["finalists"][0]["background"], true);
        // No line of the history: the state is the same one.
        let log = desk.owner.get(&format!("/users/{}/states", desk.ana.agent)).await.expect(200);
        assert_eq!(log["items"][0]["state"], "online");
        // A screen that opens is worth more than a push.
        let mut watching = desk.owner.screen(None).await;
        let _screen = desk.ana.screen(None).await;
        watching.until("agent.state", |a| a["id"] == desk.ana.agent.0 && a["by_push"] == false && a["state"] == "online").await;
        app.settled().await;
    }

    /// Without the choice a device alone keeps nobody, and without a device the choice does not.
    async fn row_58_it_takes_the_choice_and_a_device(app, service) {
        let desk = Desk::open(app, service).await;
        desk.leaves(app).await;
        assert_eq!(desk.agent().await["state"], "offline");
        desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        assert_eq!(desk.agent().await["by_push"], true, "chosen from a page without a socket");
        let mut watching = desk.owner.screen(None).await;
        desk.ana.delete(&format!("/me/push-devices/{}", desk.device)).await.expect(204);
        watching.until("agent.state", |a| a["id"] == desk.ana.agent.0 && a["state"] == "offline").await;
        app.settled().await;
    }

    /// A phone keeps Online for at most the hours of the setting, since the last activity.
    async fn ag_5_the_background_ends_with_the_hours_of_the_setting(app, service) {
        let desk = Desk::open(app, service).await;
        let workspace = desk.owner.get("/workspace").await.expect(200);
        assert_eq!(workspace["background_hours"], 8);
        let version = workspace["version"].as_i64().unwrap();
        desk.owner.patch("/workspace", version, json!({ "background_hours": 25 })).await.wrong("/background_hours", "out_of_range");
        desk.owner.patch("/workspace", version, json!({ "background_hours": 2 })).await.expect(200);
        desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        desk.leaves(app).await;
        let mut watching = desk.owner.screen(None).await;
        app.advance(Ms::HOUR);
        assert_eq!(desk.agent().await["state"], "online");
        app.advance(Ms::HOUR);
        watching.until("agent.state", |a| a["id"] == desk.ana.agent.0 && a["state"] == "offline" && a["by_push"] == false).await;
        let log = desk.owner.get(&format!("/users/{}/states", desk.ana.agent)).await.expect(200);
        assert_eq!((log["items"][0]["state"].clone(), log["items"][0]["cause"].clone()), (json!("offline"), json!("connection")));
        app.settled().await;
    }

    /// Away stays away, by push too.
    async fn ag_5_1_a_push_turns_nobody_online(app, service) {
        let desk = Desk::open(app, service).await;
        desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        desk.leaves(app).await;
        desk.ana.put("/me/state", json!({ "state": "away", "reason": "lunch" })).await.expect(200);
        let away = desk.agent().await;
        assert_eq!((away["state"].clone(), away["by_push"].clone()), (json!("away"), json!(true)));
        app.visitor(&desk.site).await.writes("Hola").await;
        app.settled().await;
        let counts = desk.owner.get("/conversations/counts").await.expect(200);
        assert_eq!(counts["unassigned"]["active"], 1);
        nothing_more(app, service).await;
    }

    /// Given a push subscription that expired, then the user is told, and it keeps nobody available.
    async fn ag_4_4_a_subscription_that_expired_is_forgotten_and_told(app, service) {
        let desk = Desk::open(app, service).await;
        desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        desk.leaves(app).await;
        let mut hers = desk.owner.screen(None).await;
        service.answers(&[410]);
        app.visitor(&desk.site).await.writes("Hola").await;
        service.next().await;
        let alert = hers.until("alert.raised", |a| a["kind"] == "push_lost").await;
        assert_eq!((alert["agent"]["id"].as_i64(), alert["detail"]["device"].clone()), (Some(desk.ana.agent.0), json!("Mi teléfono")));
        hers.until("agent.state", |a| a["id"] == desk.ana.agent.0 && a["state"] == "offline").await;
        assert_eq!(desk.ana.get("/me/push-devices").await.expect(200)["items"], json!([]));
        let told = desk.ana.get("/alerts").await.expect(200);
        assert!(told["items"].as_array().unwrap().iter().any(|a| a["kind"] == "push_lost"), "{told}");
    }

    /// A service that is away is asked again, with patience; meanwhile the device keeps nobody, and then it does again.
    async fn ag_4_a_push_that_was_not_taken_is_sent_again(app, service) {
        let desk = Desk::open(app, service).await;
        desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        desk.leaves(app).await;
        let mut watching = desk.owner.screen(None).await;
        service.answers(&[503, 302]);
        desk.ana.post(&format!("/me/push-devices/{}/test", desk.device), json!({})).await.expect(202);
        assert_eq!(desk.reads(&service.next().await)["kind"], "test");
        watching.until("agent.state", |a| a["id"] == desk.ana.agent.0 && a["state"] == "offline").await;
        assert!(service.rest().await.is_empty(), "not before the pause is over");
        app.advance(5_000);
        // A redirect is not followed, and not tried again.
        service.next().await;
        eventually("two failures", async || {
            let list = desk.ana.get("/me/push-devices").await.expect(200);
            (list["items"][0]["failures"] == 2).then_some(())
        })
        .await;
        desk.ana.post(&format!("/me/push-devices/{}/test", desk.device), json!({})).await.expect(202);
        service.next().await;
        watching.until("agent.state", |a| a["id"] == desk.ana.agent.0 && a["by_push"] == true).await;
        nothing_more(app, service).await;
    }

    /// What a customer writes is told with its text, unless a screen of the agent looks at it; own answers are not.
    async fn ag_4_1_nothing_is_pushed_about_what_is_looked_at(app, service) {
        let desk = Desk::open(app, service).await;
        let mut screen = desk.ana.screen(None).await;
        let visitor = app.visitor(&desk.site).await;
        visitor.writes("Hola").await;
        let told = desk.reads(&service.next().await);
        assert_eq!(told["kind"], "assigned");
        let id = told["conversation"].clone();
        visitor.writes("¿Siguen ahí?").await;
        let told = desk.reads(&service.next().await);
        assert_eq!((told["kind"].clone(), told["text"].clone(), told["count"].clone()), (json!("message"), json!("¿Siguen ahí?"), json!(1)));
        let answer = json!({ "client_id": uuid::Uuid::now_v7().to_string(), "content": { "type": "text", "text": "Sí" } });
        desk.ana.post(&format!("/conversations/{id}/messages"), answer).await.expect(201);
        screen.says(json!({ "type": "view", "conversation": id })).await;
        loop {
            let frame = screen.next().await.expect("a frame");
            if frame["type"] == "viewing" && frame["agents"][0]["id"] == desk.ana.agent.0 {
                break;
            }
        }
        visitor.writes("Gracias").await;
        screen.until("message.created", |m| m["content"]["text"] == "Gracias").await;
        nothing_more(app, service).await;
    }

    /// What a colleague gives away is told to whom it goes, and nobody is told what they took themselves.
    async fn ag_4_a_transfer_is_told_and_a_take_is_not(app, service) {
        let desk = Desk::open(app, service).await;
        let desktop = PushBrowser::new(service, "olga");
        desk.owner.put("/me/push-devices", desktop.subscription("Escritorio")).await.expect(200);
        let _screen = desk.owner.screen(None).await;
        app.visitor(&desk.site).await.writes("Hola").await;
        app.settled().await;
        let waits = desk.owner.get("/conversations?tray=unassigned").await.expect(200)["items"][0].clone();
        let path = format!("/conversations/{}", waits["id"]);
        let taken = desk.owner.post(&format!("{path}/take"), json!({ "seen": waits["epoch"] })).await.expect(200);
        let _there = desk.ana.screen(None).await;
        let to = json!({ "to": { "agent": desk.ana.agent }, "seen": taken["epoch"] });
        desk.owner.post(&format!("{path}/transfer"), to).await.expect(200);
        let told = desk.reads(&service.next().await);
        assert_eq!((told["kind"].clone(), told["conversation"].clone()), (json!("transferred"), waits["id"].clone()));
        nothing_more(app, service).await;
    }

    /// A device goes with its session: signed out here or from afar, it is told nothing any more.
    async fn plat_4_a_signed_out_device_is_told_nothing(app, service) {
        let desk = Desk::open(app, service).await;
        let other = app.sign_in("ana").await;
        let tablet = PushBrowser::new(service, "tablet");
        other.put("/me/push-devices", tablet.subscription("Tableta")).await.expect(200);
        assert_eq!(desk.ana.get("/me/push-devices").await.expect(200)["items"].as_array().unwrap().len(), 2);
        desk.ana.delete("/sessions").await.expect(204);
        let left = desk.ana.get("/me/push-devices").await.expect(200);
        assert_eq!((left["items"].as_array().unwrap().len(), &left["items"][0]["label"]), (1, &json!("Mi teléfono")));
        desk.ana.put("/me/background", json!({ "available": true })).await.expect(200);
        desk.ana.delete("/sessions/current").await.expect(204);
        assert_eq!(desk.agent().await["state"], "offline");
        let ana = app.sign_in("ana").await;
        assert_eq!(ana.get("/me/push-devices").await.expect(200)["items"], json!([]));
        let _screen = ana.screen(None).await;
        app.visitor(&desk.site).await.writes("Hola").await;
        app.settled().await;
        nothing_more(app, service).await;
    }

    /// Only services that the operator allows are called, whatever a client types; everything wrong is named.
    async fn ag_4_an_endpoint_is_a_push_service_or_nothing(app, service) {
        let ana = app.member("ana", Role::Agent).await;
        let phone = PushBrowser::new(service, "ana");
        let with = |pointer: &str, value: Value| {
            let mut body = phone.subscription("Mi teléfono");
            *body.pointer_mut(pointer).unwrap() = value;
            body
        };
        for elsewhere in [
            "http://fcm.googleapis.com/x", "https://fcm.googleapis.com:444/x", "https://example.com/x", "https://10.0.0.1/x",
            "https://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/x", "https://a@fcm.googleapis.com/x", "file:///etc/passwd",
        ] {
            ana.put("/me/push-devices", with("/endpoint", json!(elsewhere))).await.wrong("/endpoint", "not_allowed");
        }
        ana.put("/me/push-devices", with("/endpoint", json!("x"))).await.wrong("/endpoint", "format");
        ana.put("/me/push-devices", with("/endpoint", json!(format!("{}/{}", service.address, "x".repeat(2_048))))).await.wrong("/endpoint", "too_long");
        ana.put("/me/push-devices", with("/keys/p256dh", json!("AAAA"))).await.wrong("/keys/p256dh", "format");
        ana.put("/me/push-devices", with("/keys/auth", json!("AAAA"))).await.wrong("/keys/auth", "format");
        ana.put("/me/push-devices", with("/label", json!(" "))).await.wrong("/label", "required");
        ana.put("/me/push-devices", with("/language", json!("xx"))).await.wrong("/language", "language");
        let first = ana.put("/me/push-devices", phone.subscription("Uno")).await.expect(200);
        let again = ana.put("/me/push-devices", phone.subscription("Dos")).await.expect(200);
        assert_eq!((&first["id"], &again["label"]), (&again["id"], &json!("Dos")), "the same device");
        // A browser that subscribed anew has no second one.
        let renewed = PushBrowser::new(service, "ana-2");
        ana.put("/me/push-devices", renewed.subscription("Dos")).await.expect(200);
        assert_eq!(ana.get("/me/push-devices").await.expect(200)["items"].as_array().unwrap().len(), 1);
        for n in 1..10 {
            let browser = app.sign_in("ana").await;
            let more = PushBrowser::new(service, &format!("more-{n}"));
            browser.put("/me/push-devices", more.subscription(&format!("Otro {n}"))).await.expect(200);
        }
        let browser = app.sign_in("ana").await;
        let eleventh = PushBrowser::new(service, "eleventh");
        browser.put("/me/push-devices", eleventh.subscription("Onceavo")).await.problem(409, "too_many");
        // Devices of others are nobody's business.
        let berta = app.member("berta", Role::Agent).await;
        let path = format!("/me/push-devices/{}", ana.get("/me/push-devices").await.expect(200)["items"][0]["id"]);
        berta.delete(&path).await.problem(404, "not_found");
        berta.post(&format!("{path}/test"), json!({})).await.problem(404, "not_found");
    }
}
