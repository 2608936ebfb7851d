//! Channels and the limits of their contents (spec CORE-4, CORE-5).

use crate::conversation::words;
use serde::{Deserialize, Serialize};

words! {
    /// The kind of a channel account.
    ChannelKind {
        Whatsapp = "whatsapp",
        Facebook = "facebook",
        Instagram = "instagram",
        FacebookComment = "facebook_comment",
        InstagramComment = "instagram_comment",
        WebChat = "web_chat",
    }
}

words! {
    /// The kind of an address of a customer.
    IdentityKind {
        WhatsappPhone = "whatsapp_phone",
        /// Business-scoped user id; its scope is the business portfolio.
        WhatsappBsuid = "whatsapp_bsuid",
        FacebookPsid = "facebook_psid",
        InstagramIgsid = "instagram_igsid",
        WebVisitor = "web_visitor",
        WebUser = "web_user",
        Email = "email",
    }
}

words! {
    /// Whether free messages may be sent at this moment.
    Window { Open = "open", Extended = "extended", Closed = "closed" }
}

words! {
    /// The health of a channel account.
    ChannelStatus {
        Draft = "draft",
        Connecting = "connecting",
        Connected = "connected",
        Degraded = "degraded",
        Disconnected = "disconnected",
    }
}

/// The service window of WhatsApp: 24 h from the last customer message. Source: meta-platform §8.1, spec CORE-4.
pub const WHATSAPP_WINDOW_MS: i64 = 24 * 3_600_000;
