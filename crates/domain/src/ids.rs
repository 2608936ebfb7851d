//! Row ids as newtypes, so that a customer can never be passed where an agent is meant.
//!
//! All are the `i64` that the database gave (storage returns them, documents and the API show them). Zero and
//! negative values never occur.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    WorkspaceId,
    /// A person's sign-in account, which may belong to several workspaces.
    AccountId,
    /// A member of one workspace: user and, with the right to reply, agent. The API calls it user id.
    AgentId,
    /// A team of agents.
    GroupId,
    /// One connected number, page, profile or site.
    ChannelAccountId,
    /// Something an agent can do: a language, a product.
    SkillId,
    /// The person outside.
    CustomerId,
    /// One address of a customer on a channel.
    IdentityId,
    /// Exchange with one customer on one channel account.
    ConversationId,
    /// A message, note or system line of a conversation.
    MessageId,
    /// A stored file.
    FileId,
    /// One version of an assignment policy.
    PolicyId,
    /// A signed-in device.
    SessionId,
}
