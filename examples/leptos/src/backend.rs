//! What the app asks of its back end over HTTP: a token, and the state with the position it is at.

use gloo_net::http::Request;
use serde::{Deserialize, Serialize};
use tabwire_client::typed::{CommandType, EventType, Fetched};

/// Everybody is the same person here. In an app this comes from your login, and is the `sub` of the token.
pub const USER: &str = "u_101";

/// An order, as an event brings it, as a command sends it, and as the state has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCreated {
    pub order_id: String,
    pub customer: String,
    pub item: String,
    pub total: f64,
}

impl EventType for OrderCreated {
    const TYPE: &'static str = "order_created";
}

impl CommandType for OrderCreated {
    const TYPE: &'static str = "order_created";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    user_id: &'static str,
}

#[derive(Deserialize)]
struct LoggedIn {
    token: String,
}

/// A token for this page.
pub async fn log_in() -> Result<String, gloo_net::Error> {
    let login = Request::post("/login").json(&Login { user_id: USER })?;
    Ok(login.send().await?.json::<LoggedIn>().await?.token)
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Shop {
    pub orders: Vec<OrderCreated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    state: Shop,
    epoch: String,
    last_event_id: u64,
}

/// The shop as the back end has it now.
pub async fn fetch_shop(token: &str) -> Result<Fetched<Shop>, gloo_net::Error> {
    let request = Request::get("/state").header("authorization", &format!("Bearer {token}"));
    let snapshot: Snapshot = request.send().await?.json().await?;
    Ok(Fetched::new(snapshot.state).at(snapshot.epoch, snapshot.last_event_id))
}
