//! Settings of a workspace (spec PLAT-1, CP-20, CORE-2).

use ronda_domain::permission::Role;
use ronda_testkit::api_suite;
use serde_json::{Value, json};

api_suite! {
    async fn plat_1_a_workspace_is_edited(app) {
        let owner = app.owner().await;
        let w = owner.get("/workspace").await.expect(200);
        assert_eq!((&w["name"], &w["country"], &w["version"]), (&json!("Acme"), &json!("AR"), &json!(1)));
        let change = json!({ "name": "Acme SA", "zone": "America/Sao_Paulo", "language": "pt-BR", "country": "br" });
        let w = owner.patch("/workspace", 1, change).await.expect(200);
        assert_eq!((&w["name"], &w["country"], &w["version"]), (&json!("Acme SA"), &json!("BR"), &json!(2)));
        owner.patch("/workspace", 1, json!({ "name": "X" })).await.problem(412, "version_mismatch");
        owner.patch("/workspace", 2, json!({ "zone": "Moon" })).await.wrong("/zone", "zone");
        owner.patch("/workspace", 2, json!({ "owner": 1 })).await.wrong("/owner", "unknown");
        let ana = app.member("ana", Role::Agent).await;
        assert_eq!(ana.get("/sessions/current").await.expect(200)["workspace"]["name"], "Acme SA");
    }

    async fn cp_20_tolerance_is_off_and_an_hour_when_switched_on(app) {
        let owner = app.owner().await;
        let off = owner.get("/workspace").await.expect(200)["close_tolerance"].clone();
        assert_eq!(off, json!({ "enabled": false, "minutes": 60, "after_automatic": false, "ignore_polite": false }));
        let on = owner.patch("/workspace", 1, json!({ "close_tolerance": { "enabled": true } })).await.expect(200);
        assert_eq!((&on["close_tolerance"]["enabled"], &on["close_tolerance"]["minutes"]), (&json!(true), &json!(60)));
        for wrong in [0, 10_081] {
            let change = json!({ "close_tolerance": { "minutes": wrong } });
            owner.patch("/workspace", 2, change).await.wrong("/close_tolerance/minutes", "out_of_range");
        }
    }

    async fn core_2_periods_and_farewells_are_set_by_phase(app) {
        let owner = app.owner().await;
        let w = owner.get("/workspace").await.expect(200);
        assert_eq!(w["auto_close"]["outbound"], 1_440);
        let change = json!({ "auto_close": { "bot": 60, "agent": null, "farewell": { "bot": "¡Hasta luego!" } } });
        let w = owner.patch("/workspace", 1, change).await.expect(200);
        assert_eq!((&w["auto_close"]["bot"], &w["auto_close"]["agent"]), (&json!(60), &Value::Null));
        assert_eq!((&w["auto_close"]["waiting"], &w["auto_close"]["farewell"]["bot"]), (&json!(1_440), &json!("¡Hasta luego!")));
        let w = owner.patch("/workspace", 2, json!({ "auto_close": { "farewell": { "bot": null } } })).await.expect(200);
        assert_eq!((&w["auto_close"]["bot"], &w["auto_close"]["farewell"]["bot"]), (&json!(60), &Value::Null));
        for wrong in [4, 43_201] {
            owner.patch("/workspace", 3, json!({ "auto_close": { "waiting": wrong } })).await.wrong("/auto_close/waiting", "out_of_range");
        }
        let long = json!({ "auto_close": { "farewell": { "agent": "x".repeat(1_001) } } });
        owner.patch("/workspace", 3, long).await.wrong("/auto_close/farewell/agent", "too_long");
    }
}
