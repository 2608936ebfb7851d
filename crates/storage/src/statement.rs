//! A statement: one text with tokens, rendered once per engine.
//!
//! * `$1 … $n` – parameters.
//! * `{rows(id: i64, name: text)} as p` – a batch. PostgreSQL runs the statement once over `unnest` of one array per
//!   column; SQLite runs it once per row with `p.x` replaced by `?n` in the text, because in-process calls are faster
//!   there than any list. Parameters after the columns are numbered on from them. An insert of nothing but such a row
//!   says `values` there: SQLite copies every page that an `insert … select` is about to change.
//! * `{lock: order by c.id for update}` – row locks, empty on SQLite, which has one writer.

use std::sync::OnceLock;

/// The type of a column of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Int,
    Text,
    Bytes,
}

/// A registered statement. Made by [`crate::statements!`] only.
pub struct Statement {
    pub name: &'static str,
    pub file: &'static str,
    text: &'static str,
    compiled: OnceLock<Compiled>,
}

pub(crate) struct Compiled {
    pub sqlite: String,
    pub pg: String,
    pub columns: Vec<ColumnType>,
}

impl Statement {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, file: &'static str, text: &'static str) -> Self {
        Self {
            name,
            file,
            text,
            compiled: OnceLock::new(),
        }
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| compile(self.text))
    }

    /// The text that SQLite sees.
    #[must_use]
    pub fn sqlite(&self) -> &str {
        &self.compiled().sqlite
    }

    /// The text that PostgreSQL sees.
    #[must_use]
    pub fn postgres(&self) -> &str {
        &self.compiled().pg
    }

    /// The columns of the row token; empty for a plain statement.
    #[must_use]
    pub fn columns(&self) -> &[ColumnType] {
        &self.compiled().columns
    }
}

/// Declares the statements of a storage file, and `STATEMENTS`, which `registry.rs` lists so that tests can prepare
/// every one of them on both engines.
#[macro_export]
macro_rules! statements {
    ($($(#[$doc:meta])* $vis:vis $name:ident = $text:expr;)*) => {
        $($(#[$doc])* $vis static $name: $crate::Statement = $crate::Statement::new(stringify!($name), file!(), $text);)*
        /// The statements of this file.
        pub(crate) static STATEMENTS: &[&$crate::Statement] = &[$(&$name),*];
    };
}

fn compile(text: &str) -> Compiled {
    let mut pg = String::new();
    let mut lite = String::new();
    let mut columns = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut alias = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        pg.push_str(&rest[..open]);
        lite.push_str(&rest[..open]);
        let close = open + rest[open..].find('}').expect("a token must end with }");
        let token = &rest[open + 1..close];
        rest = &rest[close + 1..];
        if let Some(lock) = token.strip_prefix("lock:") {
            pg.push_str(lock.trim());
        } else if let Some(list) = token.strip_prefix("rows(").and_then(|t| t.strip_suffix(')')) {
            for column in list.split(',') {
                let (name, ty) = column.split_once(':').expect("a column is `name: type`");
                names.push(name.trim().to_owned());
                columns.push(match ty.trim() {
                    "i64" => ColumnType::Int,
                    "text" => ColumnType::Text,
                    "bytes" => ColumnType::Bytes,
                    other => panic!("unknown column type {other}"),
                });
            }
            let after = rest
                .trim_start()
                .strip_prefix("as ")
                .expect("{rows(…)} needs an alias")
                .trim_start();
            let end = after
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            alias = after[..end].to_owned();
            rest = &after[end..];
            let arrays: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(i, c)| {
                    let ty = match c {
                        ColumnType::Int => "int8",
                        ColumnType::Text => "text",
                        ColumnType::Bytes => "bytea",
                    };
                    format!("${}::{ty}[]", i + 1)
                })
                .collect();
            pg.push_str(&format!(
                "unnest({}) as {alias}({})",
                arrays.join(", "),
                names.join(", ")
            ));
            // On SQLite the source of rows disappears: either a comma follows, or the whole `from`/comma before goes.
            if let Some(more) = rest.trim_start().strip_prefix(',') {
                // PostgreSQL keeps the comma.
                pg.push(',');
                rest = more;
            } else {
                let kept = lite.trim_end();
                let cut = kept
                    .strip_suffix("from")
                    .or_else(|| kept.strip_suffix(','))
                    .expect("rows stand in a from");
                lite.truncate(cut.trim_end().len());
                if let Some(values) = as_values(&lite, rest) {
                    lite = values;
                }
            }
        } else {
            panic!("unknown token {{{token}}} in {text}");
        }
    }
    pg.push_str(rest);
    lite.push_str(rest);
    let mut lite = dollars_to_question_marks(&lite);
    for (i, name) in names.iter().enumerate() {
        lite = replace_word(&lite, &format!("{alias}.{name}"), &format!("?{}", i + 1));
    }
    Compiled {
        sqlite: lite,
        pg,
        columns,
    }
}

/// `insert into t(a, b) select x, y` before `rest` as an insert of one row of values; none when it is something else.
fn as_values(insert: &str, rest: &str) -> Option<String> {
    let next = rest.split_whitespace().next();
    if !insert.starts_with("insert into") || !matches!(next, None | Some("on" | "returning")) {
        return None;
    }
    let (into, list) = insert.split_once("select ")?;
    (!list.contains("select ")).then(|| format!("{into}values ({list})"))
}

fn dollars_to_question_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '$' && chars.peek().is_some_and(char::is_ascii_digit) {
            out.push('?')
        } else {
            out.push(c)
        }
    }
    out
}

fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let before = rest[..at].chars().next_back().is_some_and(|c| is_word(c) || c == '.');
        let after = rest[at + word.len()..].chars().next().is_some_and(is_word);
        out.push_str(&rest[..at]);
        out.push_str(if before || after { word } else { by });
        rest = &rest[at + word.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_statement_changes_only_its_parameters() {
        let c = compile("select id from customer where workspace = $1 and id = $2");
        assert_eq!(c.sqlite, "select id from customer where workspace = ?1 and id = ?2");
        assert_eq!(c.pg, "select id from customer where workspace = $1 and id = $2");
    }

    #[test]
    fn a_batch_update_becomes_one_call_per_row_on_sqlite() {
        let c = compile(
            "update a as x set load = x.load + p.delta from {rows(id: i64, delta: i64)} as p where x.id = p.id and x.workspace = $3",
        );
        assert_eq!(
            c.sqlite,
            "update a as x set load = x.load + ?2 where x.id = ?1 and x.workspace = ?3"
        );
        assert_eq!(
            c.pg,
            "update a as x set load = x.load + p.delta from unnest($1::int8[], $2::int8[]) as p(id, delta) where x.id = p.id and x.workspace = $3"
        );
        assert_eq!(c.columns, [ColumnType::Int, ColumnType::Int]);
    }

    #[test]
    fn a_batch_insert_keeps_its_where() {
        let c =
            compile("insert into t(a, b) select p.a, $2 from {rows(a: text)} as p where true on conflict do nothing");
        assert_eq!(
            c.sqlite,
            "insert into t(a, b) select ?1, ?2 where true on conflict do nothing"
        );
    }

    #[test]
    fn a_batch_insert_of_rows_alone_inserts_values_on_sqlite() {
        let c = compile(
            "insert into t(a, b) select p.a, cast($2 as bigint) from {rows(a: text)} as p on conflict do nothing returning id",
        );
        assert_eq!(
            c.sqlite,
            "insert into t(a, b) values (?1, cast(?2 as bigint)) on conflict do nothing returning id"
        );
        let c = compile("insert into t(a) select (select max(x) from u) + p.a from {rows(a: i64)} as p");
        assert_eq!(c.sqlite, "insert into t(a) select (select max(x) from u) + ?1");
    }

    #[test]
    fn rows_beside_another_table_leave_the_table() {
        let c = compile("select c.id from {rows(id: i64)} as p, c where c.id = p.id {lock: order by c.id for update}");
        assert_eq!(c.sqlite, "select c.id from  c where c.id = ?1 ");
        assert_eq!(
            c.pg,
            "select c.id from unnest($1::int8[]) as p(id), c where c.id = p.id order by c.id for update"
        );
        let c = compile("select c.id from c, {rows(id: i64)} as p where c.id = p.id");
        assert_eq!(c.sqlite, "select c.id from c where c.id = ?1");
    }

    #[test]
    fn words_that_only_begin_alike_stay() {
        assert_eq!(
            replace_word("p.id p.idx xp.id q.p.id", "p.id", "?1"),
            "?1 p.idx xp.id q.p.id"
        );
    }
}
