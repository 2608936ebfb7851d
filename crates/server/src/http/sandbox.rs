//! A number for trying things out without the platform.

use crate::app::channel_accounts::{AccountSecrets, ChannelAccount, NewWhatsapp, WhatsappSettings};
use crate::app::sandbox;
use crate::http::channel_accounts::{connect, written};
use crate::http::{Context, Problem, Versioned};
use axum::Json;
use axum::http::StatusCode;
use ronda_channels::sandbox::{Sandbox, SandboxError};
use ronda_domain::permission::Permission;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Whether numbers for trying can be had here.
#[derive(Serialize, ToSchema)]
pub struct SandboxState {
    /// The operator named a sandbox in the configuration (`sandbox.url`).
    available: bool,
}

/// Ask whether there is a sandbox
#[utoipa::path(get, path = "/channel-accounts/sandbox", tag = "Channels", responses((status = 200, body = SandboxState)))]
pub async fn state(ctx: Context) -> Result<Json<SandboxState>, Problem> {
    ctx.who.need(Permission::ChannelsManage)?;
    Ok(Json(SandboxState {
        available: ctx.app.config.sandbox.is_some(),
    }))
}

fn refused(error: &SandboxError) -> Problem {
    let code = match error {
        SandboxError::Unreachable(_) => "sandbox_unreachable",
        SandboxError::Refused(_) => "sandbox_refused",
    };
    Problem::new(
        StatusCode::BAD_GATEWAY,
        code,
        format!("the sandbox gave no number: {error}"),
    )
}

/// Connect a number of the sandbox
///
/// A WhatsApp number without Meta: it is made, connected as any other, marked as simulated, and a simulated customer
/// writes to it. A workspace has one; asking again answers 200 with the one it has. 409 `sandbox_off` when the operator has
/// not named a sandbox.
#[utoipa::path(post, path = "/channel-accounts/sandbox", tag = "Channels", responses((status = 201, body = ChannelAccount), (status = 200, body = ChannelAccount)))]
pub async fn create(ctx: Context) -> Result<(StatusCode, Versioned<ChannelAccount>), Problem> {
    ctx.who.need(Permission::ChannelsManage)?;
    let config = &ctx.app.config;
    let Some(settings) = &config.sandbox else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "sandbox_off",
            "no sandbox is configured: the operator sets sandbox.url and sandbox.key to those of `ronda simulator`",
        ));
    };
    let installation = config.link("/");
    let asking = ctx
        .read("sandbox_asking", move |tx, who| sandbox::asking(tx, who, &installation))
        .await?;
    let giver = Sandbox::new(settings.url.clone(), &settings.key).map_err(|e| refused(&e))?;
    let number = giver
        .number(&asking.owner, &asking.verified_name)
        .await
        .map_err(|e| refused(&e))?;
    if let Some(there) = its(&ctx, &number.phone_number_id).await? {
        return Ok((StatusCode::OK, there));
    }
    let new = NewWhatsapp {
        name: asking.name.into(),
        phone_number_id: number.phone_number_id.clone(),
        settings: WhatsappSettings {
            waba_id: number.waba_id,
            display_phone: number.display_phone,
            // Where the whole installation is at the sandbox, the account follows it wherever it goes.
            graph_url: (settings.url != config.meta.graph_url).then(|| settings.url.to_string()),
        },
        secrets: AccountSecrets {
            access_token: number.access_token,
            app_secrets: vec![number.app_secret],
            verify_token: crate::secrets::token().chars().take(32).collect(),
            ..AccountSecrets::default()
        },
        greeter: None,
        default_group: None,
        simulated: true,
        health: json!({}),
    };
    let id = match connect(&ctx, new).await {
        Ok(row) => row.id,
        // Somebody clicked in the same instant: theirs is the one.
        Err(problem) => {
            let there = its(&ctx, &number.phone_number_id).await?;
            return there.map(|there| (StatusCode::OK, there)).ok_or(problem);
        }
    };
    if let Err(error) = giver
        .hello(&number.phone_number_id, asking.customer, asking.hello)
        .await
    {
        // The number works without it: people can write from its phone.
        tracing::warn!(%error, "the first customer of a sandbox number did not write");
    }
    Ok((StatusCode::CREATED, written(&ctx, id).await?))
}

async fn its(ctx: &Context, phone_number_id: &str) -> Result<Option<Versioned<ChannelAccount>>, Problem> {
    let number = phone_number_id.to_owned();
    let id = ctx
        .read("sandbox_connected", move |tx, who| sandbox::connected(tx, who, &number))
        .await?;
    match id {
        Some(id) => Ok(Some(written(ctx, id).await?)),
        None => Ok(None),
    }
}
