//! The states of an agent (spec AG-5).

use crate::conversation::words;
use serde::{Deserialize, Serialize};

words! {
    /// What an agent is at this moment.
    AgentState {
        /// Connected and available.
        Online = "online",
        /// Connected, not available (Ausente).
        Away = "away",
        /// Not connected, or ten minutes without activity (Desconectado).
        Offline = "offline",
    }
}

words! {
    /// What an agent chose; it survives tabs, sign-ins and restarts.
    ChosenState { Online = "online", Away = "away" }
}

words! {
    /// Why a state changed; kept in the state history.
    StateCause {
        User = "user",
        Inactivity = "inactivity",
        Activity = "activity",
        Connection = "connection",
        Strikes = "strikes",
        Supervisor = "supervisor",
        SignOut = "sign_out",
    }
}

/// Time without activity after which a connected agent is Offline. Source: spec AG-5 [doc].
pub const INACTIVITY_MS: i64 = 10 * 60_000;
/// Time a lost connection may last before the agent counts as gone. Source: spec AG-5, routing.md row 56.
pub const CONNECTION_GRACE_MS: i64 = 120_000;
/// Life of a presence lease; renewed every third of it. Source: routing.md row 57.
pub const LEASE_MS: i64 = 45_000;
