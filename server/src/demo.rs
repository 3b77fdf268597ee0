//! The demo: everybody may log in, and an order book and a chat per shop are made of the shop's own events.

mod book;
mod pranks;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tabwire_protocol::{Millis, Module, ShopId, UserId};
use tokio::time::{MissedTickBehavior, interval};
use warp::{
    Filter, Reply,
    http::{HeaderMap, StatusCode},
};

use self::book::Book;
use crate::{
    auth::{Identity, Signer},
    clock,
    http::{Answer, Route, bearer, body::read_json, error::ApiError, json, respond, with},
    node::{Backend, Node},
};

/// How long a login lasts.
const TOKEN_LIFE: Millis = Millis(15 * 60_000);
/// How long after its end a token can still be exchanged for a new one.
const REFRESH_WITHIN: Millis = Millis(24 * 3_600_000);
/// The shop of those who name none.
const SHOP_DEFAULT: &str = "s_1";
/// How many shops have a book. The demo lets everybody name shops.
const BOOKS_MAX: usize = 100;
/// How often the books are brought up to the log, so that no event expires before it is in one.
const CATCH_UP_EVERY: Duration = Duration::from_secs(5);
/// The largest body.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The demo's part of a server.
pub(crate) struct Demo<B: Backend> {
    node: Arc<Node<B>>,
    signer: Signer,
    // A std mutex around what is looked up; each book has a mutex of its own that may be held while the log is read.
    books: Mutex<BTreeMap<ShopId, Arc<tokio::sync::Mutex<Book>>>>,
}

impl<B: Backend> Demo<B> {
    /// Begins the demo. Its books follow the log until the node is closed.
    pub(crate) fn new(node: Arc<Node<B>>, signer: Signer) -> Arc<Self> {
        let demo = Arc::new(Self {
            node: Arc::clone(&node),
            signer,
            books: Mutex::default(),
        });
        let following = Arc::clone(&demo);
        node.tasks.spawn(async move {
            let closed = following.node.closed.clone();
            closed.run_until_cancelled(following.follow()).await;
        });
        demo
    }

    async fn follow(&self) {
        let mut ticks = interval(CATCH_UP_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let books = self.with_books(|books| books.clone());
            for (shop, book) in books {
                if let Err(error) = book.lock().await.catch_up(&*self.node.log, &shop).await {
                    tracing::warn!(shopId = %shop, %error, "a book of the demo falls behind");
                }
            }
        }
    }

    fn with_books<T>(
        &self,
        act: impl FnOnce(&mut BTreeMap<ShopId, Arc<tokio::sync::Mutex<Book>>>) -> T,
    ) -> T {
        act(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn book(&self, shop: &ShopId) -> Result<Arc<tokio::sync::Mutex<Book>>, ApiError> {
        self.with_books(|books| {
            if books.len() >= BOOKS_MAX && !books.contains_key(shop) {
                return Err(ApiError::too_many("the demo has too many shops"));
            }
            Ok(Arc::clone(books.entry(shop.clone()).or_default()))
        })
    }
}

/// All routes of the demo.
pub(crate) fn routes<B: Backend>(demo: &Arc<Demo<B>>) -> Route {
    let login = warp::path!("login")
        .and(warp::post())
        .and(with(demo))
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(|demo, headers, body| async { respond(login(demo, headers, body).await) });
    let refresh = warp::path!("refresh")
        .and(warp::post())
        .and(with(demo))
        .and(warp::header::headers_cloned())
        .then(|demo, headers| async { respond(refresh(demo, headers).await) });
    let state = warp::path!("state")
        .and(warp::get())
        .and(with(demo))
        .and(warp::header::headers_cloned())
        .then(|demo, headers| async { respond(state(demo, headers).await) });
    let restart = warp::path!("demo" / "restart")
        .and(warp::post())
        .and(with(demo))
        .and(warp::header::headers_cloned())
        .then(|demo, headers| async { respond(restart(demo, headers).await) });
    let rush = warp::path!("demo" / "rush")
        .and(warp::post())
        .and(with(demo))
        .and(warp::header::headers_cloned())
        .then(|demo, headers| async { respond(rush(demo, headers).await) });
    let routes = login.or(refresh).unify().or(state).unify();
    let routes = routes.or(restart).unify().or(rush).unify();
    if demo.node.config.static_dir.is_some() {
        return routes.boxed();
    }
    let page = warp::path::end()
        .and(warp::get())
        .map(|| warp::reply::html(PAGE).into_response());
    routes.or(page).unify().boxed()
}

/// The page of a demo that has no files to serve.
const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>tabwire</title>\
    <p>The server of the demo runs. Its page is served with <code>--static www/dist</code>; \
    <code>cargo xtask demo</code> builds that and starts both.</p></html>";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    user_id: UserId,
    shop_id: Option<ShopId>,
    modules: Option<BTreeSet<Module>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    token: String,
    user_id: UserId,
    shop_id: ShopId,
    modules: Arc<BTreeSet<Module>>,
    expires_at: Millis,
}

async fn login<B: Backend>(
    demo: Arc<Demo<B>>,
    headers: HeaderMap,
    body: impl futures_util::Stream<Item = Result<impl warp::Buf, warp::Error>>,
) -> Answer {
    let time_max = demo.node.config.limits.body_timeout;
    let text = read_json(&headers, body, BODY_BYTES_MAX, time_max).await?;
    let login: Login = serde_json::from_str(&text)
        .map_err(|error| ApiError::unprocessable("invalid", error.to_string()))?;
    let shop = match login.shop_id {
        Some(shop) => shop,
        None => ShopId::new(SHOP_DEFAULT).expect("it is a name"),
    };
    let all = || demo.node.config.types.modules().cloned().collect();
    Ok(logged_in(
        &demo,
        login.user_id,
        shop,
        Arc::new(login.modules.unwrap_or_else(all)),
    ))
}

async fn refresh<B: Backend>(demo: Arc<Demo<B>>, headers: HeaderMap) -> Answer {
    let now = clock::now();
    let token = bearer(&headers).unwrap_or("");
    let had = demo.node.config.verifier.verify_signed(now, token);
    let had = had.map_err(|error| ApiError::unauthorized(error.to_string()))?;
    if had.expires_at.plus(REFRESH_WITHIN) <= now {
        return Err(ApiError::unauthorized(
            "the token expired too long ago: log in",
        ));
    }
    Ok(logged_in(&demo, had.user, had.shop, had.modules))
}

fn logged_in<B: Backend>(
    demo: &Demo<B>,
    user: UserId,
    shop: ShopId,
    modules: Arc<BTreeSet<Module>>,
) -> warp::reply::Response {
    // The token has whole seconds, so the answer has them too.
    let now = Millis(clock::now().0 / 1_000 * 1_000);
    let identity = Identity {
        user,
        shop,
        modules,
        issued_at: now,
        expires_at: now.plus(TOKEN_LIFE),
        taken_until: now.plus(TOKEN_LIFE),
    };
    let logged_in = LoggedIn {
        token: demo.signer.sign(&identity),
        user_id: identity.user,
        shop_id: identity.shop,
        modules: identity.modules,
        expires_at: identity.expires_at,
    };
    json(StatusCode::OK, &logged_in)
}

/// Who asks, by their token.
fn identify<B: Backend>(demo: &Demo<B>, headers: &HeaderMap) -> Result<Identity, ApiError> {
    let token = bearer(headers).unwrap_or("");
    let identity = demo.node.config.verifier.verify(clock::now(), token);
    identity.map_err(|error| ApiError::unauthorized(error.to_string()))
}

async fn state<B: Backend>(demo: Arc<Demo<B>>, headers: HeaderMap) -> Answer {
    let identity = identify(&demo, &headers)?;
    let book = demo.book(&identity.shop)?;
    let mut book = book.lock().await;
    book.catch_up(&*demo.node.log, &identity.shop).await?;
    Ok(json(
        StatusCode::OK,
        &value!({
            "state": {"orders": book.orders, "chat": book.chat},
            "epoch": book.epoch,
            "lastEventId": book.position,
        }),
    ))
}

/// Ends the log of the token's shop: all of its tabs fetch their state anew.
async fn restart<B: Backend>(demo: Arc<Demo<B>>, headers: HeaderMap) -> Answer {
    let identity = identify(&demo, &headers)?;
    let bounds = pranks::restart(&demo.node, &identity.shop).await?;
    Ok(json(
        StatusCode::OK,
        &value!({"epoch": bounds.epoch, "head": bounds.head}),
    ))
}

/// Publishes a thousand events to the token's shop.
async fn rush<B: Backend>(demo: Arc<Demo<B>>, headers: HeaderMap) -> Answer {
    let identity = identify(&demo, &headers)?;
    let (first, last) = pranks::rush(&demo.node, &identity.shop).await?;
    Ok(json(
        StatusCode::CREATED,
        &value!({"epoch": last.epoch, "first": first.id, "last": last.id}),
    ))
}
