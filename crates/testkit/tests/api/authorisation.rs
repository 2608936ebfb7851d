//! Who may do what, for every operation of the document (spec G6, PLAT-1, PLAT-2).
//!
//! A new operation needs a row in [`table`]: whom it answers, a body that passes its checks, and for every `{…}` of its
//! path the kind of object it names. A new kind of object needs a line in [`Thing`] and one in [`make`]. Everything
//! else follows: 401 without a session, 403 with the missing permission's name, 404 for objects of other workspaces.

use ronda_domain::permission::{Permission, Role};
use ronda_testkit::{Browser, TestApp, api_suite};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Whom an operation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// Also people who are not signed in.
    Everybody,
    /// Whoever is signed in, in a workspace or not.
    Account,
    /// Every member of a workspace.
    Member,
    /// Members whose role has the permission.
    Having(Permission),
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    User,
    Group,
    Skill,
    Invitation,
    /// A device of somebody.
    Session,
    ChannelAccount,
    /// What hours belong to: a group, as their addresses name it.
    HoursScope,
    Conversation,
    Message,
    Customer,
    /// An uploaded file.
    File,
    /// A link to the live wall.
    WallLink,
    /// A browser that is told by push: its owner's alone.
    PushDevice,
    /// A promise to customers.
    ServiceTarget,
    /// A version of the assignment rules; its number is of the workspace.
    PolicyVersion,
    /// Assignment rules that are not in force.
    Candidate,
    /// A part of a delivery that was not understood. None is made: a number of another workspace is as unknown.
    Failure,
    /// A decision of routing: a number inside its workspace, so that of another workspace names none of it.
    Decision,
    /// The secret of a link. Nobody has one by belonging to a workspace, so it is not tried across workspaces.
    Token,
}

struct Row {
    operation: &'static str,
    answers: Answers,
    body: Value,
    names: Vec<(&'static str, Thing)>,
}

impl Row {
    fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    fn names(mut self, placeholder: &'static str, thing: Thing) -> Self {
        self.names.push((placeholder, thing));
        self
    }

    fn method(&self) -> &'static str {
        self.operation.split_once(' ').expect("METHOD /path").0
    }

    fn template(&self) -> &'static str {
        self.operation.split_once(' ').expect("METHOD /path").1
    }

    /// The path with every placeholder filled.
    fn path(&self, id: impl Fn(Thing) -> String) -> String {
        self.names
            .iter()
            .fold(self.template().to_owned(), |path, (placeholder, thing)| {
                path.replace(&format!("{{{placeholder}}}"), &id(*thing))
            })
    }

    /// Objects that do not exist anywhere.
    fn nowhere(&self) -> String {
        self.path(|thing| {
            if thing == Thing::Token {
                "nonsense".into()
            } else {
                "999999999".into()
            }
        })
    }
}

fn row(operation: &'static str, answers: Answers) -> Row {
    Row {
        operation,
        answers,
        body: json!({}),
        names: Vec::new(),
    }
}

fn everybody(operation: &'static str) -> Row {
    row(operation, Answers::Everybody)
}

fn account(operation: &'static str) -> Row {
    row(operation, Answers::Account)
}

fn member(operation: &'static str) -> Row {
    row(operation, Answers::Member)
}

fn having(permission: Permission, operation: &'static str) -> Row {
    row(operation, Answers::Having(permission))
}

/// A browser that nobody sends anything to.
fn subscription(name: &str) -> Value {
    let key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    json!({ "endpoint": format!("https://fcm.googleapis.com/{name}"), "label": name, "language": "es",
        "keys": { "p256dh": key, "auth": "BTBZMqHH6r4Tts7J_aSIgg" } })
}

/// Every operation, in the order of the document.
fn table() -> Vec<Row> {
    use Permission as P;
    use Thing as T;
    let user = json!({ "email": "new@example.com", "name": "New", "role": "agent", "password": "a first password" });
    let hours = json!({ "week": [[], [], [], [], [], [], []] });
    let person = json!({ "name": "Ana", "password": "a first password" });
    vec![
        everybody("GET /setup"),
        everybody("POST /setup"),
        everybody("POST /sessions").body(json!({ "email": "nobody@example.com", "password": "x" })),
        account("GET /sessions"),
        account("DELETE /sessions"),
        account("GET /sessions/current"),
        account("DELETE /sessions/current"),
        account("POST /sessions/current/workspace").body(json!({ "workspace": 999_999_999 })),
        account("DELETE /sessions/{id}").names("id", T::Session),
        everybody("POST /password-resets").body(json!({ "email": "nobody@example.com" })),
        everybody("GET /password-resets/{token}").names("token", T::Token),
        everybody("POST /password-resets/{token}")
            .names("token", T::Token)
            .body(json!({ "password": "a first password" })),
        account("GET /me/account"),
        account("PATCH /me/account"),
        account("POST /me/account/email-change").body(json!({ "email": "new@example.com", "password": "x" })),
        account("DELETE /me/account/email-change"),
        everybody("GET /email-changes/{token}").names("token", T::Token),
        everybody("POST /email-changes/{token}").names("token", T::Token),
        having(P::UsersManage, "GET /invitations"),
        having(P::UsersManage, "POST /invitations").body(json!({ "email": "new@example.com", "role": "agent" })),
        having(P::UsersManage, "DELETE /invitations/{id}").names("id", T::Invitation),
        having(P::UsersManage, "POST /invitations/{id}/resend").names("id", T::Invitation),
        everybody("GET /invitations/{token}/public").names("token", T::Token),
        everybody("POST /invitations/{token}/accept")
            .names("token", T::Token)
            .body(person),
        everybody("POST /invitations/{token}/renewal").names("token", T::Token),
        having(P::UsersManage, "GET /users"),
        having(P::UsersManage, "POST /users").body(user),
        having(P::UsersManage, "GET /users/{id}").names("id", T::User),
        having(P::UsersManage, "PATCH /users/{id}")
            .names("id", T::User)
            .body(json!({ "name": "X" })),
        having(P::UsersManage, "DELETE /users/{id}").names("id", T::User),
        having(P::AgentsSetState, "GET /users/{id}/states").names("id", T::User),
        having(P::AgentsSetState, "GET /users/{id}/state-spans").names("id", T::User),
        having(P::UsersManage, "POST /users/{id}/password-reset").names("id", T::User),
        member("GET /groups"),
        having(P::GroupsManage, "POST /groups").body(json!({ "name": "New" })),
        member("GET /groups/{id}").names("id", T::Group),
        having(P::GroupsManage, "PATCH /groups/{id}")
            .names("id", T::Group)
            .body(json!({ "name": "X" })),
        having(P::GroupsManage, "DELETE /groups/{id}").names("id", T::Group),
        member("GET /skills"),
        having(P::GroupsManage, "POST /skills").body(json!({ "name": "New" })),
        member("GET /skills/{id}").names("id", T::Skill),
        having(P::GroupsManage, "PATCH /skills/{id}")
            .names("id", T::Skill)
            .body(json!({ "name": "X" })),
        having(P::GroupsManage, "DELETE /skills/{id}").names("id", T::Skill),
        member("GET /workspace"),
        having(P::WorkspaceManage, "PATCH /workspace").body(json!({ "name": "X" })),
        having(P::AuditSee, "GET /audit-entries"),
        member("GET /agents"),
        member("PUT /me/state").body(json!({ "state": "online" })),
        having(P::AgentsSetState, "PUT /agents/{id}/state")
            .names("id", T::User)
            .body(json!({ "state": "away", "reason": "x" })),
        member("POST /me/activity"),
        member("POST /me/release"),
        member("PUT /me/background").body(json!({ "available": false })),
        member("GET /me/push"),
        member("GET /me/push-devices"),
        member("PUT /me/push-devices").body(subscription("table")),
        member("DELETE /me/push-devices/{id}").names("id", T::PushDevice),
        member("POST /me/push-devices/{id}/test").names("id", T::PushDevice),
        having(P::ChannelsManage, "GET /channel-accounts"),
        having(P::ChannelsManage, "POST /channel-accounts").body(json!({ "kind": "web_chat", "name": "New" })),
        having(P::ChannelsManage, "GET /channel-accounts/sandbox"),
        having(P::ChannelsManage, "POST /channel-accounts/sandbox"),
        having(P::ChannelsManage, "GET /channel-accounts/{id}").names("id", T::ChannelAccount),
        having(P::ChannelsManage, "PATCH /channel-accounts/{id}")
            .names("id", T::ChannelAccount)
            .body(json!({ "name": "X" })),
        having(P::ChannelsManage, "DELETE /channel-accounts/{id}").names("id", T::ChannelAccount),
        having(P::ChannelsManage, "POST /channel-accounts/{id}/check").names("id", T::ChannelAccount),
        having(P::ChannelsManage, "POST /channel-accounts/{id}/site-secret").names("id", T::ChannelAccount),
        member("GET /content-limits"),
        member("GET /channels"),
        having(P::ChannelsManage, "GET /inbound-failures"),
        having(P::ChannelsManage, "POST /inbound-failures/{id}/replay").names("id", T::Failure),
        member("GET /business-hours"),
        member("GET /business-hours/{scope}").names("scope", T::HoursScope),
        having(P::WorkspaceManage, "PUT /business-hours/{scope}")
            .names("scope", T::HoursScope)
            .body(hours.clone()),
        having(P::WorkspaceManage, "DELETE /business-hours/{scope}").names("scope", T::HoursScope),
        having(P::WorkspaceManage, "POST /business-hours/preview").body(hours),
        having(P::WorkspaceManage, "GET /holidays"),
        having(P::WorkspaceManage, "POST /holidays/calendar").body(json!({ "text": "BEGIN:VCALENDAR" })),
        having(P::WorkspaceManage, "GET /after-hours-messages"),
        having(P::WorkspaceManage, "GET /after-hours-messages/{scope}").names("scope", T::HoursScope),
        having(P::WorkspaceManage, "PUT /after-hours-messages/{scope}")
            .names("scope", T::HoursScope)
            .body(json!({ "enabled": false })),
        having(P::WorkspaceManage, "DELETE /after-hours-messages/{scope}").names("scope", T::HoursScope),
        having(P::WorkspaceManage, "POST /after-hours-messages/preview")
            .body(json!({ "scope": "workspace", "texts": {} })),
        member("GET /templates"),
        member("GET /conversations"),
        member("POST /conversations").body(json!({ "channel_account": 999_999_999, "phone": "+5491155550000",
            "client_id": CLIENT_ID, "content": { "type": "text", "text": "x" } })),
        member("GET /conversations/counts"),
        member("POST /conversations/bulk")
            .body(json!({ "conversations": [{ "id": 999_999_999 }], "action": { "type": "read" } })),
        member("GET /conversations/{id}").names("id", T::Conversation),
        member("GET /conversations/{id}/messages").names("id", T::Conversation),
        member("POST /conversations/{id}/messages")
            .names("id", T::Conversation)
            .body(json!({ "client_id": CLIENT_ID, "content": { "type": "text", "text": "x" }, "note": true })),
        member("POST /conversations/{id}/messages/{message}/retry")
            .names("id", T::Conversation)
            .names("message", T::Message),
        member("POST /conversations/{id}/read").names("id", T::Conversation),
        member("POST /conversations/{id}/unread").names("id", T::Conversation),
        member("POST /conversations/{id}/typing").names("id", T::Conversation),
        member("GET /conversations/{id}/draft").names("id", T::Conversation),
        member("PUT /conversations/{id}/draft")
            .names("id", T::Conversation)
            .body(json!({ "mode": "reply", "body": "x" })),
        member("POST /conversations/{id}/take").names("id", T::Conversation),
        member("POST /conversations/{id}/reopen").names("id", T::Conversation),
        member("DELETE /conversations/{id}/draft").names("id", T::Conversation),
        member("POST /conversations/{id}/transfer")
            .names("id", T::Conversation)
            .body(json!({ "to": { "anyone": true } })),
        member("POST /conversations/{id}/close").names("id", T::Conversation),
        member("POST /conversations/{id}/decline")
            .names("id", T::Conversation)
            .body(json!({ "why": "x" })),
        member("POST /conversations/{id}/extend").names("id", T::Conversation),
        member("POST /conversations/{id}/return-to-bot").names("id", T::Conversation),
        member("POST /conversations/{id}/snooze").names("id", T::Conversation),
        member("POST /conversations/{id}/wake").names("id", T::Conversation),
        member("GET /conversations/{id}/routing").names("id", T::Conversation),
        member("GET /customers"),
        member("GET /customers/{id}").names("id", T::Customer),
        member("PATCH /customers/{id}")
            .names("id", T::Customer)
            .body(json!({ "notes": "x" })),
        member("GET /customers/{id}/conversations").names("id", T::Customer),
        member("GET /customers/{id}/affinity").names("id", T::Customer),
        // Whoever asks may not name just anybody: the body is the agent nobody is.
        member("PUT /customers/{id}/affinity")
            .names("id", T::Customer)
            .body(json!({ "agent": 999_999_999 })),
        member("DELETE /customers/{id}/affinity").names("id", T::Customer),
        member("GET /affinities"),
        having(P::AffinitiesManage, "GET /affinities/summary"),
        having(P::AffinitiesManage, "POST /affinities/reassign").body(json!({ "from": 999_999_999, "to": null })),
        member("POST /files"),
        member("GET /files/{id}").names("id", T::File),
        member("POST /files/{id}/link").names("id", T::File),
        having(P::RoutingExplain, "GET /routing-policies"),
        having(P::RoutingEdit, "POST /routing-policies").body(json!({ "policy": {} })),
        member("GET /routing-policies/current"),
        member("GET /routing-policies/presets"),
        having(P::RoutingExplain, "POST /routing-policies/preview").body(json!({ "policy": {} })),
        having(P::RoutingExplain, "GET /routing-policies/versions/{version}").names("version", T::PolicyVersion),
        having(P::RoutingExplain, "GET /routing-policies/versions/{version}/diff").names("version", T::PolicyVersion),
        having(P::RoutingEdit, "POST /routing-policies/versions/{version}/restore").names("version", T::PolicyVersion),
        having(P::RoutingExplain, "GET /routing-policies/versions/{version}/export").names("version", T::PolicyVersion),
        having(P::RoutingEdit, "POST /routing-policies/import")
            .body(json!({ "format": "ronda-routing-policy/1", "policy": {} })),
        having(P::RoutingExplain, "POST /routing-policies/test").body(json!({ "policy": {} })),
        having(P::RoutingEdit, "POST /routing-policies/replay").body(json!({ "policy": {} })),
        having(P::RoutingExplain, "GET /routing-policies/candidates"),
        having(P::RoutingEdit, "POST /routing-policies/candidates").body(json!({ "policy": {} })),
        having(P::RoutingEdit, "DELETE /routing-policies/candidates/{id}").names("id", T::Candidate),
        having(P::RoutingEdit, "POST /routing-policies/candidates/{id}/approve").names("id", T::Candidate),
        having(P::RoutingEdit, "POST /routing-policies/candidates/{id}/reject").names("id", T::Candidate),
        having(P::RoutingExplain, "GET /routing-policies/candidates/{id}/differences").names("id", T::Candidate),
        having(P::RoutingExplain, "GET /routing-decisions"),
        having(P::RoutingExplain, "GET /routing-decisions/chain"),
        having(P::RoutingExplain, "GET /routing-decisions/{seq}").names("seq", T::Decision),
        having(P::RoutingExplain, "GET /routing-decisions/{seq}/replay").names("seq", T::Decision),
        having(P::RoutingExplain, "GET /routing/overview"),
        having(P::ConversationsManageOthers, "POST /rotation-pauses").body(json!({ "minutes": 5 })),
        having(P::RoutingExplain, "GET /wall-links"),
        having(P::RoutingExplain, "POST /wall-links").body(json!({ "name": "Sala" })),
        having(P::RoutingExplain, "DELETE /wall-links/{id}").names("id", T::WallLink),
        everybody("GET /wall/{token}").names("token", T::Token),
        having(P::ConversationsSeeAll, "GET /incidents"),
        having(P::ConversationsSeeAll, "GET /failed-messages"),
        member("GET /alerts"),
        having(P::RoutingExplain, "GET /reports/fairness"),
        having(P::RoutingExplain, "GET /reports/fairness/items"),
        member("GET /service-targets"),
        having(P::RoutingEdit, "POST /service-targets").body(json!({ "metric": "next_response", "seconds": 60 })),
        having(P::RoutingEdit, "PATCH /service-targets/{id}")
            .names("id", T::ServiceTarget)
            .body(json!({ "seconds": 60 })),
        having(P::RoutingEdit, "DELETE /service-targets/{id}").names("id", T::ServiceTarget),
        having(P::RoutingExplain, "GET /reports/service-levels"),
        member("GET /events"),
    ]
}

/// The id of a message of nobody.
const CLIENT_ID: &str = "018f4e2a-0000-7000-8000-000000000001";

/// In every text of the first workspace, so that it is found where it must not be.
const MARK: &str = "Quebracho";

/// One object of each kind in a workspace. `other` is a member that nothing else uses.
async fn make(app: &TestApp, owner: &Browser, other: &Browser) -> BTreeMap<Thing, String> {
    let id = |answer: Value| answer["id"].to_string();
    let group = json!({ "name": format!("{MARK} {}", owner.agent), "members": [other.agent] });
    let invitation = json!({ "email": format!("{MARK}{}@example.com", owner.agent), "role": "agent" });
    let policy = json!({ "policy": {} });
    let version = owner.post("/routing-policies", policy.clone()).await.expect(201);
    let devices = other.get("/sessions").await.expect(200);
    let (channel, key) = app
        .web_chat(owner, json!({ "name": format!("{MARK} {}", owner.agent) }))
        .await;
    let visitor = app.visitor(&key).await;
    let message = visitor.writes(&format!("{MARK} {}", owner.agent)).await;
    let list = owner.get("/conversations?tray=unassigned").await.expect(200);
    let conversation = &list["items"][0];
    // Asked after the planner has said what it knows: by then it has decided that the conversation waits.
    let routing = format!("/conversations/{}/routing", conversation["id"]);
    owner.get(&routing).await.expect(200);
    let decision = owner.get("/routing-decisions").await.expect(200)["items"][0]["seq"].to_string();
    let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhola\r\n--b--\r\n";
    let upload = owner
        .request("POST", "/files")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form);
    let file = owner.send(upload).await.expect(201);
    let group = id(owner.post("/groups", group).await.expect(201));
    BTreeMap::from([
        (Thing::ChannelAccount, channel.to_string()),
        (Thing::Conversation, conversation["id"].to_string()),
        (Thing::Customer, conversation["customer"]["id"].to_string()),
        (Thing::Message, message["id"].to_string()),
        (Thing::File, file["id"].as_str().expect("a uuid").to_owned()),
        (Thing::Failure, "999999999".into()),
        (
            Thing::ServiceTarget,
            id(owner
                .post(
                    "/service-targets",
                    json!({ "metric": "first_response", "seconds": 86_400 }),
                )
                .await
                .expect(201)),
        ),
        (
            Thing::PushDevice,
            id(owner
                .put("/me/push-devices", subscription(&format!("{MARK}{}", owner.agent)))
                .await
                .expect(200)),
        ),
        (
            Thing::WallLink,
            id(owner.post("/wall-links", json!({ "name": MARK })).await.expect(201)),
        ),
        (Thing::Decision, decision),
        (Thing::PolicyVersion, version["version"].to_string()),
        (
            Thing::Candidate,
            id(owner.post("/routing-policies/candidates", policy).await.expect(201)),
        ),
        (Thing::User, other.agent.to_string()),
        (Thing::HoursScope, format!("group-{group}")),
        (Thing::Group, group),
        (
            Thing::Skill,
            id(owner
                .post("/skills", json!({ "name": format!("{MARK} {}", owner.agent) }))
                .await
                .expect(201)),
        ),
        (
            Thing::Invitation,
            id(owner.post("/invitations", invitation).await.expect(201)),
        ),
        (Thing::Session, devices["items"][0]["id"].to_string()),
        (Thing::Token, "nonsense".into()),
    ])
}

async fn ask(by: &Browser, row: &Row, path: &str) -> ronda_testkit::Answer {
    let request = by.request(row.method(), path);
    let request = match row.method() {
        "GET" | "DELETE" => request,
        "PATCH" | "PUT" => request.header("if-match", "\"1\"").json(&row.body),
        _ => request.json(&row.body),
    };
    by.send(request).await
}

/// Requests of one person are limited; the clock fills the bucket again.
fn breathe(app: &TestApp) {
    app.advance(1_000);
}

/// Derived from the document: an operation that nobody wrote a row for cannot ship.
#[test]
fn plat_2_1_every_operation_of_the_document_is_in_the_table() {
    let documented: BTreeSet<String> = ronda_server::http::document::operations()
        .into_iter()
        .map(|o| o.replace(" /api/v1", " "))
        .collect();
    let rows: BTreeSet<String> = table().iter().map(|r| r.operation.to_owned()).collect();
    assert_eq!(rows.len(), table().len(), "an operation has two rows");
    let uncovered: Vec<_> = documented.difference(&rows).collect();
    assert!(
        uncovered.is_empty(),
        "operations without a row in authorisation.rs: {uncovered:#?}"
    );
    let gone: Vec<_> = rows.difference(&documented).collect();
    assert!(gone.is_empty(), "rows without an operation: {gone:#?}");
    for row in table() {
        let filled = row.nowhere();
        assert!(!filled.contains('{'), "{}: a placeholder names no thing", row.operation);
    }
}

api_suite! {
    async fn g6_without_a_session_nothing_answers_but_what_is_for_everybody(app) {
        app.workspace().await;
        for row in table() {
            let answer = ask(&app.browser(), &row, &row.nowhere()).await;
            let code = answer.body["code"].clone();
            if row.answers == Answers::Everybody {
                assert!(code != "unauthenticated" && code != "forbidden", "{}: {code}", row.operation);
            } else {
                answer.problem(401, "unauthenticated");
            }
        }
    }

    /// Given each permission × role, then 403 names what is missing, and nobody else is refused.
    async fn plat_2_1_a_missing_permission_is_named(app) {
        let owner = app.owner().await;
        let other = app.member("otra", Role::Agent).await;
        let things = make(app, &owner, &other).await;
        for role in Role::ALL.iter().copied() {
            let somebody = app.member(&format!("some-{role}"), role).await;
            for row in table() {
                breathe(app);
                match row.answers {
                    Answers::Having(p) if !role.may(p) => {
                        let path = row.path(|thing| things[&thing].clone());
                        let answer = ask(&somebody, &row, &path).await;
                        assert_eq!(answer.status, 403, "{} as {role}: {}", row.operation, answer.body);
                        assert_eq!(answer.body["code"], "forbidden", "{} as {role}", row.operation);
                        assert_eq!(answer.body["permission"], p.as_str(), "{} as {role}", row.operation);
                    }
                    Answers::Having(_) | Answers::Member => {
                        let answer = ask(&somebody, &row, &row.nowhere()).await;
                        let refused = matches!(answer.status, 401 | 403) || answer.status >= 500;
                        assert!(!refused, "{} as {role}: {} {}", row.operation, answer.status, answer.body);
                    }
                    Answers::Everybody | Answers::Account => {}
                }
            }
        }
    }

    /// Given two workspaces, then no object of one exists for the other, and nothing of it was changed.
    async fn plat_1_1_objects_of_another_workspace_do_not_exist(app) {
        let owner = app.owner().await;
        let other = app.member("otra", Role::Agent).await;
        let things = make(app, &owner, &other).await;
        let next_door = app.new_workspace("Vecina", "vera").await;
        let vera = app.sign_in("vera").await;
        let before = owner.get("/audit-entries").await.expect(200)["items"].clone();
        for row in table() {
            let named: Vec<Thing> = row.names.iter().map(|(_, thing)| *thing).collect();
            if row.answers == Answers::Everybody || named.is_empty() || named.contains(&Thing::Token) {
                continue;
            }
            breathe(app);
            let path = row.path(|thing| things[&thing].clone());
            let answer = ask(&vera, &row, &path).await;
            assert_eq!(answer.status, 404, "{} of another workspace: {}", row.operation, answer.body);
            assert!(!answer.body.to_string().contains(MARK), "{}", row.operation);
        }
        assert_eq!(owner.get("/audit-entries").await.expect(200)["items"], before, "nothing was changed");
        other.get("/sessions/current").await.ok();
        // The same addresses are there for those they belong to.
        for row in table().iter().filter(|r| r.method() == "GET" && !r.names.is_empty()) {
            if row.names.iter().all(|(_, thing)| *thing != Thing::Token) {
                let path = row.path(|thing| things[&thing].clone());
                ask(&owner, row, &path).await.ok();
            }
        }
        // And nothing of the one workspace is in a list of the other.
        let eva = app.member_of(next_door, "eva", Role::Agent).await;
        make(app, &vera, &eva).await;
        let marked = owner.get("/groups").await.expect(200).to_string();
        assert!(marked.contains(&format!("{MARK} {}", owner.agent)), "the mark is found where it belongs");
        for row in table().iter().filter(|r| r.method() == "GET" && r.names.is_empty()) {
            breathe(app);
            let body = ask(&vera, row, row.template()).await.body.to_string();
            for foreign in [format!("{MARK} {}", owner.agent), format!("{MARK}{}@", owner.agent), "otra@example.com".into()] {
                assert!(!body.contains(&foreign), "{} shows {foreign}", row.operation);
            }
        }
    }

    async fn plat_1_1_objects_of_another_workspace_cannot_be_named_in_a_body(app) {
        let owner = app.owner().await;
        let other = app.member("otra", Role::Agent).await;
        let things = make(app, &owner, &other).await;
        let next_door = app.new_workspace("Vecina", "vera").await;
        let vera = app.sign_in("vera").await;
        let eva = app.member_of(next_door, "eva", Role::Agent).await;
        let hers = make(app, &vera, &eva).await;
        let foreign: i64 = things[&Thing::Group].parse().unwrap();
        vera.post("/groups", json!({ "name": "X", "members": [other.agent] })).await.wrong("/members", "unknown");
        vera.post("/invitations", json!({ "email": "x@example.com", "role": "agent", "groups": [foreign] })).await.wrong("/groups/0", "unknown");
        let user = vera.get(&format!("/users/{}", eva.agent)).await.expect(200);
        let path = format!("/users/{}", eva.agent);
        vera.patch(&path, user["version"].as_i64().unwrap(), json!({ "groups": [foreign] })).await.wrong("/groups/0", "unknown");
        let skill: i64 = things[&Thing::Skill].parse().unwrap();
        vera.patch(&path, user["version"].as_i64().unwrap(), json!({ "skills": [skill] })).await.wrong("/skills/0", "unknown");
        vera.delete(&format!("/groups/{}?heir={foreign}", hers[&Thing::Group])).await.wrong("/query/heir", "unknown");
    }

    async fn g6_without_a_workspace_only_one_s_own_account_answers(app) {
        let first = app.workspace().await;
        let second = app.new_workspace("Vecina", "vera").await;
        app.join(first, "ana", Role::Owner).await;
        app.join(second, "ana", Role::Owner).await;
        let ana = app.sign_in("ana").await;
        for row in table() {
            breathe(app);
            match row.answers {
                Answers::Member | Answers::Having(_) => {
                    ask(&ana, &row, &row.nowhere()).await.problem(409, "no_workspace");
                }
                Answers::Account if row.method() == "GET" => ask(&ana, &row, &row.nowhere()).await.ok(),
                Answers::Account | Answers::Everybody => {}
            }
        }
    }
}
