//! The client against servers that answer, refuse, lie and fall silent.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ronda_channels::outcome::{CallError, ErrorClass, SendOutcome};
use ronda_channels::whatsapp::{GraphClient, GraphConfig};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A loopback server; `answer` gets path with query, the Authorization header and the server's own address.
async fn server<F>(answer: F) -> String
where
    F: Fn(&str, &str, &str) -> Response + Clone + Send + Sync + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let own = base.clone();
    let app = Router::new().fallback(move |request: Request| {
        let path = request.uri().to_string();
        let header = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|h| h.to_str().ok())
            .unwrap_or("");
        let response = answer(&path, header, &own);
        async move { response }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

fn client(base: &str) -> GraphClient {
    let config = GraphConfig {
        base_url: base.into(),
        timeout: Duration::from_millis(400),
        ..GraphConfig::default()
    };
    GraphClient::new(&config).unwrap()
}

fn graph(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

async fn sent(answer: fn() -> Response) -> SendOutcome {
    let base = server(move |path, auth, _| {
        assert_eq!((path, auth), ("/v25.0/100/messages", "Bearer tok"));
        answer()
    })
    .await;
    client(&base).send("100", "tok", &json!({"to": "+549"})).await
}

#[tokio::test]
async fn an_accepted_send_has_its_id_and_contact() {
    let outcome = sent(|| {
        graph(
            200,
            json!({"contacts": [{"input": "+549", "wa_id": "541", "user_id": "AR.1"}],
            "messages": [{"id": "wamid.X", "message_status": "held_for_quality_assessment"}]}),
        )
    })
    .await;
    let SendOutcome::Sent {
        provider_id,
        contact,
        held,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (provider_id.as_str(), contact.wa_id.as_deref(), held),
        ("wamid.X", Some("541"), true)
    );
}

#[tokio::test]
async fn errors_are_classified_and_only_passing_ones_may_be_repeated() {
    let outcome = sent(|| {
        graph(
            400,
            json!({"error": {"message": "(#131047) Re-engagement message", "code": 131_047, "fbtrace_id": "T1",
            "error_data": {"details": "more than 24 hours"}}}),
        )
    })
    .await;
    let SendOutcome::Rejected { error } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (error.class, error.detail.as_str()),
        (ErrorClass::WindowClosed, "more than 24 hours")
    );
    assert_eq!((error.http_status, error.trace_id.as_deref()), (Some(400), Some("T1")));

    let outcome = sent(|| {
        (
            [("retry-after", "7")],
            graph(400, json!({"error": {"code": 130_429, "message": "slow"}})),
        )
            .into_response()
    })
    .await;
    let SendOutcome::Retry { after_ms, error } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((after_ms, error.class), (Some(7_000), ErrorClass::AccountLimit));

    let outcome = sent(|| graph(401, json!({"error": {"code": 190, "message": "expired"}}))).await;
    assert!(matches!(outcome, SendOutcome::Rejected { error } if error.class == ErrorClass::Auth));
    let outcome = sent(|| graph(400, json!({"error": {"code": 987_654, "is_transient": true}}))).await;
    assert!(matches!(outcome, SendOutcome::Retry { .. }));
    let outcome = sent(|| (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response()).await;
    assert!(matches!(outcome, SendOutcome::Retry { .. }));
}

#[tokio::test]
async fn a_lost_answer_is_uncertain_and_a_refused_connection_is_not() {
    let outcome = sent(|| (StatusCode::BAD_GATEWAY, "<html>").into_response()).await;
    assert!(matches!(outcome, SendOutcome::Uncertain { .. }), "{outcome:?}");
    let outcome = sent(|| graph(200, json!({"ok": true}))).await;
    assert!(matches!(outcome, SendOutcome::Uncertain { .. }), "{outcome:?}");

    // Reads the request, then hangs up.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
        }
    });
    let outcome = client(&base).send("100", "tok", &json!({})).await;
    assert!(matches!(outcome, SendOutcome::Uncertain { .. }), "{outcome:?}");

    // Reads the request and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{")
                .await;
            held.push(socket);
        }
    });
    let outcome = client(&base).send("100", "tok", &json!({})).await;
    assert!(matches!(outcome, SendOutcome::Uncertain { .. }), "{outcome:?}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let outcome = client(&base).send("100", "tok", &json!({})).await;
    assert!(matches!(outcome, SendOutcome::Retry { .. }), "{outcome:?}");
    let error = client(&base).read_number("tok", "100").await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn core_3_3_a_file_whose_address_expired_is_asked_for_once_more() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let base = server(move |path, auth, own| {
        assert_eq!(auth, "Bearer tok");
        if path.starts_with("/v25.0/500") {
            let n = counter.fetch_add(1, Ordering::SeqCst);
            let hash = hex::encode(Sha256::digest(b"bytes"));
            return graph(
                200,
                json!({"url": format!("{own}/file/{n}"), "mime_type": "image/png", "sha256": hash,
                "file_size": "5"}),
            );
        }
        if path == "/file/0" {
            StatusCode::NOT_FOUND.into_response()
        } else {
            "bytes".into_response()
        }
    })
    .await;
    let file = client(&base)
        .download_media("tok", "500", Some("100"), 1_000)
        .await
        .unwrap();
    assert_eq!(
        (file.bytes, file.mime.as_deref()),
        (Bytes::from_static(b"bytes"), Some("image/png"))
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let error = client(&base).download_media("tok", "500", None, 4).await.unwrap_err();
    assert_eq!(error, CallError::TooLarge { limit: 4 });
}

#[tokio::test]
async fn files_come_whole_unchanged_and_from_media_hosts_only() {
    static SEEN: OnceLock<()> = OnceLock::new();
    let elsewhere = server(|_, _, _| {
        let _ = SEEN.set(());
        "secret".into_response()
    })
    .await;
    let target = elsewhere.clone();
    let base = server(move |path, _, own| {
        if path.contains("/moved/") {
            return (StatusCode::FOUND, [("location", target.clone())]).into_response();
        }
        if path.starts_with("/file/") {
            return "bytes".into_response();
        }
        let url = match path {
            "/v25.0/outside" => format!("{target}/x"),
            "/v25.0/meta" => "https://lookaside.fbsbx.com/x".into(),
            "/v25.0/trick" => format!("{}@127.0.0.1:1/", own),
            "/v25.0/redirect" => format!("{own}/moved/1"),
            _ => format!("{own}/file/1"),
        };
        graph(200, json!({"url": url, "sha256": "0".repeat(64)}))
    })
    .await;
    let client = client(&base);
    for id in ["outside", "meta", "trick"] {
        let error = client.download_media("tok", id, None, 1_000).await.unwrap_err();
        assert!(matches!(error, CallError::ForbiddenHost { .. }), "{id}: {error:?}");
    }
    assert!(client.download_media("tok", "redirect", None, 1_000).await.is_err());
    assert!(SEEN.get().is_none(), "the token was shown to a host nobody named");
    assert_eq!(
        client.download_media("tok", "changed", None, 1_000).await,
        Err(CallError::Checksum)
    );
    for odd in ["../100", "", "a/b", "a?b"] {
        assert!(
            client.media_info("tok", odd, None).await.is_err(),
            "{odd:?} is not an id"
        );
    }
}

#[tokio::test]
async fn numbers_subscriptions_uploads_and_templates_are_read() {
    let base = server(|path, _, own| {
        if path.starts_with("/v25.0/100?fields=") {
            return graph(200, json!({"id": "100", "display_phone_number": "+54 9 11 5555-0100",
                "verified_name": "Tienda", "quality_rating": "GREEN", "status": "CONNECTED"}));
        }
        match path {
            "/v25.0/200/subscribed_apps" => graph(200, json!({"success": true})),
            "/v25.0/100/media" => graph(200, json!({"id": 900})),
            "/v25.0/100/messages" => graph(200, json!({"success": true})),
            p if p.contains("after=two") => {
                graph(200, json!({"data": [{"id": "2", "name": "b", "language": "es", "status": "PENDING"}]}))
            }
            p if p.starts_with("/v25.0/200/message_templates") => graph(
                200,
                json!({"data": [{"id": "1", "name": "a", "language": "es_AR", "status": "APPROVED", "category": "UTILITY",
                    "components": [{"type": "BODY", "text": "Hola"}]}, {"broken": true}],
                    "paging": {"cursors": {"after": "two"}, "next": format!("{own}/evil")}}),
            ),
            other => panic!("{other}"),
        }
    })
    .await;
    let client = client(&base);
    let number = client.read_number("tok", "100").await.unwrap();
    assert_eq!(
        (number.verified_name.as_str(), number.quality.as_deref()),
        ("Tienda", Some("GREEN"))
    );
    client.subscribe_app("tok", "200", None).await.unwrap();
    client.send_read("100", "tok", "wamid.A", true).await.unwrap();
    let bytes = Bytes::from_static(b"x");
    assert_eq!(
        client
            .upload_media("100", "tok", bytes, "image/png", "a.png")
            .await
            .unwrap(),
        "900"
    );
    let templates = client.templates("tok", "200").await.unwrap();
    let names: Vec<_> = templates.iter().map(|t| (t.name.as_str(), t.status.as_str())).collect();
    assert_eq!(names, [("a", "APPROVED"), ("b", "PENDING")]);
}

#[test]
fn addresses_that_would_leak_the_token_are_refused() {
    let with = |base: &str, version: &str| {
        GraphClient::new(&GraphConfig {
            base_url: base.into(),
            version: version.into(),
            ..GraphConfig::default()
        })
    };
    for (base, version) in [
        ("http://graph.facebook.com", "v25.0"),
        ("ftp://127.0.0.1", "v25.0"),
        ("nothing", "v25.0"),
        ("https://graph.facebook.com", "25"),
        ("https://graph.facebook.com", "v25.0/../x"),
    ] {
        assert!(with(base, version).is_err(), "{base} {version}");
    }
    for base in [
        "https://graph.facebook.com",
        "http://127.0.0.1:8090",
        "http://[::1]:1",
        "http://simulator:8090",
    ] {
        assert!(with(base, "v25.0").is_ok(), "{base}");
    }
}
