//! The templates that may begin a conversation.

use crate::accounts::Account;
use crate::app::AppError;
use crate::http::{Context, Filter, Paged, Problem};
use axum::http::StatusCode;
use ronda_channels::outcome::CallError;
use ronda_channels::whatsapp::client::TemplateInfo;
use ronda_domain::ChannelAccountId;
use ronda_domain::channel::ChannelKind;
use ronda_domain::content::Content;
use ronda_domain::permission::Permission;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A template as the platform lists it.
#[derive(Serialize, ToSchema)]
pub struct Template {
    id: String,
    name: String,
    language: String,
    /// Only `APPROVED` ones may be sent.
    status: String,
    category: String,
    /// `POSITIONAL` or `NAMED`.
    parameter_format: String,
    rejected_reason: Option<String>,
    #[schema(value_type = Vec<Object>)]
    components: Vec<Value>,
}

impl From<&TemplateInfo> for Template {
    fn from(t: &TemplateInfo) -> Self {
        Self {
            id: t.id.clone(),
            name: t.name.clone(),
            language: t.language.clone(),
            status: t.status.clone(),
            category: t.category.clone(),
            parameter_format: t.parameter_format.clone(),
            rejected_reason: t.rejected_reason.clone(),
            components: t.components.clone(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TemplatesQuery {
    /// Whose templates.
    channel_account: i64,
}

/// List templates
///
/// As the platform has them, at most a minute ago.
#[utoipa::path(get, path = "/templates", tag = "Channels", params(TemplatesQuery), responses((status = 200, body = Paged<Template>)))]
pub async fn list(ctx: Context, Filter(q): Filter<TemplatesQuery>) -> Result<Paged<Template>, Problem> {
    ctx.who.need(Permission::ConversationsReply)?;
    let account = account(&ctx, ChannelAccountId(q.channel_account)).await?;
    let account = account.ok_or_else(Problem::not_found)?;
    let list = known(&ctx, &account).await?;
    Ok(Paged::whole(list.iter().map(Template::from).collect()))
}

/// An account of the caller's workspace that has templates.
async fn account(ctx: &Context, id: ChannelAccountId) -> Result<Option<Arc<Account>>, Problem> {
    let snapshot = ctx.app.accounts.snapshot(&ctx.app).await?;
    Ok(snapshot
        .get(id)
        .filter(|a| a.row.workspace == ctx.who.workspace && a.row.kind == ChannelKind::Whatsapp)
        .cloned())
}

async fn known(ctx: &Context, account: &Account) -> Result<Arc<Vec<TemplateInfo>>, Problem> {
    ctx.app.templates.of(&ctx.app, account).await.map_err(|error| {
        let code = match &error {
            CallError::Provider(_) => "platform_refused",
            _ => "platform_unreachable",
        };
        let detail = format!("the templates could not be read: {error}");
        Problem::new(StatusCode::BAD_GATEWAY, code, detail)
    })
}

/// Refuses a template that the number does not have or may not send, and one with variables left open; fills in the
/// text that people read.
///
/// # Errors
/// Wrong fields; 502 when the platform cannot be asked.
pub async fn check(ctx: &Context, id: ChannelAccountId, content: &mut Content) -> Result<(), Problem> {
    let Content::Template {
        name,
        language,
        components,
        preview,
    } = content
    else {
        return Ok(());
    };
    // An account of nobody is refused by name later.
    let Some(account) = account(ctx, id).await? else {
        return Ok(());
    };
    let list = known(ctx, &account).await?;
    let of_name: Vec<&TemplateInfo> = list.iter().filter(|t| t.name == *name).collect();
    let found = of_name.iter().find(|t| t.language == *language);
    let Some(found) = found else {
        let (field, message) = if of_name.is_empty() {
            ("/content/name", "this number has no such template".to_owned())
        } else {
            let languages: Vec<&str> = of_name.iter().map(|t| t.language.as_str()).collect();
            ("/content/language", format!("it exists in {}", languages.join(", ")))
        };
        return Err(AppError::field(field, "unknown", message).into());
    };
    if found.status != "APPROVED" {
        let message = format!("the platform has it as {}", found.status);
        return Err(AppError::field("/content/name", "not_approved", message).into());
    }
    let text = filled(found, components);
    if text.contains("{{") {
        let message = format!("variables are missing: {text}");
        return Err(AppError::field("/content/components", "missing_variables", message).into());
    }
    *preview = text;
    Ok(())
}

fn is_body(component: &Value) -> bool {
    component["type"]
        .as_str()
        .is_some_and(|t| t.eq_ignore_ascii_case("body"))
}

/// The body of a template with the given parameters in place of its variables.
fn filled(template: &TemplateInfo, components: &[Value]) -> String {
    let body = template.components.iter().find(|c| is_body(c));
    let mut text = body.and_then(|b| b["text"].as_str()).unwrap_or_default().to_owned();
    let parameters = components.iter().find(|c| is_body(c)).map(|c| &c["parameters"]);
    for (at, parameter) in parameters.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let name = parameter["parameter_name"]
            .as_str()
            .map_or_else(|| (at + 1).to_string(), str::to_owned);
        let value = parameter["text"].as_str().unwrap_or_default();
        // What was filled in must not look like a variable.
        text = text.replace(&format!("{{{{{name}}}}}"), &value.replace("{{", "{ {"));
    }
    text
}
