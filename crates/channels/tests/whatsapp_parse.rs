//! Webhook bodies as the platform sends them, and what they become.

use proptest::prelude::*;
use ronda_channels::inbound::{IdentityChange, Inbound, InboundKind, InboundMessage};
use ronda_channels::outcome::ErrorClass;
use ronda_channels::whatsapp::parse;
use ronda_domain::Ms;
use ronda_domain::content::Content;
use serde_json::{Value, json};

const NOW: Ms = Ms(1_790_000_500_000);

fn body(field: &str, value: Value) -> Vec<u8> {
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "time": 1_790_000_100,
        "changes": [{"field": field, "value": value}]}]});
    serde_json::to_vec(&body).unwrap()
}

fn messages(all: Value) -> Vec<u8> {
    body(
        "messages",
        json!({"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "5491155550100", "phone_number_id": "100000000000001"},
            "contacts": [{"profile": {"name": "Julia Prueba", "username": "@julia.prueba"}, "wa_id": "5491155550001",
                "user_id": "AR.40718293645501927364"}],
            "messages": all}),
    )
}

/// One message of this type with this body.
fn of_type(kind: &str, part: Value) -> Vec<u8> {
    let mut message = json!({"from": "5491155550001", "from_user_id": "AR.40718293645501927364", "id": "wamid.IN1",
        "timestamp": "1790000000", "type": kind});
    message[kind] = part;
    messages(json!([message]))
}

fn kinds(bytes: &[u8]) -> Vec<InboundKind> {
    let events = parse(bytes, NOW);
    events
        .into_iter()
        .map(|p| p.event().unwrap_or_else(|| panic!("{p:?}")).kind.clone())
        .collect()
}

fn message(bytes: &[u8]) -> InboundMessage {
    match kinds(bytes).as_slice() {
        [InboundKind::Message(message)] => message.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_names_its_account_its_sender_and_its_time() {
    let bytes = of_type("text", json!({"body": "Buen día, ¿están abiertos?"}));
    let events = parse(&bytes, NOW);
    let event = events[0].event().unwrap();
    assert_eq!(event.account_external_id.as_deref(), Some("100000000000001"));
    assert_eq!(event.owner_external_id.as_deref(), Some("200000000000001"));
    assert_eq!(event.pointer, "/entry/0/changes/0/value/messages/0");
    let message = message(&bytes);
    assert_eq!(message.provider_id, "wamid.IN1");
    assert_eq!(message.at, Ms(1_790_000_000_000));
    assert_eq!(message.content, Content::text("Buen día, ¿están abiertos?"));
    assert_eq!(message.from.phone.as_deref(), Some("5491155550001"));
    assert_eq!(message.from.wa_id.as_deref(), Some("5491155550001"));
    assert_eq!(message.from.user_id.as_deref(), Some("AR.40718293645501927364"));
    assert_eq!(message.from.name.as_deref(), Some("Julia Prueba"));
    assert_eq!(message.from.username.as_deref(), Some("julia.prueba"));
}

#[test]
fn every_documented_type_becomes_its_content() {
    let cases = [
        (
            "image",
            json!({"id": "500", "mime_type": "image/jpeg", "sha256": "ab", "caption": "Mire", "url": "https://x.test/1"}),
            json!({"type": "image", "provider_media": "500", "mime": "image/jpeg", "sha256": "ab", "caption": "Mire"}),
        ),
        (
            "video",
            json!({"id": 501, "mime_type": "video/mp4"}),
            json!({"type": "video", "provider_media": "501", "mime": "video/mp4"}),
        ),
        (
            "audio",
            json!({"id": "502", "mime_type": "audio/ogg; codecs=opus", "voice": true}),
            json!({"type": "audio", "provider_media": "502", "mime": "audio/ogg; codecs=opus", "voice": true}),
        ),
        (
            "document",
            json!({"id": "503", "mime_type": "application/pdf", "filename": "factura.pdf"}),
            json!({"type": "document", "provider_media": "503", "mime": "application/pdf", "name": "factura.pdf"}),
        ),
        (
            "sticker",
            json!({"id": "504", "mime_type": "image/webp", "animated": true}),
            json!({"type": "sticker", "provider_media": "504", "mime": "image/webp", "animated": true}),
        ),
        (
            "location",
            json!({"latitude": -34.6, "longitude": -58.38, "name": "Obelisco"}),
            json!({"type": "location", "latitude": -34.6, "longitude": -58.38, "name": "Obelisco"}),
        ),
        (
            "contacts",
            json!([{"name": {"formatted_name": "Ing. Marco Prueba"}, "phones": [{"phone": "+54 11 5555 0002"}],
                "emails": [{"email": "m@example.test"}], "org": {"company": "Prueba SA"}}, {"phones": [{"wa_id": "549"}]}]),
            json!({"type": "contacts", "contacts": [
                {"name": "Ing. Marco Prueba", "phones": ["+54 11 5555 0002"], "emails": ["m@example.test"],
                    "organization": "Prueba SA"},
                {"name": "549", "phones": ["549"], "emails": []}]}),
        ),
        (
            "reaction",
            json!({"message_id": "wamid.OUT1", "emoji": "👍"}),
            json!({"type": "reaction", "emoji": "👍", "target": "wamid.OUT1"}),
        ),
        (
            "reaction",
            json!({"message_id": "wamid.OUT1"}),
            json!({"type": "reaction", "emoji": "", "target": "wamid.OUT1"}),
        ),
        (
            "interactive",
            json!({"type": "button_reply", "button_reply": {"id": "si", "title": "Confirmo"}}),
            json!({"type": "interactive_reply", "id": "si", "title": "Confirmo"}),
        ),
        (
            "interactive",
            json!({"type": "list_reply", "list_reply": {"id": "t-0930", "title": "09:30", "description": "Sala 2"}}),
            json!({"type": "interactive_reply", "id": "t-0930", "title": "09:30", "description": "Sala 2"}),
        ),
        (
            "interactive",
            json!({"type": "nfm_reply",
                "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{\"email\":\"j@example.test\"}"}}),
            json!({"type": "form_reply", "name": "flow", "text": "Sent", "values": {"email": "j@example.test"}}),
        ),
        (
            "interactive",
            json!({"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": "no es json"}}),
            json!({"type": "form_reply", "name": "flow", "text": "", "values": "no es json"}),
        ),
        (
            "button",
            json!({"payload": "turno-ok", "text": "Confirmo"}),
            json!({"type": "interactive_reply", "id": "turno-ok", "title": "Confirmo"}),
        ),
        (
            "order",
            json!({"catalog_id": "77", "text": "Gracias", "product_items": [
                {"product_retailer_id": "sku-1", "quantity": "2", "item_price": 19.5, "currency": "ARS"}]}),
            json!({"type": "order", "catalog_id": "77", "text": "Gracias",
                "items": [{"product_id": "sku-1", "quantity": 2, "price": "19.5", "currency": "ARS"}]}),
        ),
    ];
    for (kind, part, expected) in cases {
        let content = serde_json::to_value(message(&of_type(kind, part)).content).unwrap();
        assert_eq!(content, expected, "{kind}");
    }
}

#[test]
fn core_3_2_an_unknown_type_is_kept_and_takes_nobody_with_it() {
    let bytes = messages(json!([
        {"from": "5491155550001", "id": "wamid.1", "timestamp": "1790000000", "type": "text", "text": {"body": "uno"}},
        {"from": "5491155550001", "id": "wamid.2", "timestamp": 1_790_000_001, "type": "hologram", "hologram": {"x": 1}},
        {"from": "5491155550001", "id": "wamid.3", "type": "text", "text": {"body": 7}},
        {"from": "5491155550001", "timestamp": "1790000003", "type": "text", "text": {"body": "sin id"}},
        "basura",
        {"id": "wamid.6", "timestamp": "x", "type": "text", "text": {"body": "seis"}, "from": 5_491_155_550_001_i64},
        {"from": "5491155550001", "id": "wamid.7", "timestamp": "1790000006", "type": "unsupported",
            "unsupported": {"type": "poll"}, "errors": [{"code": 131_051, "title": "Unsupported",
                "error_data": {"details": "A poll"}}]}
    ]));
    let parts = parse(&bytes, NOW);
    let seen: Vec<String> = parts
        .iter()
        .map(|p| match p {
            Inbound::Malformed(bad) => format!("malformed {}", bad.pointer),
            Inbound::Event(event) => match &event.kind {
                InboundKind::Message(m) => format!("{} {} {}", m.provider_id, m.content.kind(), m.at),
                other => format!("{other:?}"),
            },
        })
        .collect();
    assert_eq!(
        seen,
        [
            "wamid.1 text 1790000000000",
            "wamid.2 unsupported 1790000001000",
            "wamid.3 unsupported 1790000500000",
            "malformed /entry/0/changes/0/value/messages/3",
            "malformed /entry/0/changes/0/value/messages/4",
            "wamid.6 text 1790000500000",
            "wamid.7 unsupported 1790000006000",
        ]
    );
    let InboundKind::Message(poll) = &parts[6].event().unwrap().kind else {
        panic!()
    };
    assert!(matches!(&poll.content, Content::Unsupported { kind, raw } if kind == "poll" && raw["id"] == "wamid.7"));
    assert_eq!(
        (poll.errors[0].code, poll.errors[0].key.as_str()),
        (131_051, "kind_not_supported")
    );
}

#[test]
fn replies_forwards_products_and_advertisements_are_kept() {
    let with = |context: Value| {
        message(&messages(
            json!([{"from": "5491155550001", "id": "wamid.1", "timestamp": "1790000000", "type": "text",
            "text": {"body": "hola"}, "context": context}]),
        ))
        .context
    };
    assert_eq!(
        with(json!({"from": "5491155550100", "id": "wamid.Q"}))
            .reply_to
            .as_deref(),
        Some("wamid.Q")
    );
    assert!(with(json!({"forwarded": true})).forwarded);
    let often = with(json!({"frequently_forwarded": true}));
    assert!(often.forwarded && often.frequently_forwarded);
    assert_eq!(
        with(json!({"referred_product": {"catalog_id": "7"}})).product.unwrap()["catalog_id"],
        "7"
    );

    let ad = message(&messages(
        json!([{"from": "5491155550001", "id": "wamid.1", "type": "text", "text": {"body": "x"},
        "referral": {"source_type": "ad", "source_id": "1202", "ctwa_clid": "Aff1", "headline": "Escribinos",
            "media_type": "image"}}]),
    ));
    let referral = ad.referral.unwrap();
    assert_eq!(
        (referral.source_type.as_deref(), referral.click_id.as_deref()),
        (Some("ad"), Some("Aff1"))
    );
    assert_eq!(referral.raw["media_type"], "image");
}

#[test]
fn core_6_2_a_sender_without_phone_is_known_by_user_id() {
    let bytes = body(
        "messages",
        json!({"metadata": {"phone_number_id": "100000000000001"},
            "contacts": [{"profile": {"name": "Ana"}, "user_id": "AR.1"}, {"profile": {"name": "Beto"}, "user_id": "AR.2"}],
            "messages": [{"from_user_id": "AR.2", "id": "wamid.1", "timestamp": "1790000000", "type": "text",
                "text": {"body": "hola"}}]}),
    );
    let from = message(&bytes).from;
    assert_eq!(
        (from.phone, from.user_id.as_deref(), from.name.as_deref()),
        (None, Some("AR.2"), Some("Beto"))
    );
}

#[test]
fn a_media_message_without_handle_says_why() {
    let bytes = messages(
        json!([{"from": "5491155550001", "id": "wamid.1", "type": "video", "video": {"caption": "fiesta"},
        "errors": [{"code": 131_052, "title": "Media download error", "error_data": {"details": "Too large"}}]}]),
    );
    let content = message(&bytes).content;
    assert_eq!(content.media().unwrap().failed.as_deref(), Some("Too large"));
}

#[test]
fn core_3_5_statuses_keep_recipient_errors_and_correlation() {
    let bytes = body(
        "messages",
        json!({"metadata": {"phone_number_id": "100000000000001"}, "statuses": [
            {"id": "wamid.O1", "status": "sent", "timestamp": "1790000005", "recipient_id": "5491155550001",
                "biz_opaque_callback_data": "job-4711", "pricing": {"category": "utility"}},
            {"id": "wamid.O2", "status": "read", "timestamp": "1790000006", "recipient_user_id": "AR.2",
                "parent_recipient_user_id": "AR.ENT.9"},
            {"id": "wamid.O3", "status": "failed", "timestamp": "1790000009", "recipient_id": "5491155550001",
                "errors": [{"code": 131_047, "title": "Re-engagement message",
                    "error_data": {"details": "more than 24 hours"}}]},
            {"id": "wamid.O4", "status": "teleported", "timestamp": "1790000010"},
            {"status": "sent"}
        ]}),
    );
    let parts = parse(&bytes, NOW);
    let statuses: Vec<_> = parts
        .iter()
        .filter_map(|p| match &p.event()?.kind {
            InboundKind::Status(status) => Some(status),
            _ => None,
        })
        .collect();
    assert_eq!(
        statuses.iter().map(|s| s.status.as_str()).collect::<Vec<_>>(),
        ["sent", "read", "failed", "teleported"]
    );
    assert_eq!(statuses[0].callback_data.as_deref(), Some("job-4711"));
    assert_eq!(statuses[0].pricing.as_ref().unwrap()["category"], "utility");
    assert_eq!(statuses[1].recipient.user_id.as_deref(), Some("AR.2"));
    assert_eq!(statuses[1].recipient.parent_user_id.as_deref(), Some("AR.ENT.9"));
    assert_eq!(statuses[2].errors[0].class, ErrorClass::WindowClosed);
    assert_eq!(statuses[2].errors[0].detail, "more than 24 hours");
    assert!(matches!(&parts[4], Inbound::Malformed(bad) if bad.pointer == "/entry/0/changes/0/value/statuses/4"));
}

#[test]
fn corrections_name_their_message() {
    let bytes = messages(json!([
        {"from": "5491155550001", "id": "wamid.E", "timestamp": "1790000002", "type": "edit", "edit": {
            "original_message_id": "wamid.1", "message": {"type": "text", "text": {"body": "corregido"}}}},
        {"from": "5491155550001", "id": "wamid.D", "timestamp": "1790000003", "type": "revoke",
            "revoke": {"original_message_id": "wamid.1"}}
    ]));
    let all = kinds(&bytes);
    let InboundKind::Edited(edited) = &all[0] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (edited.target.as_str(), &edited.content),
        ("wamid.1", &Content::text("corregido"))
    );
    let InboundKind::Deleted(deleted) = &all[1] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (
            deleted.target.as_str(),
            deleted.provider_id.as_str(),
            deleted.by_business
        ),
        ("wamid.1", "wamid.D", false)
    );
}

#[test]
fn core_6_4_changes_of_address_come_by_message_and_by_field() {
    let system = |part: Value| {
        body(
            "messages",
            json!({"metadata": {"phone_number_id": "100000000000001"}, "messages": [{"from": "5491155550001",
                "id": "wamid.S", "timestamp": "1790000000", "type": "system", "system": part}]}),
        )
    };
    let changed = |bytes: &[u8]| match kinds(bytes).remove(0) {
        InboundKind::IdentityChanged(changed) => changed,
        other => panic!("{other:?}"),
    };
    let number = changed(&system(
        json!({"type": "user_changed_number", "body": "…", "wa_id": "5491155550002"}),
    ));
    assert_eq!(number.change, IdentityChange::Number);
    assert_eq!(number.old.phone.as_deref(), Some("5491155550001"));
    assert_eq!(number.new.wa_id.as_deref(), Some("5491155550002"));
    let id = changed(&system(json!({"type": "user_changed_user_id", "user_id": "AR.NEW"})));
    assert_eq!(
        (id.change, id.new.user_id.as_deref()),
        (IdentityChange::UserId, Some("AR.NEW"))
    );
    let key = changed(&system(
        json!({"type": "customer_identity_changed", "identity": {"hash": "h2"}}),
    ));
    assert_eq!(
        (key.change, key.new.identity_key_hash.as_deref()),
        (IdentityChange::SecurityKey, Some("h2"))
    );
    let field = changed(&body(
        "user_id_update",
        json!({"metadata": {"phone_number_id": "100000000000001"}, "user_id_update": [{"wa_id": "5491155550001",
            "user_id": {"previous": "AR.OLD", "current": "AR.NEW"}, "timestamp": "1790000000"}]}),
    ));
    assert_eq!(
        (field.old.user_id.as_deref(), field.new.user_id.as_deref()),
        (Some("AR.OLD"), Some("AR.NEW"))
    );
    let unknown = kinds(&system(json!({"type": "something_new"})));
    assert!(matches!(&unknown[0], InboundKind::Other { field, .. } if field == "messages.system"));
}

#[test]
fn other_fields_are_kept_and_the_accounts_are_told_apart() {
    let account = kinds(&body(
        "account_update",
        json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": []}),
    ));
    let InboundKind::AccountUpdate(update) = &account[0] else {
        panic!("{account:?}")
    };
    assert_eq!(
        (update.event.as_deref(), update.at),
        (Some("ACCOUNT_RESTRICTION"), Some(Ms(1_790_000_100_000)))
    );
    let review = kinds(&body("account_review_update", json!({"decision": "APPROVED"})));
    assert!(matches!(&review[0], InboundKind::AccountUpdate(u) if u.event.as_deref() == Some("APPROVED")));
    let pace = kinds(&body(
        "messages",
        json!({"metadata": {"phone_number_id": "100000000000001"}, "errors": [{"code": 130_429, "title": "Rate limit"}]}),
    ));
    assert!(matches!(&pace[0], InboundKind::AccountUpdate(u) if u.errors[0].class == ErrorClass::AccountLimit));
    for field in [
        "message_template_status_update",
        "history",
        "calls",
        "user_preferences",
        "from_the_future",
    ] {
        let kept = kinds(&body(field, json!({"anything": 1})));
        assert!(
            matches!(&kept[0], InboundKind::Other { field: f, raw } if f == field && raw["anything"] == 1),
            "{field}"
        );
    }
    let echo = kinds(&body(
        "smb_message_echoes",
        json!({"metadata": {"phone_number_id": "100000000000001"}, "message_echoes": [{"from": "5491155550100",
            "to": "5491155550001", "id": "wamid.P", "timestamp": "1790000000", "type": "text", "text": {"body": "Listo"}}]}),
    ));
    let InboundKind::Echo(echo) = &echo[0] else {
        panic!("{echo:?}")
    };
    assert_eq!(
        (echo.to.phone.as_deref(), &echo.content),
        (Some("5491155550001"), &Content::text("Listo"))
    );
}

#[test]
fn groups_never_become_private_conversations() {
    let bytes = messages(
        json!([{"from": "5491155550001", "group_id": "g1", "id": "wamid.1", "type": "text",
        "text": {"body": "a todos"}}]),
    );
    assert!(matches!(&kinds(&bytes)[0], InboundKind::Other { field, .. } if field == "messages.group"));
}

#[test]
fn bodies_that_are_not_ours_are_named() {
    let reason = |bytes: &[u8]| match parse(bytes, NOW).as_slice() {
        [Inbound::Malformed(bad)] => bad.pointer.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(b""), "");
    assert_eq!(reason(b"\xff\xfe not json"), "");
    assert_eq!(reason(br#"{"object":"page","entry":[]}"#), "/object");
    assert_eq!(reason(br#"{"object":"whatsapp_business_account"}"#), "/entry");
    assert_eq!(reason(br#"{"entry":[{"id":"1"}]}"#), "/entry/0/changes");
    assert_eq!(
        reason(br#"{"entry":[{"changes":[{"field":"messages"}]}]}"#),
        "/entry/0/changes/0/value"
    );
    assert_eq!(
        reason(br#"{"entry":[{"changes":[{"value":{}}]}]}"#),
        "/entry/0/changes/0"
    );
}

/// JSON that reaches deep: the keys are those the parser looks for, the values are anything.
fn webhook_like() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "id",
        "from",
        "from_user_id",
        "timestamp",
        "type",
        "text",
        "body",
        "image",
        "interactive",
        "button_reply",
        "nfm_reply",
        "response_json",
        "context",
        "errors",
        "code",
        "error_data",
        "system",
        "wa_id",
        "user_id",
        "edit",
        "original_message_id",
        "message",
        "revoke",
        "location",
        "latitude",
        "contacts",
        "profile",
        "name",
        "status",
        "recipient_id",
        "order",
        "product_items",
        "reaction",
        "message_id",
        "referral",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "text",
            "image",
            "system",
            "edit",
            "revoke",
            "interactive",
            "nfm_reply",
            "location",
            "user_changed_number",
            "contacts",
            "order",
            "reaction"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn parsing_never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let parts = parse(&bytes, NOW);
        prop_assert!(!parts.is_empty());
    }

    #[test]
    fn parsing_never_panics_on_json_and_never_loses_a_part(
        field in prop::sample::select(vec!["messages", "smb_message_echoes", "user_id_update", "account_update", "x"]),
        parts in prop::collection::vec(webhook_like(), 1..4),
    ) {
        let count = parts.len();
        let value = json!({"messages": parts.clone(), "message_echoes": parts.clone(), "user_id_update": parts});
        let result = parse(&body(field, value), NOW);
        let expected = if matches!(field, "account_update" | "x") { 1 } else { count };
        prop_assert_eq!(result.len(), expected);
    }

    #[test]
    fn parsing_never_panics_on_any_value(value in webhook_like()) {
        prop_assert!(!parse(&body("messages", value.clone()), NOW).is_empty());
        prop_assert!(!parse(&serde_json::to_vec(&value).unwrap(), NOW).is_empty());
    }
}
