//! `GET /sessions`, `DELETE /sessions/{userId}`: who is connected, and who shall not be.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use tabwire_protocol::{CloseCode, Device, Millis, Module, NameError, Position, ShopId, UserId};
use warp::{
    Filter, Reply,
    http::{HeaderMap, StatusCode},
};

use super::{Answer, Query, Route, authorize_publisher, error::ApiError, json, respond, with};
use crate::{
    clock,
    node::{Backend, Node},
    orders,
    registry::{Registry, SessionQuery, SessionRecord},
};

/// How many sessions are given when nobody says how many.
const LIMIT_DEFAULT: usize = 100;
/// How many are given at most.
const LIMIT_MAX: usize = 1_000;

#[derive(Serialize)]
struct Found {
    sessions: Vec<FoundSession>,
    /// The `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<UserId>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoundSession {
    user_id: UserId,
    socket_id: String,
    shop_id: ShopId,
    modules: Vec<Module>,
    device: Device,
    connected_at: Millis,
    last_event_id: Position,
    node: String,
}

pub(super) fn find<B: Backend>(node: &Arc<Node<B>>) -> Route {
    async fn answer<B: Backend>(node: Arc<Node<B>>, headers: HeaderMap, query: Query) -> Answer {
        authorize_publisher(&node, &headers)?;
        let query = SessionQuery {
            shop: param(&query, "shopId", ShopId::new)?,
            module: param(&query, "module", Module::new)?,
            user: param(&query, "userId", UserId::new)?,
            after: param(&query, "after", UserId::new)?,
            limit: limit(&query)?,
        };
        let page = node.registry.find(clock::now(), &query).await?;
        let last = page.sessions.last().filter(|_| page.more);
        let found = Found {
            next: last.map(|session| session.user.clone()),
            sessions: (page.sessions.into_iter())
                .map(|session| found(&node, session))
                .collect(),
        };
        Ok(json(StatusCode::OK, &found))
    }

    warp::path!("sessions")
        .and(warp::get())
        .and(with(node))
        .and(warp::header::headers_cloned())
        .and(warp::query())
        .then(|node, headers, query| async { respond(answer(node, headers, query).await) })
        .boxed()
}

fn found<B: Backend>(node: &Node<B>, session: SessionRecord) -> FoundSession {
    let socket = node.sockets.get(&session.socket);
    FoundSession {
        last_event_id: socket.map_or(session.position, |socket| socket.position()),
        user_id: session.user,
        socket_id: session.socket.as_str().to_owned(),
        shop_id: session.shop,
        modules: session.modules.iter().cloned().collect(),
        device: session.device,
        connected_at: session.connected_at,
        node: session.node,
    }
}

pub(super) fn delete<B: Backend>(node: &Arc<Node<B>>) -> Route {
    async fn answer<B: Backend>(
        user: String,
        node: Arc<Node<B>>,
        headers: HeaderMap,
        query: Query,
    ) -> Answer {
        authorize_publisher(&node, &headers)?;
        let user = percent_decode_str(&user).decode_utf8_lossy();
        let user = UserId::new(&user).map_err(|error| bad_query("userId", error))?;
        let device = param(&query, "device", Device::new)?;
        // First the denial, then the socket: else it could come back in between.
        let session = node
            .registry
            .deny(clock::now(), &user, device.as_ref())
            .await?;
        if let Some(session) = session {
            orders::close(&node, &session, CloseCode::Kicked).await;
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    warp::path!("sessions" / String)
        .and(warp::delete())
        .and(with(node))
        .and(warp::header::headers_cloned())
        .and(warp::query())
        .then(|user, node, headers, query| async {
            respond(answer(user, node, headers, query).await)
        })
        .boxed()
}

fn param<T>(
    query: &Query,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, NameError>,
) -> Result<Option<T>, ApiError> {
    let value = query.get(name).map(|value| parse(value));
    value.transpose().map_err(|error| bad_query(name, error))
}

fn limit(query: &Query) -> Result<usize, ApiError> {
    let Some(limit) = query.get("limit") else {
        return Ok(LIMIT_DEFAULT);
    };
    let limit = limit.parse().ok();
    let limit = limit.filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| bad_query("limit", format!("a number from 1 to {LIMIT_MAX}")))
}

fn bad_query(name: &str, error: impl std::fmt::Display) -> ApiError {
    ApiError::bad_request("bad_query", format!("{name}: {error}"))
}
