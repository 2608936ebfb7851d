//! Who and what there is in the demo workspace.

use crate::app::channel_accounts::{self, AccountSecrets, NewWhatsapp, WebChatSettings, WhatsappSettings};
use crate::app::fields::Email;
use crate::app::greeter::{Greeter, Handover};
use crate::app::groups::{self, NewGroup};
use crate::app::policies::{self, NewPolicy};
use crate::app::setup::{self, NewPerson, NewWorkspace};
use crate::app::{Actor, AppError, AppResult, Who};
use crate::config::Config;
use crate::demo::past::Past;
use crate::secrets::Secrets;
use crate::{database, passwords};
use ronda_channels::whatsapp::client::NumberInfo;
use ronda_channels::whatsapp::{GraphClient, GraphConfig};
use ronda_domain::channel::ChannelKind;
use ronda_domain::content::Content;
use ronda_domain::permission::{Role, RoleOptions};
use ronda_domain::{Clock, GroupId, Ms, SessionId, WorkspaceId};
use ronda_routing::{OnGone, Policy, Preset, RampRule, Reach, Strategy};
use ronda_storage::channel_accounts::{self as stored, ChannelAccountRow};
use ronda_storage::{Db, StoreError, Tx, conversations, customers, messages, users, workspaces};
use std::sync::Arc;

const OWNER: (&str, &str) = ("duena@tiendadelsur.example", "Marina Ledesma");
const SUPERVISOR: (&str, &str) = ("supervisora@tiendadelsur.example", "Paula Iturbe");

/// Address, name, and whether they are in Ventas and in Soporte. The first ones work by themselves.
pub const AGENTS: [(&str, &str, bool, bool); 6] = [
    ("lucia@tiendadelsur.example", "Lucía Benítez", true, true),
    ("martin@tiendadelsur.example", "Martín Sosa", true, true),
    ("camila@tiendadelsur.example", "Camila Ruiz", true, false),
    ("diego@tiendadelsur.example", "Diego Acosta", false, true),
    ("sofia@tiendadelsur.example", "Sofía Herrera", true, false),
    ("nicolas@tiendadelsur.example", "Nicolás Vega", true, true),
];

/// Time to answer while it is watched: the round turns within a minute.
const WATCHED_SECONDS: u32 = 15;
/// Time to answer in the past, when nobody watched.
const USUAL_SECONDS: u32 = 180;
/// Conversations of an agent at a time: few enough for a queue.
const LIMIT: u32 = 8;
/// The people and places of a demo, read from its database.
#[derive(Clone, Debug)]
pub struct Cast {
    pub workspace: WorkspaceId,
    /// Owner, supervisor, agents; with their addresses.
    pub everybody: Vec<(Who, String)>,
    /// In the order of [`AGENTS`].
    pub agents: Vec<Who>,
    pub groups: Vec<(GroupId, String)>,
    pub whatsapp: Arc<ChannelAccountRow>,
    pub web_chat: Arc<ChannelAccountRow>,
    /// The public key of the web chat.
    pub site_key: String,
}

/// Reads the cast.
///
/// # Errors
/// When the workspace is not there or not whole.
pub fn cast(tx: &mut Tx<'_>) -> AppResult<Cast> {
    let workspace = workspaces::all(tx)?.first().ok_or(StoreError::NotFound)?.id;
    let mut everybody: Vec<(Who, String)> = users::page(tx, workspace, 0, 100)?
        .into_iter()
        .filter_map(|u| {
            let who = Who {
                workspace,
                agent: u.id,
                account: u.account?,
                session: SessionId(0),
                role: u.role,
                options: RoleOptions::default(),
                teams_only: false,
                name: u.name,
                groups: u.groups,
                ip: String::new(),
            };
            Some((who, u.email))
        })
        .collect();
    let rank = |who: &Who| match who.role {
        Role::Owner => 0,
        Role::Supervisor => 1,
        _ => 2,
    };
    everybody.sort_by_key(|(who, _)| (rank(who), who.agent));
    let agents = AGENTS
        .iter()
        .filter_map(|(email, ..)| everybody.iter().find(|(_, e)| e == email))
        .map(|(who, _)| who.clone())
        .collect();
    let groups = ronda_storage::groups::page(tx, workspace, 0, 100)?
        .into_iter()
        .map(|g| (g.id, g.name))
        .collect();
    let accounts = stored::of_workspace(tx, workspace)?;
    let one = |kind| accounts.iter().find(|a| a.kind == kind).cloned().map(Arc::new);
    let whatsapp = one(ChannelKind::Whatsapp).ok_or(StoreError::NotFound)?;
    let web_chat = one(ChannelKind::WebChat).ok_or(StoreError::NotFound)?;
    Ok(Cast {
        workspace,
        everybody,
        agents,
        groups,
        site_key: web_chat.external_id.clone(),
        whatsapp,
        web_chat,
    })
}

/// A customer with an open conversation on WhatsApp.
#[derive(Clone, Debug)]
pub struct Open {
    /// The phone number without `+`.
    pub digits: String,
    pub name: String,
    /// What they wrote last.
    pub said: String,
}

/// The customers with an open conversation on WhatsApp, those who have waited longest first.
///
/// # Errors
/// When the database fails.
pub fn open_phones(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Vec<Open>> {
    let mut open = conversations::routable(tx, w)?;
    open.sort_by_key(|c| c.last_activity_at);
    let ids: Vec<_> = open.iter().map(|c| c.customer).collect();
    let people = customers::get_many(tx, w, &ids)?;
    let mut found = Vec::new();
    for c in open {
        let Some(person) = people.iter().find(|p| p.id == c.customer) else {
            continue;
        };
        let Some(phone) = &person.phone else { continue };
        let last = match messages::newest_inbound_id(tx, w, c.id)? {
            Some(id) => messages::get(tx, w, id)?,
            None => None,
        };
        let said = match last.and_then(|m| serde_json::from_str(&m.content).ok()) {
            Some(Content::Text { text }) => text,
            _ => "📎".into(),
        };
        found.push(Open {
            digits: phone.trim_start_matches('+').to_owned(),
            name: person.name.clone(),
            said,
        });
    }
    Ok(found)
}

/// Asks the simulated platform for the number, as connecting one does.
///
/// # Errors
/// When it does not answer.
pub async fn number(graph_url: &str) -> anyhow::Result<NumberInfo> {
    let sandbox = ronda_simulator::Config::default();
    let number = ronda_simulator::Number::default();
    let token = sandbox.tokens.first().cloned().unwrap_or_default();
    let client = GraphClient::new(&GraphConfig {
        base_url: graph_url.to_owned(),
        ..GraphConfig::default()
    })
    .map_err(|e| anyhow::anyhow!("the client of the simulator: {e}"))?;
    let info = client
        .read_number(&token, &number.phone_number_id)
        .await
        .map_err(|e| anyhow::anyhow!("the simulator does not name its number: {e}"))?;
    client
        .subscribe_app(&token, &number.waba_id, None)
        .await
        .map_err(|e| anyhow::anyhow!("the simulator does not deliver: {e}"))?;
    Ok(info)
}

/// Fills a new database: people, groups, channels and rules, then the history.
///
/// # Errors
/// When something is refused.
pub fn fill(config: &Config, password: &str, number: &NumberInfo, history_days: i64) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data)?;
    let now = Clock::system().now();
    let clock = Clock::standing(now.plus(-(history_days + 1) * Ms::DAY));
    let db = Db::open(&database(config), clock.clone(), Arc::new(|_| {}))?;
    let key = Secrets::load(config.secret_key.as_ref(), &config.data)?;
    let hash = passwords::hash(password);
    db.write_blocking("demo_people", move |tx| people(tx, &hash))?;
    let number = number.clone();
    db.write_blocking("demo_channels", move |tx| channels(tx, &key, &number))?;
    let set = |seconds| db.write_blocking("demo_policy", move |tx| policy(tx, seconds));
    set(USUAL_SECONDS)?;
    let cast = db.read_blocking("demo_cast", cast)?;
    Past::new(db.clone(), clock.clone(), cast).tell(now, history_days)?;
    clock.put(now);
    set(WATCHED_SECONDS)?;
    Ok(())
}

fn person(email: &str, name: &str, hash: &str) -> NewPerson {
    NewPerson {
        email: Email {
            shown: email.into(),
            key: email.into(),
        },
        name: name.into(),
        password_hash: hash.into(),
    }
}

fn people(tx: &mut Tx<'_>, hash: &str) -> AppResult<()> {
    let workspace = NewWorkspace {
        name: super::SHOP.into(),
        zone: "America/Argentina/Buenos_Aires".into(),
        language: "es".into(),
        country: "AR".into(),
        simulated: true,
    };
    let (w, _) = setup::run(tx, &workspace, &person(OWNER.0, OWNER.1, hash))?;
    let (_, supervisor) = setup::join(tx, w, &person(SUPERVISOR.0, SUPERVISOR.1, hash), Role::Supervisor)?;
    let (mut sales, mut support) = (Vec::new(), Vec::new());
    for (email, name, sells, supports) in AGENTS {
        let (_, agent) = setup::join(tx, w, &person(email, name, hash), Role::Agent)?;
        sales.extend(sells.then_some(agent));
        support.extend(supports.then_some(agent));
    }
    let owner = owner(tx, w)?;
    for (name, description, members, default) in [
        ("Ventas", "Precios, pagos y pedidos nuevos", sales, true),
        ("Soporte", "Envíos, cambios y reclamos", support, false),
    ] {
        let group = NewGroup {
            name: name.into(),
            description: Some(description.into()),
            members,
            supervisors: vec![supervisor],
            default,
            ..NewGroup::default()
        };
        groups::create(tx, &owner, &group)?;
    }
    Ok(())
}

fn owner(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Who> {
    let row = users::page(tx, w, 0, 100)?
        .into_iter()
        .find(|u| u.role == Role::Owner)
        .ok_or(AppError::NotFound)?;
    Ok(Who {
        workspace: w,
        agent: row.id,
        account: row.account.ok_or(AppError::NotFound)?,
        session: SessionId(0),
        role: row.role,
        options: RoleOptions::default(),
        teams_only: false,
        name: row.name,
        groups: row.groups,
        ip: String::new(),
    })
}

fn the_workspace(tx: &mut Tx<'_>) -> AppResult<WorkspaceId> {
    Ok(workspaces::all(tx)?.first().ok_or(StoreError::NotFound)?.id)
}

fn channels(tx: &mut Tx<'_>, key: &Secrets, number: &NumberInfo) -> AppResult<()> {
    let w = the_workspace(tx)?;
    let owner = owner(tx, w)?;
    let groups: Vec<_> = ronda_storage::groups::page(tx, w, 0, 100)?;
    let group = |key: &str| groups.iter().find(|g| g.key == key).map(|g| g.id);
    let sandbox = ronda_simulator::Config::default();
    let its = ronda_simulator::Number::default();
    let new = NewWhatsapp {
        name: "WhatsApp de la tienda".into(),
        phone_number_id: its.phone_number_id,
        // Where the platform is comes from the configuration of each run: the simulator may be at another port.
        settings: WhatsappSettings {
            waba_id: its.waba_id,
            display_phone: number.display_phone.clone(),
            graph_url: None,
        },
        secrets: AccountSecrets {
            access_token: sandbox.tokens.into_iter().next().unwrap_or_default(),
            app_secrets: vec![sandbox.app_secret],
            verify_token: sandbox.verify_token,
            ..AccountSecrets::default()
        },
        greeter: None,
        default_group: group("ventas"),
        simulated: true,
        health: serde_json::json!({
            "display_phone": number.display_phone, "verified_name": number.verified_name, "quality": number.quality,
            "name_status": number.name_status, "messaging_limit": number.messaging_limit, "subscribed": true,
        }),
    };
    channel_accounts::connect_whatsapp(tx, key, w, &Actor::from(&owner), &new)?;
    let settings = WebChatSettings {
        launcher_text: "¿Te ayudamos?".into(),
        greeting: "¡Hola! Escribinos y te responde una persona del equipo.".into(),
        language: "es".into(),
        ..WebChatSettings::default()
    };
    let greeter = Greeter {
        text:
            "¡Hola! Soy el asistente de Tienda del Sur. Contame en una línea qué necesitás y te paso con una persona."
                .into(),
        handover: Handover::FirstMessage,
        words: Vec::new(),
        chat_group: None,
    };
    channel_accounts::create_web_chat(
        tx,
        w,
        &Actor::from(&owner),
        "Chat de la tienda",
        &settings,
        Some(&greeter),
        group("soporte"),
    )?;
    Ok(())
}

fn policy(tx: &mut Tx<'_>, seconds: u32) -> AppResult<()> {
    let w = the_workspace(tx)?;
    let owner = owner(tx, w)?;
    // Whoever only watches is given nothing.
    let watching = users::page(tx, w, 0, 100)?
        .into_iter()
        .filter(|u| u.role != Role::Agent)
        .map(|u| u.id);
    let policy = Policy {
        excluded: watching.collect(),
        preset: None,
        based_on: Some(Preset::Support),
        limit: Some(LIMIT),
        reassign_seconds: Some(seconds),
        strategy: Strategy::LeastRecent,
        typing_grace_seconds: seconds.min(30),
        on_gone: OnGone::OnCustomerMessage,
        // Everybody can have their share at once: a demo begins with an open shop.
        ramp: RampRule {
            interval_seconds: 0,
            ..RampRule::default()
        },
        ..Policy::support()
    };
    let new = NewPolicy {
        policy,
        reach: Reach::NewOnly,
        confirm: true,
        ..NewPolicy::default()
    };
    policies::save(tx, &owner, &new)?;
    Ok(())
}
