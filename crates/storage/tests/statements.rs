//! Every statement of the product is prepared on both engines, so that a misspelt column cannot ship.

use ronda_domain::{CustomerId, WorkspaceId};
use ronda_storage::{Engine, Value, conversations, customers, registry, testing::TestDb};

/// A file that declares statements and is not registered would escape the tests below.
#[test]
fn every_file_of_statements_is_registered() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if text.lines().any(|l| l.starts_with("statements! {")) && !registry::ALL.iter().any(|(n, _)| *n == name) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "not in registry.rs: {missing:?}");
}

fn prepare_all(engine: Engine) {
    let t = TestDb::open(engine);
    let mut failures = Vec::new();
    for (file, statements) in registry::ALL {
        for s in *statements {
            let answer = t.db.read_blocking("prepare", |tx| tx.prepare_only(s));
            if let Err(e) = answer {
                failures.push(format!("{file}::{}: {e}", s.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn sqlite_prepares_every_statement() {
    prepare_all(Engine::Sqlite);
}

#[test]
fn postgres_prepares_every_statement() {
    prepare_all(Engine::Postgres);
}

/// Customers of the test below: enough for both planners to prefer an index to reading everything.
const CUSTOMERS: i64 = 20_000;

/// Customers are found by the beginnings of words through the index of words, and not by reading them all (spec AG-12).
fn finds_by_index(engine: Engine) {
    const W: WorkspaceId = WorkspaceId(1);
    let t = TestDb::open(engine);
    t.db.write_blocking("workspace", |tx| {
        ronda_storage::workspaces::insert(tx, "Acme", "UTC", "es", "AR", false)
    })
    .unwrap();
    let make = |from: i64| {
        t.db.write_blocking("customers", move |tx| {
            for n in from..from + 1_000 {
                let phone = format!("+5491155{n:06}");
                customers::insert(tx, W, &format!("Cliente Número{n} Pérez"), "profile", Some(&phone))?;
            }
            Ok::<_, ronda_storage::StoreError>(())
        })
        .unwrap();
    };
    (0..CUSTOMERS / 1_000).for_each(|thousand| make(thousand * 1_000));
    t.db.write_blocking("statistics", |tx| tx.query_dynamic("analyze", &[], |_| Ok(())))
        .unwrap();
    let range = |word: &str| -> Vec<Value> {
        let end = [word.as_bytes(), &[0xff]].concat();
        vec![W.into(), word.as_bytes().into(), end.into()]
    };
    let find = |word: &str| {
        let (text, params) = (customers::with_word(2), range(word));
        t.db.read_blocking("find", move |tx| {
            tx.query_dynamic(&text, &params, |r| r.id::<CustomerId>(0))
        })
        .unwrap()
    };
    assert_eq!(find("numero777").len(), 11, "777 and 7770 to 7779");
    assert_eq!(find("005512").len(), 1, "the end of a number, of a run of its digits");
    assert_eq!(find("nadie").len(), 0);
    let explain = if engine == Engine::Sqlite {
        "explain query plan "
    } else {
        "explain "
    };
    let column = if engine == Engine::Sqlite { 3 } else { 0 };
    let plan = |text: String, params: Vec<Value>| {
        t.db.read_blocking("plan", move |tx| {
            tx.query_dynamic(&format!("{explain}{text}"), &params, |r| r.t(column))
        })
        .unwrap()
        .join("\n")
    };
    let words = plan(customers::with_word(2), range("numero777"));
    let by_index = match engine {
        Engine::Sqlite => words.contains("(workspace=? AND word>? AND word<?)"),
        Engine::Postgres => words.contains("customer_word_pkey") && !words.contains("Seq Scan"),
    };
    assert!(by_index, "{words}");
    // As the search of the console asks: through the conversations that somebody sees.
    let condition = format!("c.workspace = $1 and c.customer in ({})", customers::with_word(2));
    let mut params = range("numero777");
    params.push(20_i64.into());
    let whole = plan(conversations::customers_text(&condition, params.len()), params);
    let by_index = match engine {
        Engine::Sqlite => whole.contains("word>? AND word<?") && !whole.contains("SCAN k"),
        Engine::Postgres => whole.contains("customer_word_pkey") && !whole.contains("Seq Scan on customer"),
    };
    assert!(by_index, "{whole}");
}

#[test]
fn ag_12_customers_are_found_by_index_on_sqlite() {
    finds_by_index(Engine::Sqlite);
}

#[test]
fn ag_12_customers_are_found_by_index_on_postgres() {
    finds_by_index(Engine::Postgres);
}
