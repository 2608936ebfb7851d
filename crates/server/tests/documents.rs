//! Pages that are generated from the source are committed, and as fresh as the source.

use std::path::Path;

fn committed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_openapi_document_is_fresh() {
    let fresh = ronda_server::http::document::json();
    assert!(
        committed("openapi.json") == fresh,
        "docs/openapi.json is old: ronda openapi > docs/openapi.json"
    );
}

#[test]
fn the_reference_of_the_configuration_is_fresh() {
    let fresh = ronda_server::config::reference();
    assert!(
        committed("config.md") == fresh,
        "docs/config.md is old: ronda config > docs/config.md"
    );
}

#[test]
fn the_document_is_openapi_3_1_and_every_operation_says_what_it_is() {
    let document: serde_json::Value = serde_json::from_str(&ronda_server::http::document::json()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
        }
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
        match value {
            serde_json::Value::Object(map) => {
                found.extend(map.get("$ref").and_then(|r| r.as_str()));
                map.values().for_each(|v| references(v, found));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }
    let document: serde_json::Value = serde_json::from_str(&ronda_server::http::document::json()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}
