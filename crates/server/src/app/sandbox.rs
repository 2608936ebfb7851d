//! "Probar sin Meta" (specs PS-1, PS-2, PLAT-13): a number of the operator's sandbox. Here is only what is asked for and
//! what is said first; it is connected and used as every other number.

use crate::app::channel_accounts::WhatsappSettings;
use crate::app::{AppError, AppResult, Who};
use crate::config::Config;
use ronda_domain::ChannelAccountId;
use ronda_domain::channel::ChannelKind;
use ronda_domain::permission::Permission;
use ronda_storage::channel_accounts::{self, ChannelAccountRow};
use ronda_storage::{Tx, workspaces};

/// What a workspace asks its sandbox for.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The workspace, for the sandbox: the same every time.
    pub owner: String,
    /// What the profile of the number shows.
    pub verified_name: String,
    /// The name of the channel.
    pub name: &'static str,
    /// Who writes first, and what.
    pub customer: &'static str,
    pub hello: &'static str,
}

/// # Errors
/// [`AppError::Forbidden`]: only who may connect channels.
pub fn asking(tx: &mut Tx<'_>, who: &Who, installation: &str) -> AppResult<Asking> {
    who.need(Permission::ChannelsManage)?;
    let workspace = workspaces::get(tx, who.workspace)?.ok_or(AppError::NotFound)?;
    let (name, customer, hello) = words(&workspace.language);
    Ok(Asking {
        owner: format!("{installation}#{}", who.workspace.0),
        verified_name: workspace.name,
        name,
        customer,
        hello,
    })
}

/// In the language of the workspace: name of the channel, who writes first, and what.
fn words(language: &str) -> (&'static str, &'static str, &'static str) {
    match language {
        "en" => (
            "Test number",
            "Test customer",
            "Hello! I am a simulated customer. Do you have a moment? Whatever you answer arrives on my phone.",
        ),
        "pt" | "pt-BR" => (
            "Número de teste",
            "Cliente de teste",
            "Olá! Sou um cliente simulado. Você tem um momento? O que você responder chega no meu telefone.",
        ),
        _ => (
            "Número de prueba",
            "Cliente de prueba",
            "¡Hola! Soy un cliente simulado. ¿Tiene un momento? Lo que responda llega a mi teléfono.",
        ),
    }
}

/// The account of a number in this workspace.
///
/// # Errors
/// When the database fails.
pub fn connected(tx: &mut Tx<'_>, who: &Who, phone_number_id: &str) -> AppResult<Option<ChannelAccountId>> {
    let rows = channel_accounts::of_workspace(tx, who.workspace)?;
    let its = |row: &ChannelAccountRow| row.kind == ChannelKind::Whatsapp && row.external_id == phone_number_id;
    Ok(rows.iter().find(|row| its(row)).map(|row| row.id))
}

/// Where people write to a number of the sandbox as its customers. None for every other account.
#[must_use]
pub fn phone_page(config: &Config, row: &ChannelAccountRow) -> Option<String> {
    let sandbox = config.sandbox.as_ref()?;
    if row.kind != ChannelKind::Whatsapp || !row.simulated {
        return None;
    }
    let settings: WhatsappSettings = serde_json::from_str(&row.settings).unwrap_or_default();
    let at = match settings.graph_url {
        Some(own) => own.parse().ok()?,
        None => config.meta.graph_url.clone(),
    };
    let mut page = sandbox.url.join("phone").ok().filter(|_| at == sandbox.url)?;
    page.query_pairs_mut().append_pair("number", &row.external_id);
    Some(page.into())
}
