//! Customers beside their conversations.

use crate::app::customers::{self, Customer, EditCustomer, FoundCustomer};
use crate::app::views::Conversation;
use crate::http::input::limit_of;
use crate::http::{Body, Context, Filter, IfMatch, Paged, Path, Problem, Versioned};
use ronda_domain::CustomerId;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindQuery {
    /// Part of a name, an e-mail address or a telephone in any form.
    q: String,
    /// 1 to 200; 50 when left out.
    limit: Option<i64>,
}

/// Find customers
///
/// Those the caller may see, whose conversations are the newest first.
#[utoipa::path(get, path = "/customers", tag = "Customers", params(FindQuery), responses((status = 200, body = Paged<FoundCustomer>)))]
pub async fn find(ctx: Context, Filter(q): Filter<FindQuery>) -> Result<Paged<FoundCustomer>, Problem> {
    let limit = limit_of(q.limit)?;
    let found = ctx
        .read("find_customers", move |tx, who| customers::find(tx, who, &q.q, limit))
        .await?;
    Ok(Paged::whole(found))
}

/// Get a customer
///
/// With the addresses of every channel.
#[utoipa::path(get, path = "/customers/{id}", tag = "Customers", params(("id" = i64, Path)), responses((status = 200, body = Customer)))]
pub async fn get(ctx: Context, Path(id): Path<CustomerId>) -> Result<Versioned<Customer>, Problem> {
    let customer = ctx.read("customer", move |tx, who| customers::get(tx, who, id)).await?;
    let version = customer.version;
    Ok(Versioned(customer, version))
}

/// Edit a customer
#[utoipa::path(patch, path = "/customers/{id}", tag = "Customers", params(("id" = i64, Path)), request_body = EditCustomer, responses((status = 200, body = Customer)))]
pub async fn edit(
    ctx: Context,
    IfMatch(version): IfMatch,
    Path(id): Path<CustomerId>,
    Body(edit): Body<EditCustomer>,
) -> Result<Versioned<Customer>, Problem> {
    let customer = ctx
        .write("edit_customer", move |tx, who| {
            customers::edit(tx, who, id, version, &edit)
        })
        .await?;
    let version = customer.version;
    Ok(Versioned(customer, version))
}

/// List the conversations of a customer
///
/// Newest first, those the caller may see.
#[utoipa::path(get, path = "/customers/{id}/conversations", tag = "Customers", params(("id" = i64, Path)), responses((status = 200, body = Paged<Conversation>)))]
pub async fn conversations(ctx: Context, Path(id): Path<CustomerId>) -> Result<Paged<Conversation>, Problem> {
    Ok(Paged::whole(
        ctx.read("customer_conversations", move |tx, who| {
            customers::conversations(tx, who, id)
        })
        .await?,
    ))
}
