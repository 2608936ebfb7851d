//! The error codes of the platform: what each asks of us, and how to say it to a person (meta-platform §1.4, §12).

use crate::outcome::{ErrorClass, ProviderError};
use ErrorClass::{AccountLimit, Auth, Configuration, PairLimit, Permanent, Retry, WindowClosed};

/// One line of the table: first and last code of a range, class, key of the explanation.
type Row = (i64, i64, ErrorClass, &'static str);

/// Sorted by code, ranges do not overlap; both are tested.
const TABLE: &[Row] = &[
    (0, 0, Auth, "token_invalid"),
    (1, 2, Retry, "provider_trouble"),
    (3, 3, Auth, "permission_missing"),
    (4, 4, AccountLimit, "too_fast"),
    (10, 10, Auth, "permission_missing"),
    (17, 17, AccountLimit, "too_fast"),
    (32, 32, AccountLimit, "too_fast"),
    (33, 33, Configuration, "number_gone"),
    (100, 100, Permanent, "request_refused"),
    (190, 190, Auth, "token_invalid"),
    (200, 299, Auth, "permission_missing"),
    (368, 368, Configuration, "account_blocked"),
    (613, 613, AccountLimit, "too_fast"),
    (80_001, 80_008, AccountLimit, "too_fast"),
    (130_403, 130_403, Permanent, "recipient_blocked"),
    (130_429, 130_429, AccountLimit, "too_fast"),
    (130_472, 130_472, Permanent, "marketing_withheld"),
    (130_497, 130_497, Permanent, "country_not_allowed"),
    (131_000, 131_000, Retry, "provider_trouble"),
    (131_005, 131_005, Auth, "permission_missing"),
    (131_008, 131_009, Permanent, "request_refused"),
    (131_016, 131_016, Retry, "provider_trouble"),
    (131_021, 131_021, Permanent, "recipient_is_sender"),
    (131_026, 131_026, Permanent, "not_reachable"),
    (131_030, 131_030, Configuration, "recipient_not_allowed"),
    (131_031, 131_031, Configuration, "account_blocked"),
    (131_037, 131_037, Configuration, "name_not_approved"),
    (131_042, 131_042, Configuration, "payment_problem"),
    (131_044, 131_044, Configuration, "payment_problem"),
    (131_045, 131_045, Configuration, "number_not_registered"),
    (131_047, 131_047, WindowClosed, "window_closed"),
    (131_048, 131_048, AccountLimit, "spam_limit"),
    (131_049, 131_049, Permanent, "marketing_withheld"),
    (131_050, 131_050, Permanent, "opted_out"),
    (131_051, 131_051, Permanent, "kind_not_supported"),
    (131_052, 131_052, Permanent, "file_not_fetched"),
    (131_053, 131_053, Permanent, "file_refused"),
    (131_055, 131_055, Permanent, "request_refused"),
    (131_056, 131_056, PairLimit, "too_fast_for_person"),
    (131_057, 131_057, Retry, "provider_trouble"),
    (131_060, 131_060, Permanent, "only_in_phone_app"),
    (131_062, 131_062, Permanent, "needs_phone"),
    (131_063, 131_063, Configuration, "marketing_endpoint"),
    (131_064, 131_064, AccountLimit, "messaging_limit"),
    (132_000, 132_000, Permanent, "template_parameters"),
    (132_001, 132_001, Configuration, "template_missing"),
    (132_005, 132_005, Permanent, "text_too_long"),
    (132_007, 132_007, Configuration, "template_policy"),
    (132_008, 132_008, Permanent, "template_parameters"),
    (132_012, 132_012, Permanent, "template_parameters"),
    (132_015, 132_015, Configuration, "template_paused"),
    (132_016, 132_016, Configuration, "template_disabled"),
    (132_068, 132_069, Configuration, "flow_blocked"),
    (133_000, 133_000, Retry, "provider_trouble"),
    (133_004, 133_004, Retry, "provider_trouble"),
    (133_005, 133_006, Configuration, "number_not_registered"),
    (133_008, 133_009, Configuration, "number_not_registered"),
    (133_010, 133_010, Configuration, "number_not_registered"),
    (133_015, 133_016, Configuration, "number_not_registered"),
    (134_011, 134_011, Configuration, "payment_problem"),
    (134_100, 134_102, Configuration, "marketing_endpoint"),
    (135_000, 135_000, Permanent, "request_refused"),
    (137_000, 137_000, Permanent, "identity_changed"),
    (139_000, 139_004, Configuration, "flow_blocked"),
    (139_100, 139_103, Permanent, "block_list"),
    (147_001, 147_005, Configuration, "username_unavailable"),
];

/// The class of a code and the key of its explanation. A code that is not in the table is judged by the HTTP status of
/// the answer, where there was one: 401 and 403 mean access, 429 pace, 5xx a passing failure.
#[must_use]
pub fn classify(code: i64, http_status: Option<u16>) -> (ErrorClass, &'static str) {
    if code != 0 || http_status.is_none_or(|s| s == 401) {
        let at = TABLE.partition_point(|row| row.1 < code);
        if let Some(&(first, _, class, key)) = TABLE.get(at)
            && first <= code
        {
            return (class, key);
        }
    }
    match http_status {
        Some(401 | 403) => (Auth, "permission_missing"),
        Some(429) => (AccountLimit, "too_fast"),
        Some(500..) => (Retry, "provider_trouble"),
        _ => (Permanent, "unknown"),
    }
}

/// An error that was reported by a webhook.
#[must_use]
pub fn reported(code: i64, title: String, detail: String) -> ProviderError {
    let (class, key) = classify(code, None);
    ProviderError {
        code,
        subcode: None,
        class,
        key: key.to_owned(),
        title,
        detail,
        http_status: None,
        trace_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_key_has_three_texts() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{pair:?}");
        }
        // The console says them to people.
        let texts = [
            include_str!("../../../../web/src/i18n/es.ts"),
            include_str!("../../../../web/src/i18n/en.ts"),
            include_str!("../../../../web/src/i18n/pt.ts"),
        ];
        let keys =
            TABLE
                .iter()
                .map(|row| row.3)
                .chain(["permission_missing", "too_fast", "provider_trouble", "unknown"]);
        for key in keys {
            for text in texts {
                assert!(text.contains(&format!("\n  'send.{key}': '")), "no text for {key}");
            }
        }
    }

    #[test]
    fn codes_have_the_class_of_the_reference() {
        let cases = [
            (131_047, None, WindowClosed, "window_closed"),
            (131_056, Some(400), PairLimit, "too_fast_for_person"),
            (130_429, Some(400), AccountLimit, "too_fast"),
            (80_007, Some(400), AccountLimit, "too_fast"),
            (190, Some(401), Auth, "token_invalid"),
            (0, Some(401), Auth, "token_invalid"),
            (230, Some(403), Auth, "permission_missing"),
            (131_000, Some(500), Retry, "provider_trouble"),
            (131_026, None, Permanent, "not_reachable"),
            (131_042, None, Configuration, "payment_problem"),
            (999_999, None, Permanent, "unknown"),
            (999_999, Some(503), Retry, "provider_trouble"),
            (0, Some(500), Retry, "provider_trouble"),
            (0, Some(404), Permanent, "unknown"),
            (-5, Some(429), AccountLimit, "too_fast"),
        ];
        for (code, http, class, key) in cases {
            assert_eq!(classify(code, http), (class, key), "code {code}, HTTP {http:?}");
        }
    }

    #[test]
    fn pauses_grow_as_the_platform_asks() {
        let seconds = |class: ErrorClass| (1..=4).map(|n| class.pause_ms(n) / 1000).collect::<Vec<_>>();
        assert_eq!(seconds(PairLimit), [1, 4, 16, 64]);
        assert_eq!(seconds(Retry), [1, 2, 4, 8]);
        assert_eq!(PairLimit.pause_ms(u32::MAX), 900_000);
        assert_eq!(Permanent.pause_ms(1), 0);
    }
}
