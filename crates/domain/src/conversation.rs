//! Where a conversation is, who has it, and why it ended.

use serde::{Deserialize, Serialize};

/// Declares a closed enum stored and sent as its snake_case name.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),* }

        /// The document says the words, not the names of the variants.
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text),*]))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stored and published word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The value of a stored word; `None` for a word this version does not know.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The place of a conversation; it is in exactly one (routing.md, S11).
    Place {
        /// With the bot, or outbound without a reply: no clock, no load.
        Bot = "bot",
        /// Waiting for an agent.
        Waiting = "waiting",
        /// Held by its owner.
        Held = "held",
        Closed = "closed",
    }
}

words! {
    /// The phase of a held conversation.
    Phase {
        /// The customer is owed a reply.
        Unanswered = "unanswered",
        /// The ball is with the customer.
        Answered = "answered",
        /// Quiet, snoozed or on hold.
        Parked = "parked",
    }
}

words! {
    /// Why a conversation was closed (spec CORE-1).
    CloseReason {
        Agent = "agent",
        Inactivity = "inactivity",
        Bot = "bot",
        Api = "api",
        Supervisor = "supervisor",
        Merged = "merged",
        Erased = "erased",
        /// Nobody was there, and the workspace turns people away then (spec CP-10).
        AfterHours = "after_hours",
    }
}

words! {
    /// What a message is to the conversation.
    Direction {
        /// From the customer.
        In = "in",
        /// To the customer.
        Out = "out",
        /// Internal, never leaves to the customer.
        Note = "note",
        /// A line written by Ronda.
        System = "system",
    }
}

words! {
    /// Who wrote a message.
    Author {
        Customer = "customer",
        Agent = "agent",
        Bot = "bot",
        /// Automatic texts: greeting, farewell, after-hours.
        Automatic = "automatic",
        /// Typed outside Ronda, on the phone or in the provider's own inbox.
        External = "external",
        System = "system",
    }
}

words! {
    /// What is known of an outbound message. The order is the order of progress; see [`MessageStatus::advance`].
    MessageStatus {
        Queued = "queued",
        /// The provider call was made and its answer was lost.
        Uncertain = "uncertain",
        Sent = "sent",
        Delivered = "delivered",
        Read = "read",
        Played = "played",
        Failed = "failed",
    }
}

impl MessageStatus {
    /// The status after `next` was reported: never backwards, and a failure is final unless the customer
    /// demonstrably received the message.
    #[must_use]
    pub fn advance(self, next: Self) -> Self {
        match (self, next) {
            (Self::Delivered | Self::Read | Self::Played, Self::Failed) => self,
            (Self::Failed, Self::Delivered | Self::Read | Self::Played) => next,
            (Self::Failed, _) => Self::Failed,
            _ => self.max(next),
        }
    }
}

words! {
    /// The trays of the console (spec AG-6).
    Tray { Unassigned = "unassigned", Mine = "mine", Agents = "agents", Bot = "bot" }
}

words! {
    /// The states inside a tray.
    TrayState { Active = "active", Closed = "closed", Outbound = "outbound" }
}

words! {
    /// The orders of a list (spec AG-7).
    Order { Waiting = "waiting", Activity = "activity", Assigned = "assigned" }
}
