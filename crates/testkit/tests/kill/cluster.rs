//! Three nodes over one PostgreSQL and one NATS, as somebody runs them who cannot afford to stop (architecture.md §6, routing
//! reference §3.4): killed, restarted, paused, cut off.

use crate::drive::{Hook, deliver_to};
use crate::world::{Node, Shape, Template, World};
use ronda_storage::Engine;
use ronda_testkit::{Browser, Screen, Visitor};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Another node must plan again within this time after one was killed. Source: routing reference §3.4.
const FAIL_OVER: Duration = Duration::from_secs(5);
/// What a machine with two busy cores may add to a time that is measured here.
const SLACK: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(30);

/// The way from the nodes to the bus, which a test can cut.
struct Wire {
    url: String,
    cut: Arc<AtomicBool>,
    open: Arc<std::sync::Mutex<CancellationToken>>,
}

impl Wire {
    async fn new() -> Self {
        let bus = std::env::var("RONDA_TEST_NATS").expect("RONDA_TEST_NATS names a NATS server: cargo xtask postgres");
        let bus = bus.trim_start_matches("nats://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("nats://{}", listener.local_addr().expect("an address"));
        let cut = Arc::new(AtomicBool::new(false));
        let open = Arc::new(std::sync::Mutex::new(CancellationToken::new()));
        let (its_cut, its_open) = (cut.clone(), open.clone());
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                if its_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let (bus, whole) = (bus.clone(), its_open.lock().expect("wire").clone());
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(&bus).await.expect("the bus of the tests");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                        () = whole.cancelled() => {}
                    }
                });
            }
        });
        Self { url, cut, open }
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.open.lock().expect("wire").cancel();
    }

    fn mend(&self) {
        *self.open.lock().expect("wire") = CancellationToken::new();
        self.cut.store(false, Ordering::SeqCst);
    }
}

/// A node on the bus.
async fn node(world: &World, wire: &Wire, more: &[(&str, &str)]) -> Node {
    let mut variables = vec![("RONDA_NATS", wire.url.as_str())];
    variables.extend_from_slice(more);
    world.serve_with(World::port(), &variables).await
}

async fn until(what: &str, world: &World, mut fits: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !fits().await {
        assert!(began.elapsed() < LONGEST, "{what}\n{}", world.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

/// Owner and epoch of the planner's lease.
async fn lease(world: &World) -> (String, i64) {
    world
        .look(|tx| {
            tx.query_dynamic("select lease_owner, lease_epoch from routing_head", &[], |r| {
                Ok((r.t(0)?, r.i(1)?))
            })
        })
        .await
        .expect("the head")
        .remove(0)
}

/// The first of the nodes, once it plans.
async fn first(world: &World, wire: &Wire, more: &[(&str, &str)]) -> Node {
    let before = lease(world).await.1;
    let node = node(world, wire, more).await;
    until("nobody plans", world, async || lease(world).await.1 > before).await;
    node
}

fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client")
}

async fn metric(node: &Node, name: &str) -> f64 {
    let said = http()
        .get(format!("{}/metrics", node.address))
        .send()
        .await
        .expect("metrics");
    let text = said.text().await.expect("text");
    let line = text.lines().find(|l| l.starts_with(name) && !l.starts_with('#'));
    line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

/// Which of the nodes plans.
async fn planner(nodes: &[Node]) -> usize {
    for _ in 0..200 {
        for (i, node) in nodes.iter().enumerate() {
            if metric(node, "ronda_leases").await > 0.0 {
                return i;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("none of them plans");
}

async fn bus_of(node: &Node) -> String {
    let said = http()
        .get(format!("{}/readyz", node.address))
        .send()
        .await
        .expect("an answer");
    let body: Value = said.json().await.expect("JSON");
    body["bus"].as_str().unwrap_or_default().to_owned()
}

async fn all_are(world: &World, nodes: &[Node], state: &str) {
    for node in nodes {
        until(&format!("the bus is not {state}"), world, async || {
            bus_of(node).await == state
        })
        .await;
    }
}

/// A message, as the platform sends it: again until it is acknowledged.
async fn say(world: &World, address: &str, n: usize) {
    let hook = Hook {
        phone: format!("54911{n:08}"),
        text: format!("mensaje {n}"),
        acknowledged: false,
    };
    let wamid = format!("wamid.{n}");
    let began = Instant::now();
    loop {
        let stored = deliver_to(&http(), address, &world.webhook, &wamid, &hook).await;
        if matches!(stored, Ok(true)) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{wamid}: {stored:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The platform knows the customer, so that answers reach them.
async fn knows(world: &World, n: usize) {
    let (sim, phone) = (world.sim.base_url(), format!("54911{n:08}"));
    let person = json!({ "name": format!("Cliente {n}"), "phone": format!("+{phone}"), "auto_read": false });
    for (path, body) in [
        ("/_sim/people".to_owned(), person),
        (format!("/_sim/people/{phone}/messages"), json!({ "text": "hola" })),
    ] {
        let made = http().post(format!("{sim}{path}")).json(&body).send().await;
        assert!(made.is_ok_and(|a| a.status().is_success()), "the simulator");
    }
}

const ROTATIONS: &str = "select count(*) from routing_decision where act = 'rotate'";
const DECIDED: &str = "select count(*) from routing_decision where act <> 'close'";
const HELD: &str = "select count(*) from conversation where place = 'held'";

async fn policy(owner: &Browser, changes: Value) {
    let presets = owner.get("/routing-policies/presets").await.expect(200);
    let mut policy = presets["sales"].clone();
    policy["excluded"] = json!([owner.agent]);
    for (key, value) in changes.as_object().into_iter().flatten() {
        policy[key] = value.clone();
    }
    let body = json!({ "policy": policy, "confirm": true });
    owner.post("/routing-policies", body).await.expect(201);
}

fn shape(agents: usize) -> Shape {
    Shape {
        agents,
        greeter: false,
        online: false,
        limit: None,
    }
}

async fn signed_in(node: &Node, email: &str) -> Browser {
    let mut browser = Browser::at(&node.address);
    browser.sign_in(email).await;
    browser
}

/// What the log says of one ownership.
struct Step {
    conversation: i64,
    rotated: bool,
    at: i64,
    epochs: (i64, i64),
}

async fn steps(world: &World) -> Vec<Step> {
    world
        .look(|tx| {
            tx.query_dynamic(
                "select conversation, act, at, epoch_before, epoch_after from routing_decision
                 where act in ('assign', 'rotate') order by seq",
                &[],
                |r| {
                    Ok(Step {
                        conversation: r.i(0)?,
                        rotated: r.t(1)? == "rotate",
                        at: r.i(2)?,
                        epochs: (r.i(3)?, r.i(4)?),
                    })
                },
            )
        })
        .await
        .expect("the log")
}

/// Every rotation at its time: none early, none twice, none missed until `end`; the latest of them in milliseconds.
async fn prove_rotations(world: &World, after_ms: i64, end: i64, latest_ms: i64) -> i64 {
    let mut last: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut worst = 0;
    for step in steps(world).await {
        let (before, after) = step.epochs;
        if let Some((since, epoch)) = last.insert(step.conversation, (step.at, after)) {
            assert!(step.rotated, "{} is assigned twice", step.conversation);
            assert_eq!(epoch, before, "{}: an owner nobody knows", step.conversation);
            let late = step.at - since - after_ms;
            assert!(late >= 0, "{}: {} ms early", step.conversation, -late);
            worst = worst.max(late);
        }
        assert_eq!(after, before + 1, "{}: one owner after another", step.conversation);
    }
    for (conversation, (since, _)) in last {
        worst = worst.max(end - since - after_ms);
        assert!(end - since - after_ms <= latest_ms, "{conversation} was not rotated");
    }
    assert!(worst <= latest_ms, "a rotation came {worst} ms late");
    worst
}

/// A rotation storm over three nodes. The planner's is killed in the middle of it, started again, another one is asked to
/// stop, started again: nothing is early, doubled or missed, and fail-over takes less than five seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn core_7_3_no_rotation_is_missed_doubled_or_early_whatever_node_is_killed_or_restarted() {
    const CONVERSATIONS: i64 = 240;
    const AFTER: Duration = Duration::from_secs(15);
    let template = Template::new(Engine::Postgres, shape(30)).await;
    let world = World::new(&template).await;
    let wire = Wire::new().await;
    let mut nodes = vec![first(&world, &wire, &[]).await];
    for _ in 0..2 {
        nodes.push(node(&world, &wire, &[]).await);
    }
    all_are(&world, &nodes, "connected").await;
    let owner = signed_in(&nodes[1], "olga@example.com").await;
    policy(&owner, json!({ "reassign_seconds": AFTER.as_secs(), "strikes": 0 })).await;
    let began = Instant::now();
    let arrivals = (0..CONVERSATIONS as usize).map(|n| say(&world, &nodes[n % 3].address, n));
    futures_util::future::join_all(arrivals).await;
    until("not assigned", &world, async || {
        world.count(HELD).await == CONVERSATIONS
    })
    .await;

    // To just before the first deadline: no time is waited for that nothing happens in.
    let mut ahead = (AFTER.saturating_sub(began.elapsed()).as_millis() as i64 - 200).max(0);
    for node in &nodes {
        node.advance(ahead).await;
    }
    until("no rotation", &world, async || world.count(ROTATIONS).await >= 40).await;
    let held = lease(&world).await;
    nodes[0].kill();
    let killed = Instant::now();
    let before = world.count(ROTATIONS).await;
    until("nobody took over", &world, async || {
        lease(&world).await.1 > held.1 && world.count(ROTATIONS).await > before
    })
    .await;
    let fail_over = killed.elapsed();
    eprintln!("planned again {fail_over:?} after a kill, {before} rotations before it");
    assert!(fail_over < FAIL_OVER, "a fail-over took {fail_over:?}");
    assert!(before < CONVERSATIONS, "the kill was in the middle");
    nodes.remove(0);
    nodes.push(node(&world, &wire, &[]).await);
    nodes[2].advance(ahead).await;

    // The second wave, with a polite restart of whoever plans.
    until("rotations are missing", &world, async || {
        world.count(ROTATIONS).await >= CONVERSATIONS
    })
    .await;
    let second = world.look(|tx| {
        tx.query_dynamic(
            "select min(rotate_at) from conversation where place = 'held'",
            &[],
            |r| r.i(0),
        )
    });
    let next = second.await.expect("the next deadline")[0];
    let now = ronda_domain::Clock::system().now().0 + ahead;
    let more = (next - now - 200).max(0);
    for node in &nodes {
        node.advance(more).await;
    }
    ahead += more;
    until("no rotation", &world, async || {
        world.count(ROTATIONS).await >= CONVERSATIONS + 20
    })
    .await;
    let plans = planner(&nodes).await;
    nodes[plans].signal("TERM");
    let ended = nodes[plans].ended_within(Duration::from_secs(15)).await;
    assert_eq!(ended, Some(0), "{}", world.logs());
    let gone = Instant::now();
    let stopped = world.count(ROTATIONS).await;
    until("nobody took over", &world, async || {
        world.count(ROTATIONS).await > stopped
    })
    .await;
    eprintln!("planned again {:?} after a polite stop", gone.elapsed());
    assert!(gone.elapsed() < FAIL_OVER);
    nodes.remove(plans);
    nodes.push(node(&world, &wire, &[]).await);
    nodes[2].advance(ahead).await;
    until("rotations are missing", &world, async || {
        world.count(ROTATIONS).await >= CONVERSATIONS * 2
    })
    .await;
    let end = ronda_domain::Clock::system().now().0 + ahead;
    let latest = (FAIL_OVER + SLACK).as_millis() as i64;
    let worst = prove_rotations(&world, AFTER.as_millis() as i64, end, latest).await;
    eprintln!(
        "the latest of {} rotations came after {worst} ms",
        world.count(ROTATIONS).await
    );
    assert_eq!(world.count(HELD).await, CONVERSATIONS, "nothing is lost");
    world.invariants().await;
}

/// The frame of a message in a conversation.
async fn hears(screen: &mut Screen, text: &str) {
    screen
        .until("message.created", |body| body.to_string().contains(text))
        .await;
}

/// The names of who looks at a conversation, once it is `n` of them.
async fn viewers(screen: &mut Screen, n: usize) {
    loop {
        let frame = screen.next().await.expect("a frame");
        if frame["type"] == "viewing" && frame["agents"].as_array().is_some_and(|a| a.len() == n) {
            return;
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Messages through one node, heard on screens of two others; the times, the shortest first.
async fn heard_after(world: &World, from: &Node, screens: &mut [Screen], first: usize, n: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for i in first..first + n {
        let began = Instant::now();
        say(world, &from.address, i).await;
        for screen in &mut *screens {
            hears(screen, &format!("mensaje {i}")).await;
        }
        times.push(began.elapsed());
    }
    times.sort();
    times
}

/// Commands through a node that does not plan; the middle of the times.
async fn carried_out_after(through: &Browser, n: usize) -> Duration {
    // A message is heard before its chat is somebody's.
    let began = Instant::now();
    let held = loop {
        let path = format!("/conversations?tray=agents&limit={n}");
        let list = through.get(&path).await.expect(200);
        let held = list["items"].as_array().cloned().unwrap_or_default();
        if held.len() == n {
            break held;
        }
        assert!(began.elapsed() < LONGEST, "{n} are assigned: {list}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let mut times = Vec::new();
    for c in held {
        let body = json!({ "seen": c["epoch"], "confirm_unanswered": true });
        let path = format!("/conversations/{}/close", c["id"]);
        let key = uuid::Uuid::now_v7().to_string();
        let began = Instant::now();
        // On a crowded machine the other node may not answer within the patience of a command; the same key asks again.
        let closed = loop {
            let request = through.request("POST", &path).header("idempotency-key", &key);
            let answer = through.send(request.json(&body)).await;
            if answer.status != 503 || began.elapsed() > LONGEST {
                break answer.expect(200);
            }
        };
        times.push(began.elapsed());
        assert_eq!(closed["conversation"]["place"], "closed");
    }
    median(times)
}

async fn take_and_answer(who: &Browser, c: &Value, text: &str) {
    let path = format!("/conversations/{}", c["id"]);
    let body = json!({ "seen": c["epoch"] });
    let taken = who.post(&format!("{path}/take"), body).await.expect(200);
    let content = json!({ "type": "text", "text": text });
    let reply =
        json!({ "client_id": uuid::Uuid::now_v7(), "content": content, "seen": taken["conversation"]["epoch"] });
    who.post(&format!("{path}/messages"), reply).await.expect(201);
}

/// Screens, visitors, commands and sessions on any node; then the bus is cut, which makes them late and nothing else; then
/// it heals by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_hears_of_everything_and_without_the_bus_only_later() {
    let template = Template::new(Engine::Postgres, shape(2)).await;
    let world = World::new(&template).await;
    let wire = Wire::new().await;
    let mut nodes = vec![first(&world, &wire, &[]).await];
    for _ in 0..2 {
        nodes.push(node(&world, &wire, &[]).await);
    }
    all_are(&world, &nodes, "connected").await;
    let owner = signed_in(&nodes[2], "olga@example.com").await;
    let agent = signed_in(&nodes[1], "agent0@example.com").await;
    policy(&owner, json!({ "reassign_seconds": null })).await;
    let account = json!({ "kind": "web_chat", "name": "Tienda" });
    let key = owner.post("/channel-accounts", account).await.expect(201)["external_id"].clone();
    let mut screens = [
        owner.screen(None).await,
        the_same_at(&owner, &nodes[1]).await.screen(None).await,
    ];

    let with = heard_after(&world, &nodes[0], &mut screens, 0, 9).await;
    let answered = carried_out_after(&owner, 5).await;
    eprintln!(
        "with the bus: screens of other nodes after {:?}, commands from another node after {answered:?}",
        with[4]
    );
    // Each is said when the one before it was heard: with the poll alone all but the first wait for a whole interval of it.
    assert!(
        with[1] < Duration::from_millis(700),
        "the poll alone takes that: {with:?}"
    );

    // Marks cross too: who looks at what, and typing.
    let tray = owner.get("/conversations?tray=agents").await.expect(200);
    let conversation = tray["items"][0]["id"].clone();
    for screen in &mut screens {
        screen
            .says(json!({ "type": "view", "conversation": conversation }))
            .await;
        viewers(screen, 1).await;
    }
    // Olga on both nodes is one person; the agent on the third makes it two.
    let mut third = the_same_at(&owner, &nodes[0]).await.screen(None).await;
    third
        .says(json!({ "type": "typing", "conversation": conversation, "mode": "note" }))
        .await;
    for screen in &mut screens {
        while screen.next().await.expect("a frame")["type"] != "typing" {}
    }
    let mine = agent.get("/conversations?tray=mine").await.expect(200);
    let mut at_agent = agent.screen(None).await;
    let shared = mine["items"][0]["id"].clone();
    at_agent.says(json!({ "type": "view", "conversation": shared })).await;
    screens[0].says(json!({ "type": "view", "conversation": shared })).await;
    viewers(&mut at_agent, 2).await;
    viewers(&mut screens[0], 2).await;

    // The presence of somebody with screens on two nodes lasts as long as one of them (T8).
    let leases = async |agent: i64| {
        world
            .look(move |tx| {
                tx.query_dynamic(
                    "select count(*) from presence_lease where agent = $1",
                    &[agent.into()],
                    |r| r.i(0),
                )
            })
            .await
            .expect("leases")[0]
    };
    let again = the_same_at(&agent, &nodes[2]).await;
    let second = again.screen(None).await;
    until("no second lease", &world, async || leases(agent.agent.0).await == 2).await;
    second.close().await;
    until("the lease stayed", &world, async || leases(agent.agent.0).await == 1).await;
    let state = owner.get("/agents").await.expect(200);
    assert!(state.to_string().contains("online"), "{state}");

    wire.cut();
    all_are(&world, &nodes, "disconnected").await;
    let without = heard_after(&world, &nodes[0], &mut screens, 100, 5).await;
    let polled = carried_out_after(&owner, 3).await;
    eprintln!(
        "without the bus: screens after {:?}, commands after {polled:?}",
        without[2]
    );
    // A visitor whose socket is on one node, whose first message goes over another, and who is answered from a third.
    let writer = Visitor::opens(Browser::at(&nodes[0].address), key.as_str().expect("a key")).await;
    let mut heard = writer.elsewhere(&nodes[1].address).listens().await;
    writer.writes("¿hay alguien?").await;
    let mut found = Value::Null;
    until("the visitor's conversation", &world, async || {
        let tray = owner.get("/conversations?tray=agents&limit=50").await.expect(200);
        let items = tray["items"].as_array().cloned().unwrap_or_default();
        found = items
            .into_iter()
            .find(|c| c.to_string().contains("hay alguien"))
            .unwrap_or_default();
        found["id"].is_i64()
    })
    .await;
    take_and_answer(&owner, &found, "acá estoy").await;
    let told = async {
        while let Some(frame) = heard.recv().await {
            if frame.to_string().contains("acá estoy") {
                return true;
            }
        }
        false
    };
    assert!(
        tokio::time::timeout(LONGEST, told)
            .await
            .expect("the visitor hears in time")
    );
    // A session that is ended on one node ends the sockets of another, without the bus too.
    let remote = the_same_at(&agent, &nodes[2]).await;
    remote.delete("/sessions").await.ok();
    assert_eq!(at_agent.closed().await, Some(4001), "the session is over");

    wire.mend();
    all_are(&world, &nodes, "connected").await;
    let healed = heard_after(&world, &nodes[0], &mut screens, 200, 9).await;
    eprintln!("with the bus again: screens after {:?}", healed[4]);
    assert!(healed[1] < Duration::from_millis(700), "it does not heal: {healed:?}");
    until("not all assigned", &world, async || {
        world
            .count("select count(*) from conversation where place = 'waiting'")
            .await
            == 0
    })
    .await;
    world.invariants().await;
}

/// The same person over another node: a new session of theirs.
async fn the_same_at(who: &Browser, node: &Node) -> Browser {
    let email = who.me["account"]["email"].as_str().expect("an address").to_owned();
    signed_in(node, &email).await
}

/// Stopped between two instructions, with a transaction open that holds the head: another node takes over, and what the
/// first one was about to commit is never committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s16_a_planner_that_is_paused_in_the_middle_of_its_commit_commits_nothing() {
    for point in ["stop:plan.before_commit", "stop:plan.before_write"] {
        let template = Template::new(Engine::Postgres, shape(3)).await;
        let world = World::new(&template).await;
        let wire = Wire::new().await;
        let paused = first(&world, &wire, &[(ronda_storage::CRASH_POINT, point)]).await;
        let second = node(&world, &wire, &[]).await;
        let before = lease(&world).await;
        // What arrives is planned by the first, which stops over it.
        for n in 0..6 {
            say(&world, &second.address, n).await;
        }
        let stopped = Instant::now();
        until("nobody took over", &world, async || {
            lease(&world).await.1 > before.1 && world.count(HELD).await == 6
        })
        .await;
        eprintln!("{point}: planned by another after {:?}", stopped.elapsed());
        let epoch = lease(&world).await.1;
        let decided = world.count(DECIDED).await;
        paused.signal("CONT");
        // It is alive again when it says so, and plans no more: commands through it are carried out by the other.
        let owner = signed_in(&paused, "olga@example.com").await;
        carried_out_after(&owner, 3).await;
        assert_eq!(lease(&world).await.1, epoch, "the lease stays where it is");
        assert_eq!(
            metric(&paused, "ronda_routing_decisions_total").await,
            0.0,
            "it decided nothing"
        );
        assert_eq!(world.count(DECIDED).await, decided, "nothing was assigned again");
        assert_eq!(steps(&world).await.len(), 6, "each was given to one agent, once");
        world.invariants().await;
    }
}

/// The lease is taken from under a planner again and again, so that both nodes decide at the same time, each sure that it
/// may: the guards let one of them through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_30_two_nodes_that_decide_at_once_double_nothing() {
    const CONVERSATIONS: i64 = 150;
    let template = Template::new(Engine::Postgres, shape(5)).await;
    let world = Arc::new(World::new(&template).await);
    let wire = Wire::new().await;
    let nodes = [first(&world, &wire, &[]).await, node(&world, &wire, &[]).await];
    let before = lease(&world).await.1;
    let over = Arc::new(AtomicBool::new(false));
    let (its, ends) = (world.clone(), over.clone());
    let thief = tokio::spawn(async move {
        while !ends.load(Ordering::SeqCst) {
            its.change(|tx| {
                let free = "update routing_head set lease_owner = '' where workspace > 0 returning workspace";
                tx.query_dynamic(free, &[], |_| Ok(()))
            })
            .await;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
    for n in 0..CONVERSATIONS as usize {
        say(&world, &nodes[n % 2].address, n).await;
    }
    over.store(true, Ordering::SeqCst);
    thief.await.expect("a thief");
    until("not assigned", &world, async || {
        world.count(HELD).await == CONVERSATIONS
    })
    .await;
    let taken = lease(&world).await.1 - before;
    eprintln!("the lease went to and fro {taken} times");
    assert!(taken >= 4, "nobody was disturbed");
    assert_eq!(steps(&world).await.len() as i64, CONVERSATIONS, "each is assigned once");
    world.invariants().await;
}

/// The clocks of machines are never compared: who is an hour ahead takes nothing from who renews.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s16_a_clock_that_jumps_takes_no_lease() {
    let template = Template::new(Engine::Postgres, shape(2)).await;
    let world = World::new(&template).await;
    let wire = Wire::new().await;
    let nodes = [first(&world, &wire, &[]).await, node(&world, &wire, &[]).await];
    let before = lease(&world).await;
    let other = 1 - planner(&nodes).await;
    nodes[other].advance(3_600_000).await;
    let began = Instant::now();
    let mut n = 0;
    while began.elapsed() < FAIL_OVER {
        say(&world, &nodes[other].address, n).await;
        n += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(lease(&world).await, before, "nobody took it");
    until("not assigned", &world, async || world.count(HELD).await == n as i64).await;
    world.invariants().await;
}

/// One node for people, one for the work; and nodes that cannot belong together are refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_the_work_by_their_roles() {
    let template = Template::new(Engine::Postgres, shape(2)).await;
    let world = World::new(&template).await;
    let wire = Wire::new().await;
    let works = first(&world, &wire, &[("RONDA_ROLES", "workers")]).await;
    let serves = node(&world, &wire, &[("RONDA_ROLES", "http")]).await;
    let page = http()
        .get(format!("{}/api/v1/sessions/current", works.address))
        .send()
        .await;
    assert_eq!(page.expect("an answer").status(), 404, "people are served elsewhere");
    for n in 0..4 {
        knows(&world, n).await;
        say(&world, &serves.address, n).await;
    }
    until("not assigned", &world, async || world.count(HELD).await == 4).await;
    let owner = signed_in(&serves, "olga@example.com").await;
    let agent_tray = owner.get("/conversations?tray=agents").await.expect(200);
    let c = &agent_tray["items"][0];
    take_and_answer(&owner, c, "hola").await;
    until("not sent", &world, async || {
        world.count("select count(*) from outbox where state = 'sent'").await == 1
    })
    .await;
    carried_out_after(&owner, 2).await;

    let key = format!("{}=", "A".repeat(43));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let folder = elsewhere.path().display().to_string();
    for (variable, value, key) in [
        ("RONDA_SECRET_KEY", key.as_str(), "secret_key"),
        ("RONDA_FILES", folder.as_str(), "files"),
    ] {
        let mut refused = node(&world, &wire, &[(variable, value)]).await;
        assert_eq!(refused.has_ended(), Some(0), "a node with another {key} runs");
        assert!(world.logs().contains(&format!("{key} = ")), "{}", world.logs());
    }
    world.invariants().await;
}
