//! The routes: the WebSocket, what back ends call, and what operators look at.

pub(crate) mod addresses;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod cors;
pub(crate) mod error;
mod publish;
mod sessions;
mod upgrade;

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc};

use serde::Serialize;
use tabwire_protocol::{Position, ShopId};
use warp::{
    Filter, Rejection, Reply,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    path::FullPath,
    reject::{InvalidQuery, MethodNotAllowed},
    reply::Response,
};

use self::error::ApiError;
use crate::{
    clock,
    config::Config,
    demo::Demo,
    log::EventLog,
    node::{Backend, Node},
};

/// The other end of a connection, put into its requests by the accept loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddr(pub(crate) SocketAddr);

/// A filter that answers.
pub(crate) type Route = BoxedFilter<(Response,)>;

/// What a handler comes to.
pub(crate) type Answer = Result<Response, ApiError>;

/// The parameters of a query, by name.
type Query = BTreeMap<String, String>;

/// All routes of the public listener.
pub(crate) fn routes<B: Backend>(node: &Arc<Node<B>>) -> Route {
    let mut routes = upgrade::route(node)
        .or(publish::route(node))
        .unify()
        .or(position(node))
        .unify()
        .or(sessions::find(node))
        .unify()
        .or(sessions::delete(node))
        .unify()
        .or(health(node))
        .unify()
        .boxed();
    if !node.config.admin {
        routes = routes.or(metrics(node)).unify().boxed();
    }
    if let Some(signer) = &node.config.demo {
        let demo = Demo::new(Arc::clone(node), signer.clone());
        routes = routes.or(crate::demo::routes(&demo)).unify().boxed();
    }
    if let Some(dir) = &node.config.static_dir {
        let files = warp::fs::dir(dir.clone()).map(Reply::into_response);
        // A page of the app that has its own path in the browser. What looks like a file and isn't there stays missing.
        let page = warp::get()
            .and(warp::path::tail())
            .and_then(|tail: warp::path::Tail| async move {
                let is_file = tail
                    .as_str()
                    .rsplit('/')
                    .next()
                    .is_some_and(|last| last.contains('.'));
                if is_file { Err(warp::reject()) } else { Ok(()) }
            })
            .untuple_one()
            .and(warp::fs::file(dir.join("index.html")))
            .map(Reply::into_response);
        routes = routes.or(files).unify().or(page).unify().boxed();
    }
    let base_path = &node.config.base_path;
    let mut routes = under(base_path).and(routes).boxed();
    if let (Some(last), true) = (base_path.last(), has_page(&node.config)) {
        routes = to_slash(base_path, last).or(routes).unify().boxed();
    }
    finished(routes)
}

fn has_page(config: &Config) -> bool {
    config.demo.is_some() || config.static_dir.is_some()
}

/// From `/realtime` to `/realtime/`: what the page there calls `ws` and `login` is under that.
fn to_slash(base_path: &[String], last: &str) -> Route {
    // Relative, since a proxy may have the base path under another one.
    let location = HeaderValue::from_str(&format!("{last}/"));
    let location = location.expect("the base path is visible ASCII");
    under(base_path)
        .and(warp::path::end())
        .and(warp::get())
        .and(warp::path::full())
        .and_then(|path: FullPath| async move {
            let has_slash = path.as_str().ends_with('/');
            if has_slash {
                Err(warp::reject())
            } else {
                Ok(())
            }
        })
        .untuple_one()
        .map(move || {
            let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, location.clone());
            response
        })
        .boxed()
}

/// The routes of the listener for operators.
pub(crate) fn admin_routes<B: Backend>(node: &Arc<Node<B>>) -> Route {
    finished(health(node).or(metrics(node)).unify().boxed())
}

/// Answers what no route has answered.
fn finished(routes: Route) -> Route {
    let refused = |rejection: Rejection| async move { Ok::<_, Rejection>(refusal(&rejection)) };
    let answered = routes.recover(refused).unify();
    answered.boxed()
}

fn refusal(rejection: &Rejection) -> Response {
    let error = if let Some(error) = rejection.find::<InvalidQuery>() {
        ApiError::bad_request("bad_query", error.to_string())
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        ApiError::new(status, "method_not_allowed", "this path has other methods")
    } else {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this path",
        )
    };
    error.into_response()
}

fn under(base_path: &[String]) -> BoxedFilter<()> {
    let mut filter = warp::any().boxed();
    for segment in base_path {
        filter = filter.and(warp::path(segment.clone())).boxed();
    }
    filter
}

/// Gives each request something that is shared.
pub(crate) fn with<T: Clone + Send + Sync + 'static>(
    shared: &T,
) -> impl Filter<Extract = (T,), Error = std::convert::Infallible> + Clone + use<T> {
    let shared = shared.clone();
    warp::any().map(move || shared.clone())
}

pub(crate) fn respond(answer: Answer) -> Response {
    answer.unwrap_or_else(Reply::into_response)
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    warp::reply::with_status(warp::reply::json(body), status).into_response()
}

/// `GET /position?shopId=`: where the log of a shop is.
fn position<B: Backend>(node: &Arc<Node<B>>) -> Route {
    #[derive(Serialize)]
    struct Found<'a> {
        epoch: &'a str,
        head: Position,
    }

    async fn answer<B: Backend>(node: Arc<Node<B>>, headers: HeaderMap, query: Query) -> Answer {
        authorize_publisher(&node, &headers)?;
        let shop = query.get("shopId").map_or("", String::as_str);
        let shop = ShopId::new(shop)
            .map_err(|error| ApiError::bad_request("bad_query", format!("shopId: {error}")))?;
        let page = node
            .log
            .read(clock::now(), &shop, Position::ZERO, 0)
            .await?;
        let found = Found {
            epoch: page.bounds.epoch.as_str(),
            head: page.bounds.head,
        };
        Ok(json(StatusCode::OK, &found))
    }

    warp::path!("position")
        .and(warp::get())
        .and(with(node))
        .and(warp::header::headers_cloned())
        .and(warp::query())
        .then(|node, headers, query| async { respond(answer(node, headers, query).await) })
        .boxed()
}

/// `GET /healthz`, `GET /readyz`.
fn health<B: Backend>(node: &Arc<Node<B>>) -> Route {
    #[derive(Serialize)]
    struct Status {
        status: &'static str,
    }

    let alive = warp::path!("healthz")
        .and(warp::get())
        .map(|| json(StatusCode::OK, &Status { status: "ok" }));
    let ready = warp::path!("readyz")
        .and(warp::get())
        .and(with(node))
        .map(|node: Arc<Node<B>>| match node.complaint() {
            None => json(StatusCode::OK, &Status { status: "ready" }),
            Some(complaint) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                ApiError::new(status, "not_ready", complaint).into_response()
            }
        });
    alive.or(ready).unify().boxed()
}

/// `GET /metrics`.
fn metrics<B: Backend>(node: &Arc<Node<B>>) -> Route {
    warp::path!("metrics")
        .and(warp::get())
        .and(with(node))
        .map(|node: Arc<Node<B>>| {
            let mut response = node.metrics.text().into_response();
            let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            let format = HeaderValue::from_static(format);
            response.headers_mut().insert(header::CONTENT_TYPE, format);
            response
        })
        .boxed()
}

/// Which of the publish keys a request has.
#[derive(Clone, Copy, Debug)]
struct Publisher(usize);

impl fmt::Display for Publisher {
    /// Not the key itself: this is for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "publish key {}", self.0 + 1)
    }
}

/// Checks that a request comes from a back end, and from which.
fn authorize_publisher<B: Backend>(
    node: &Node<B>,
    headers: &HeaderMap,
) -> Result<Publisher, ApiError> {
    let Some(given) = bearer(headers) else {
        let message = "say who you are: Authorization: Bearer <publish key>";
        return Err(ApiError::unauthorized(message));
    };
    // All keys are compared to their ends, so that the time taken says nothing about how much of one was right.
    let keys = node.config.publish_keys.iter().enumerate();
    let known = keys.fold(None, |known, (n, key)| {
        let same_bytes = key
            .bytes()
            .zip(given.bytes())
            .fold(0, |diff, (a, b)| diff | (a ^ b));
        let is_same = key.len() == given.len() && same_bytes == 0;
        if is_same { Some(Publisher(n)) } else { known }
    });
    known.ok_or_else(|| ApiError::unauthorized("this is not a publish key of this server"))
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
