//! Several servers on one database: the limit holds at any time, nothing is lost, and the planner's work goes to another
//! process when its own is killed or paused (CP-11.3, routing S4, S5, S16, L7).

use crate::drive::{Hook, deliver_to};
use crate::world::{Node, Shape, Template, World};
use ronda_storage::Engine;
use ronda_testkit::Browser;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const AGENTS: usize = 60;
const LIMIT: i64 = 10;
const ARRIVALS: i64 = 500;
const CLIENTS: usize = 20;
/// A lease, and a moment to load.
const HAND_OVER: Duration = Duration::from_secs(14);
/// Longest wait for everything to be stored and planned, on whatever machine.
const SETTLED: Duration = Duration::from_secs(120);

/// One of 20 clients of the platform: delivers what is next, to any server that answers, until it is acknowledged.
async fn client(its: Arc<Arrivals>, addresses: Vec<String>, me: usize) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut at = me;
    loop {
        let n = its.next.fetch_add(1, Ordering::SeqCst);
        if n >= its.last.load(Ordering::SeqCst) {
            its.next.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        let hook = Hook {
            phone: format!("54933{n:08}"),
            text: format!("mensaje {n}"),
            acknowledged: false,
        };
        loop {
            at += 1;
            let address = &addresses[at % addresses.len()];
            let wamid = format!("wamid.{n}");
            let sent = deliver_to(&http, address, &its.webhook, &wamid, &hook);
            match tokio::time::timeout(Duration::from_secs(2), sent).await {
                Ok(Ok(true)) => break,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

struct Arrivals {
    next: AtomicI64,
    last: AtomicI64,
    webhook: String,
}

impl Arrivals {
    async fn deliver(self: &Arc<Self>, addresses: &[String], last: i64) {
        self.last.store(last, Ordering::SeqCst);
        let all: Vec<_> = (0..CLIENTS)
            .map(|i| tokio::spawn(client(self.clone(), addresses.to_vec(), i)))
            .collect();
        for one in all {
            one.await.expect("a client");
        }
    }
}

/// Looks at loads and owners all the time.
async fn watch(world: Arc<World>, over: Arc<AtomicBool>, looks: Arc<AtomicUsize>) {
    while !over.load(Ordering::SeqCst) {
        let above = world
            .look(|tx| {
                tx.query_dynamic(
                    "select max(n) from (select count(*) as n from conversation where place = 'held' group by owner
                     union all select load from agent_load) as loads",
                    &[],
                    |r| r.oi(0),
                )
            })
            .await
            .expect("a look")[0]
            .unwrap_or(0);
        assert!(above <= LIMIT, "somebody has {above}");
        looks.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn planned(world: &World) -> i64 {
    world
        .count("select count(*) from conversation where place = 'held' or place = 'closed'")
        .await
}

async fn until_settled(world: &World, total: i64, longest: Duration) {
    let began = Instant::now();
    let mut rooms = 0;
    while began.elapsed() < longest {
        let arrived = world.count("select count(*) from conversation").await;
        let open = world
            .count(
                "select (select count(*) from inbound_journal where done_at is null)
                  + (select count(*) from routing_input where seq is null)",
            )
            .await;
        let held = world
            .count("select count(*) from conversation where place = 'held'")
            .await;
        let waiting = world
            .count("select count(*) from conversation where place = 'waiting'")
            .await;
        rooms = AGENTS as i64 * LIMIT - held;
        if arrived == total && open == 0 && (waiting == 0 || rooms == 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "not settled, {rooms} places are free, {} planned\n{}",
        planned(world).await,
        world.logs()
    );
}

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

/// Follows the log from its first decision: who held what, and whether anybody passed the limit.
async fn replay(world: &World) {
    let log = world
        .look(|tx| {
            tx.query_dynamic(
                "select seq, conversation, act, from_agent, to_agent, epoch_before, epoch_after from routing_decision order by seq",
                &[],
                |r| {
                    let (conversation, from, to): (Option<i64>, Option<i64>, Option<i64>) = (r.oi(1)?, r.oi(3)?, r.oi(4)?);
                    Ok((r.i(0)?, conversation, r.t(2)?, from, to, (r.i(5)?, r.i(6)?)))
                },
            )
        })
        .await
        .expect("the log");
    let mut owners: BTreeMap<i64, i64> = BTreeMap::new();
    let mut loads: BTreeMap<i64, i64> = BTreeMap::new();
    let mut epochs: BTreeMap<i64, i64> = BTreeMap::new();
    for (i, (seq, conversation, act, _, to, (before, after))) in log.iter().enumerate() {
        assert_eq!(*seq, i as i64 + 1, "the log is dense");
        let Some(conversation) = *conversation else { continue };
        let known = epochs.insert(conversation, *after);
        assert!(known.is_none_or(|e| e <= *before), "{seq}: an epoch goes back");
        let moves = match act.as_str() {
            "assign" | "rotate" | "take" | "transfer" | "return" => Some(*to),
            "close" | "release" | "requeue" | "decline" | "return_to_bot" => Some(None),
            _ => None,
        };
        let Some(owner) = moves else { continue };
        if let Some(old) = owners.remove(&conversation) {
            *loads.entry(old).or_default() -= 1;
        }
        if let Some(owner) = owner {
            owners.insert(conversation, owner);
            let load = loads.entry(owner).or_default();
            *load += 1;
            assert!(*load <= LIMIT, "decision {seq} gives {owner} a load of {load}");
        }
    }
    let rows = world
        .look(|tx| {
            tx.query_dynamic("select id, owner from conversation where place = 'held'", &[], |r| {
                Ok((r.i(0)?, r.i(1)?))
            })
        })
        .await
        .expect("owners");
    assert_eq!(
        rows.into_iter().collect::<BTreeMap<i64, i64>>(),
        owners,
        "the log explains who has what"
    );
}

/// The owner closes what agents have, over any server: by commands that cross from node to node.
async fn close_some(address: &str, n: usize) -> usize {
    let mut owner = Browser::at(address);
    owner.sign_in("olga@example.com").await;
    let list = owner
        .get(&format!("/conversations?tray=agents&limit={n}"))
        .await
        .expect(200);
    let items: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
    let mut closed = 0;
    for c in items {
        let path = format!("/conversations/{}/close", c["id"]);
        let request = owner
            .request("POST", &path)
            .header("idempotency-key", uuid::Uuid::now_v7().to_string())
            .json(&json!({ "seen": c["epoch"], "confirm_unanswered": true, "last_message": c["last_message"]["id"] }));
        let answer = owner.try_send(request).await.expect("an answer");
        assert!(
            [200, 409, 503].contains(&answer.status),
            "{} {}",
            answer.status,
            answer.body
        );
        closed += usize::from(answer.status == 200);
    }
    closed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cp_11_3_three_servers_never_pass_the_limit_and_lose_nothing() {
    let shape = Shape {
        agents: AGENTS,
        greeter: false,
        online: true,
        limit: Some(LIMIT as u32),
    };
    let template = Template::new(Engine::Postgres, shape).await;
    let world = Arc::new(World::new(&template).await);
    // The first one alone takes the lease.
    let mut nodes: Vec<Node> = vec![world.serve(World::port()).await];
    let began = Instant::now();
    while lease(&world).await.1 < 2 {
        assert!(
            began.elapsed() < HAND_OVER,
            "nobody plans: {:?}\n{}",
            lease(&world).await,
            world.logs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..2 {
        nodes.push(world.serve(World::port()).await);
    }
    let addresses: Vec<String> = nodes.iter().map(|n| n.address.clone()).collect();
    let (over, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let watcher = tokio::spawn(watch(world.clone(), over.clone(), looks.clone()));
    let arrivals = Arc::new(Arrivals {
        next: AtomicI64::new(0),
        last: AtomicI64::new(0),
        webhook: world.webhook.clone(),
    });

    // 500 at once.
    let began = Instant::now();
    arrivals.deliver(&addresses, ARRIVALS).await;
    let accepted = began.elapsed();
    until_settled(&world, ARRIVALS, SETTLED).await;
    eprintln!(
        "{ARRIVALS} arrivals accepted in {accepted:?}, assigned in {:?}",
        began.elapsed()
    );
    assert_eq!(
        world
            .count("select count(*) from conversation where place = 'held'")
            .await,
        ARRIVALS
    );
    world.invariants().await;

    // 150 more than there is room for but 50; meanwhile the planner's process is killed.
    let first = lease(&world).await;
    let its = arrivals.clone();
    let others = addresses[1..].to_vec();
    let more = tokio::spawn(async move { its.deliver(&others, ARRIVALS + 150).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    nodes[0].kill();
    let killed = Instant::now();
    more.await.expect("arrivals");
    until_settled(&world, ARRIVALS + 150, SETTLED).await;
    let second = lease(&world).await;
    assert!(
        second.0 != first.0 && second.1 > first.1,
        "another process plans: {first:?} {second:?}"
    );
    eprintln!("planned again {:?} after the kill", killed.elapsed());
    assert_eq!(
        world
            .count("select count(*) from conversation where place = 'held'")
            .await,
        AGENTS as i64 * LIMIT,
        "everybody is full"
    );

    // The other process is paused, another one takes over, and what wakes late changes nothing.
    let closed = close_some(&addresses[2], 20).await + close_some(&addresses[1], 20).await;
    assert!(closed > 20, "{closed} closed from either process");
    let paused = usize::from(planner_is(&world, &nodes[1], &nodes[2]).await) + 1;
    let awake = 3 - paused;
    nodes[paused].signal("STOP");
    let began = Instant::now();
    while lease(&world).await.1 == second.1 {
        assert!(began.elapsed() < HAND_OVER, "nobody took over from the paused process");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let taken = close_some(&addresses[awake], 10).await;
    nodes[paused].signal("CONT");
    assert!(taken > 0, "the new planner carries out commands");
    close_some(&addresses[paused], 10).await;
    arrivals.deliver(&addresses[1..], ARRIVALS + 200).await;
    until_settled(&world, ARRIVALS + 200, SETTLED).await;

    over.store(true, Ordering::SeqCst);
    watcher.await.expect("nobody passed the limit");
    world.invariants().await;
    replay(&world).await;
    let stored = world.count("select count(*) from message where direction = 'in'").await;
    assert_eq!(stored, ARRIVALS + 200, "every arrival is stored once");
    eprintln!("{} looks at loads", looks.load(Ordering::SeqCst));
}

/// Whether the second of two processes plans: the one that is paused must be the planner's.
async fn planner_is(world: &World, first: &Node, second: &Node) -> bool {
    let (owner, _) = lease(world).await;
    for (node, answer) in [(first, false), (second, true)] {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let said = client.get(format!("{}/metrics", node.address)).send().await;
        let text = match said {
            Ok(said) => said.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        if text.contains("ronda_routing_decisions_total") && !owner.is_empty() {
            return answer;
        }
    }
    panic!("neither plans\n{}", world.logs());
}

/// A command written for another process is stopped by what its caller had not seen, as one on the planner's own; and a
/// server that is asked to stop gives its lease away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_crosses_processes_with_its_guard_and_a_stopping_server_gives_its_lease_away() {
    let shape = Shape {
        agents: 2,
        greeter: false,
        online: true,
        limit: None,
    };
    let template = Template::new(Engine::Postgres, shape).await;
    let world = World::new(&template).await;
    let mut nodes: Vec<Node> = vec![world.serve(World::port()).await];
    let began = Instant::now();
    while lease(&world).await.1 < 2 {
        assert!(began.elapsed() < HAND_OVER, "nobody plans");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    nodes.push(world.serve(World::port()).await);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let say = async |address: &str, wamid: &str, phone: &str| {
        let hook = Hook {
            phone: phone.into(),
            text: format!("dice {wamid}"),
            acknowledged: false,
        };
        let stored = deliver_to(&http, address, &world.webhook, wamid, &hook).await;
        assert!(matches!(stored, Ok(true)), "{stored:?}");
    };
    let first_of = "select min(id) from message where direction = 'in'";
    // From the planner's own process, then from the other: the same refusal, the same success.
    for (i, node) in nodes.iter().enumerate() {
        let phone = format!("5491199{i:06}");
        say(&node.address, &format!("wamid.a{i}"), &phone).await;
        until_arrived(&world, i as i64 + 1).await;
        say(&node.address, &format!("wamid.b{i}"), &phone).await;
        let messages = i as i64 * 2 + 2;
        let began = Instant::now();
        while world.count("select count(*) from message where direction = 'in'").await < messages {
            assert!(began.elapsed() < Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut owner = Browser::at(&node.address);
        owner.sign_in("olga@example.com").await;
        let list = owner.get("/conversations?tray=agents").await.expect(200);
        let id = list["items"][0]["id"].as_i64().expect("a conversation");
        let path = format!("/conversations/{id}/close");
        // The first message of all is older than anything this customer said last.
        let body = json!({ "confirm_unanswered": true, "last_message": world.count(first_of).await });
        owner.post(&path, body).await.problem(409, "customer_wrote");
        let newest = world.count("select max(id) from message where direction = 'in'").await;
        let body = json!({ "confirm_unanswered": true, "last_message": newest });
        let closed = owner.post(&path, body).await.expect(200);
        assert_eq!(closed["conversation"]["place"], "closed");
    }
    let before = lease(&world).await;
    nodes[0].signal("TERM");
    assert_eq!(
        nodes[0].ended_within(Duration::from_secs(10)).await,
        Some(0),
        "{}",
        world.logs()
    );
    let began = Instant::now();
    say(&nodes[1].address, "wamid.c", "5491199777777").await;
    until_arrived(&world, 3).await;
    eprintln!("planned {:?} after a polite stop", began.elapsed());
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "nobody waits for a lease that was given away"
    );
    assert!(lease(&world).await.1 > before.1);
    world.invariants().await;
}

/// Waits until this many conversations were assigned.
async fn until_arrived(world: &World, n: i64) {
    let began = Instant::now();
    while planned(world).await < n {
        assert!(began.elapsed() < HAND_OVER, "not planned\n{}", world.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
