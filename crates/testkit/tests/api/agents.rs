//! States of agents and the event stream (spec AG-5, architecture §9).

use ronda_domain::permission::Role;
use ronda_testkit::{Browser, api_suite};
use serde_json::json;

async fn state(by: &Browser, of: &Browser) -> String {
    let agents = by.get("/agents").await.expect(200);
    let mine = agents["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["id"] == of.agent.0)
        .unwrap()
        .clone();
    mine["state"].as_str().unwrap().to_owned()
}

api_suite! {
    async fn ag_5_1_away_is_never_turned_online_by_opening_a_client(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        assert_eq!(state(&owner, &ana).await, "offline");
        let _one = ana.screen(None).await;
        assert_eq!(state(&owner, &ana).await, "online");
        let away = ana.put("/me/state", json!({ "state": "away", "reason": "almuerzo" })).await.expect(200);
        assert_eq!((away["state"].clone(), away["reason"].clone()), (json!("away"), json!("almuerzo")));
        let _two = ana.screen(None).await;
        assert_eq!(state(&owner, &ana).await, "away");
        let back = ana.put("/me/state", json!({ "state": "online" })).await.expect(200);
        assert_eq!(back["state"], "online");
    }

    async fn ag_5_2_ten_quiet_minutes_are_offline_and_logged(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let mut watching = owner.screen(None).await;
        let _screen = ana.screen(None).await;
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "online").await;
        app.advance(10 * 60_000 + 1_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
        let log = owner.get(&format!("/users/{}/states", ana.agent)).await.expect(200);
        assert_eq!(log["items"][0]["cause"], "inactivity");
        ana.post("/me/activity", json!({})).await.expect(204);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "online").await;
    }

    async fn ag_5_3_a_lost_connection_has_a_grace(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let mut watching = owner.screen(None).await;
        let screen = ana.screen(None).await;
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "online").await;
        screen.close().await;
        app.advance(60_000);
        assert_eq!(state(&owner, &ana).await, "online");
        app.advance(150_000);
        watching.until("agent.state", |a| a["id"] == ana.agent.0 && a["state"] == "offline").await;
    }

    async fn ag_5_supervisors_set_states_of_others(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let _screen = ana.screen(None).await;
        let path = format!("/agents/{}/state", ana.agent);
        let until = app.clock.now().0 + 60_000;
        let set = owner.put(&path, json!({ "state": "away", "reason": "capacitación", "until": until })).await.expect(200);
        assert_eq!(set["state"], "away");
        let mut watching = owner.screen(None).await;
        app.advance(61_000);
        watching.until("agent.state", |a| a["state"] == "online").await;
        owner.put(&path, json!({ "state": "away", "until": 5 })).await.wrong("/until", "past");
    }

    async fn a_screen_that_comes_back_gets_what_it_missed(app) {
        let owner = app.owner().await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let screen = owner.screen(None).await;
        let since = screen.served;
        screen.close().await;
        let visitor = app.visitor(&key).await;
        for text in ["uno", "dos", "tres"] {
            visitor.writes(text).await;
        }
        app.settled().await;
        let mut screen = owner.screen(Some(since)).await;
        for text in ["uno", "dos", "tres"] {
            let message = screen.until("message.created", |m| m["direction"] == "in").await;
            assert_eq!(message["content"]["text"], text);
        }
        // A number that never was: the views are loaded again.
        let mut lost = owner.screen(Some(9_999_999)).await;
        assert_eq!(lost.next().await.unwrap()["type"], "reset");
    }

    async fn dev_9_sockets_end_with_their_session(app) {
        let owner = app.owner().await;
        let ana = app.member("ana", Role::Agent).await;
        let mut screen = ana.screen(None).await;
        ana.delete("/sessions/current").await.expect(204);
        assert_eq!(screen.closed().await, Some(4001));
        let ana = app.sign_in("ana").await;
        let mut screen = ana.screen(None).await;
        owner.delete(&format!("/users/{}", ana.agent)).await.expect(204);
        assert_eq!(screen.closed().await, Some(4001));
        assert!(owner.try_screen(None, Some("https://evil.example")).await.is_err());
        assert!(app.browser().try_screen(None, None).await.is_err());
    }

    async fn plat_2_1_a_right_taken_away_acts_on_open_screens(app) {
        let owner = app.owner().await;
        let sofia = app.member("sofia", Role::Supervisor).await;
        let (_, key) = app.web_chat(&owner, json!({})).await;
        let mut screen = sofia.screen(None).await;
        let user = owner.get(&format!("/users/{}", sofia.agent)).await.expect(200);
        let path = format!("/users/{}", sofia.agent);
        owner.patch(&path, user["version"].as_i64().unwrap(), json!({ "role": "agent" })).await.expect(200);
        while screen.next().await.unwrap()["type"] != "reset" {}
        app.visitor(&key).await.writes("Hola").await;
        app.settled().await;
        owner.post("/conversations/1/take", json!({})).await.expect(200);
        screen.until("conversation.left", |_| true).await;
    }
}
