//! Parameters of statements: 64-bit integers, text and bytes, nothing else (storage rule: every column is one of these).

use ronda_domain::{
    AccountId, AgentId, ChannelAccountId, ConversationId, CustomerId, FileId, GroupId, IdentityId, MessageId, Ms,
    PolicyId, SessionId, SkillId, WorkspaceId,
};

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// A JSON document as text.
    #[must_use]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Self {
        Self::Text(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<i32> for Value {
    fn from(v: i32) -> Self {
        Self::Int(v.into())
    }
}
impl From<u32> for Value {
    fn from(v: u32) -> Self {
        Self::Int(v.into())
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Int(v.into())
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<&String> for Value {
    fn from(v: &String) -> Self {
        Self::Text(v.clone())
    }
}
impl From<Vec<u8>> for Value {
    fn from(v: Vec<u8>) -> Self {
        Self::Bytes(v)
    }
}
impl From<&[u8]> for Value {
    fn from(v: &[u8]) -> Self {
        Self::Bytes(v.to_vec())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

macro_rules! ids {
    ($($t:ty),*) => {$(impl From<$t> for Value { fn from(v: $t) -> Self { Self::Int(v.0) } })*};
}
ids!(
    AccountId,
    AgentId,
    ChannelAccountId,
    ConversationId,
    CustomerId,
    FileId,
    GroupId,
    IdentityId,
    MessageId,
    Ms,
    PolicyId,
    SessionId,
    SkillId,
    WorkspaceId
);

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, Value as V, ValueRef};
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(V::Null),
            Self::Int(v) => ToSqlOutput::Owned(V::Integer(*v)),
            Self::Text(v) => ToSqlOutput::Borrowed(ValueRef::Text(v.as_bytes())),
            Self::Bytes(v) => ToSqlOutput::Borrowed(ValueRef::Blob(v)),
        })
    }
}

impl postgres::types::ToSql for Value {
    fn to_sql(
        &self,
        ty: &postgres::types::Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        use postgres::types::Type;
        match self {
            Self::Null => Ok(postgres::types::IsNull::Yes),
            Self::Int(v) if *ty == Type::INT4 => i32::try_from(*v)?.to_sql(ty, out),
            Self::Int(v) => v.to_sql(ty, out),
            Self::Text(v) => v.to_sql(ty, out),
            Self::Bytes(v) => v.to_sql(ty, out),
        }
    }

    fn accepts(ty: &postgres::types::Type) -> bool {
        use postgres::types::Type;
        matches!(*ty, Type::INT8 | Type::INT4 | Type::TEXT | Type::VARCHAR | Type::BYTEA)
    }

    postgres::types::to_sql_checked!();
}

/// The rows of a batch, flat. All rows have the width of the statement's row token.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    values: Vec<Value>,
    count: usize,
}

impl Rows {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one row.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        self.values.extend(row);
        self.count += 1;
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Value]> {
        self.values.chunks(self.width().max(1))
    }

    pub(crate) fn width(&self) -> usize {
        self.values.len().checked_div(self.count).unwrap_or(0)
    }
}
