//! Things people should act on.

use crate::app::alerts::{self, Alert};
use crate::http::{Context, Filter, Page, Paged, Problem};

/// List alerts
///
/// Newest first. Supervisors see all, agents those about them.
#[utoipa::path(get, path = "/alerts", tag = "Routing", params(Page), responses((status = 200, body = Paged<Alert>)))]
pub async fn list(ctx: Context, Filter(page): Filter<Page>) -> Result<Paged<Alert>, Problem> {
    let (before, limit) = (page.after(i64::MAX)?, page.limit()?);
    let items = ctx
        .read("alerts", move |tx, who| alerts::list(tx, who, before, limit))
        .await?;
    Ok(Paged::of(items, limit, |a| a.id))
}
