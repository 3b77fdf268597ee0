//! The way in: a hello in time, a token, the user's one socket, a place in the log, a welcome.

use std::{collections::BTreeSet, sync::Arc};

use tabwire_protocol::{
    ClientFrame, CloseCode, Cursor, DecodeError, Hello, Millis, Module, Position, Resume,
    ServerFrame, ShopId, UserId, VERSION, Welcome,
};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{
    End,
    cursor::{LogBounds, Opened, Routed, SessionCursor, Stretch, Viewer},
    socket::{Incoming, Socket},
    sockets::Handle,
};
use crate::{
    clock,
    frame::Frame,
    hub::{JoinError, Shop},
    limits::Limit,
    log::{EventLog, LogUnavailable},
    node::{Backend, Node},
    orders,
    registry::{ClaimRequest, Claimed, Held, Registry, RegistryUnavailable, SessionRecord},
    tail::Watch,
};

/// A session that has been let in.
pub(super) struct Session {
    pub(super) record: Arc<SessionRecord>,
    pub(super) claim: u64,
    /// When its token is no longer taken.
    pub(super) taken_until: Millis,
    pub(super) cursor: SessionCursor,
    pub(super) shop: Arc<Shop>,
    /// Sees the shop's tail grow.
    pub(super) grown: Watch,
}

impl From<LogUnavailable> for End {
    /// Not a refresh: no position would be true.
    fn from(error: LogUnavailable) -> Self {
        Self::later(error.to_string())
    }
}

impl From<RegistryUnavailable> for End {
    fn from(error: RegistryUnavailable) -> Self {
        Self::later(error.to_string())
    }
}

/// Lets a session in.
pub(super) async fn greet<B: Backend>(
    node: &Node<B>,
    socket: &mut Socket,
    handle: &Handle,
    pending: OwnedSemaphorePermit,
) -> Result<Box<Session>, End> {
    let hello = tokio::select! {
        hello = timeout(node.config.hello_timeout, read_hello(socket)) => {
            hello.map_err(|_| {
                node.limited(Limit::HelloTimeout, handle.id());
                End::close(CloseCode::Timeout, "no hello in time")
            })??
        }
        () = handle.closed() => return Err(End::Gone),
    };
    drop(pending);
    if hello.v != VERSION {
        return Err(End::close(
            CloseCode::Version,
            format!("supported: {VERSION}"),
        ));
    }
    let now = clock::now();
    let identity = node.config.verifier.verify(now, &hello.token);
    let identity =
        identity.map_err(|error| End::close(CloseCode::Unauthorized, error.to_string()))?;
    // First the log, then the user's socket: nobody is replaced by a session that can't begin.
    let joined = timeout(node.config.log_patience, node.hub.join(&identity.shop));
    let shop = joined.await.unwrap_or_else(|_| {
        // Each waits for those before it who tried, and a log that is slow is as good as none.
        Err(LogUnavailable("it takes too long to read".to_owned()).into())
    });
    let shop = shop.map_err(|error| match error {
        JoinError::Log(error) => End::from(error),
        JoinError::TooMany => {
            node.limited(Limit::MaxShops, &identity.shop);
            End::close(CloseCode::TryLater, "too many shops have sessions here")
        }
    })?;
    let grown = shop.tail().watch(&identity.modules, &identity.user);
    let viewer = Viewer::new(
        &identity.shop,
        identity.user.clone(),
        Arc::clone(grown.modules()),
    );
    let opened = open(node, &shop, viewer, &identity.shop, hello.cursor.as_ref()).await?;
    let record = SessionRecord {
        socket: handle.id().clone(),
        user: identity.user.clone(),
        shop: identity.shop.clone(),
        modules: Arc::clone(grown.modules()),
        device: hello.device.clone(),
        connected_at: now,
        issued_at: identity.issued_at,
        expires_at: identity.expires_at,
        node: node.id.clone(),
        position: opened.cursor.position(),
    };
    let record = Arc::new(record);
    // Who gave up waiting has its socket elsewhere by now, and that one must not lose its place to this.
    if socket.is_gone() {
        return Err(End::Gone);
    }
    let claim = match claim(node, &record, hello.claim).await {
        Ok(claim) => claim?,
        Err(error) => {
            // It may have been granted all the same.
            node.keeper.release_later(record);
            return Err(error.into());
        }
    };
    handle.set_position(record.position);
    handle.hold(Some(Held {
        session: Arc::clone(&record),
        claim,
    }));

    node.metrics.resumed(match opened.resume {
        Resume::Fresh => "fresh",
        Resume::Replay => "replay",
        Resume::FullRefresh => "full_refresh",
    });
    let welcome = welcome(node, &record, &opened, claim);
    socket.push(Frame::text(&ServerFrame::Welcome(welcome).encode()));
    if let Some(refresh) = opened.refresh {
        let spread = super::live::spread_ms(refresh.reason, shop.tail().watchers());
        node.metrics.refreshed(refresh.reason.as_str());
        let frame = ServerFrame::FullRefresh(refresh.frame(spread));
        socket.push(Frame::text(&frame.encode()));
    }
    if socket.flush(handle).await.is_err() {
        return Err(End::Gone);
    }
    Ok(Box::new(Session {
        record,
        claim,
        taken_until: identity.taken_until,
        cursor: opened.cursor,
        shop,
        grown,
    }))
}

async fn read_hello(socket: &mut Socket) -> Result<Hello, End> {
    loop {
        let text = match socket.read().await {
            Incoming::Text(text) => text,
            Incoming::Alive => continue,
            Incoming::Violation(closing) => return Err(End::Close(closing)),
            Incoming::Gone => return Err(End::Gone),
        };
        return match ClientFrame::decode(&text) {
            Ok(ClientFrame::Hello(hello)) => Ok(hello),
            Ok(_) | Err(DecodeError::Unknown(_)) => Err(End::close(
                CloseCode::Malformed,
                "the first frame is a hello",
            )),
            Err(DecodeError::Malformed(what)) => Err(End::close(CloseCode::Malformed, what)),
        };
    }
}

/// Finds the session's place in the log.
async fn open<B: Backend>(
    node: &Node<B>,
    shop: &Shop,
    viewer: Viewer,
    name: &ShopId,
    cursor: Option<&Cursor>,
) -> Result<Opened, LogUnavailable> {
    let max_replay = node.config.max_replay;
    let last = cursor.map(|cursor| cursor.last);
    Ok(match missing(node, shop, name, last).await? {
        None => SessionCursor::open(cursor, viewer, &*shop.tail().ring(), max_replay),
        Some(route) => SessionCursor::open(cursor, viewer, &route, max_replay),
    })
}

/// What the tail can't say about a position: what came before it, and what it has not heard of yet.
pub(super) async fn missing<B: Backend>(
    node: &Node<B>,
    shop: &Shop,
    name: &ShopId,
    last: Option<Position>,
) -> Result<Option<Route>, LogUnavailable> {
    let Some(last) = last else {
        return Ok(None);
    };
    if shop.tail().ring().bounds().floor > last {
        let page_events = node.config.limits.page_events;
        shop.reach_back(&*node.log, last, page_events).await?;
    }
    for _ in 0..EPOCHS_MAX {
        let bounds = shop.tail().ring().bounds().clone();
        if (bounds.floor..=bounds.head).contains(&last) {
            return Ok(None);
        }
        let route = {
            let permit = node.far_reads.acquire().await;
            let _permit = permit.expect("nobody closes the semaphore");
            read_route(node, name, last).await?
        };
        if route.bounds.head > bounds.head || route.bounds.epoch != bounds.epoch {
            shop.tail().doubt();
        }
        if route.bounds.epoch == bounds.epoch {
            return Ok(Some(route));
        }
        // The session would begin in a log that the tail does not follow yet.
        shop.tail().is_of(&route.bounds.epoch).await?;
    }
    Err(LogUnavailable("it begins anew again and again".to_owned()))
}

/// How often the log may begin anew while somebody asks about a position.
const EPOCHS_MAX: usize = 3;

/// The way from a position to the head: for whom each event is, without the events.
pub(super) struct Route {
    bounds: LogBounds,
    after: Position,
    signs: Vec<Sign>,
}

pub(super) struct Sign {
    module: Module,
    users: Option<BTreeSet<UserId>>,
}

impl Routed for Sign {
    fn module(&self) -> &Module {
        &self.module
    }

    fn is_for(&self, user: &UserId) -> bool {
        self.users.as_ref().is_none_or(|users| users.contains(user))
    }
}

impl Stretch for Route {
    type Event = Sign;

    fn bounds(&self) -> &LogBounds {
        &self.bounds
    }

    fn get(&self, position: Position) -> Option<&Sign> {
        let index = position.get().checked_sub(self.after.get() + 1)?;
        self.signs.get(usize::try_from(index).ok()?)
    }
}

/// Reads as much of the way as has to be counted: nothing when the whole distance is short enough for a replay.
async fn read_route<B: Backend>(
    node: &Node<B>,
    name: &ShopId,
    after: Position,
) -> Result<Route, LogUnavailable> {
    let page = node.log.read(clock::now(), name, after, 0).await?;
    let mut route = Route {
        bounds: page.bounds,
        after,
        signs: Vec::new(),
    };
    let distance = route.bounds.head.get().saturating_sub(after.get());
    if distance <= node.config.max_replay || after < route.bounds.floor {
        return Ok(route);
    }
    let mut at = after;
    while at < route.bounds.head && route.signs.len() < node.config.retention.events {
        let page_events = node.config.limits.page_events;
        let page = node.log.read(clock::now(), name, at, page_events).await?;
        if page.bounds.epoch != route.bounds.epoch || page.events.is_empty() {
            // It has begun anew, or expired under the reader's eyes; what is missing counts as too far.
            break;
        }
        for stored in page.events {
            at = stored.id;
            route.signs.push(Sign {
                module: stored.event.module.clone(),
                users: stored.event.users.clone(),
            });
        }
    }
    Ok(route)
}

/// Gets the user's socket for this session, as the policy says; or an end.
async fn claim<B: Backend>(
    node: &Node<B>,
    session: &SessionRecord,
    claim: Option<u64>,
) -> Result<Result<u64, End>, RegistryUnavailable> {
    let mut dead = None;
    loop {
        let request = ClaimRequest {
            policy: node.config.concurrency,
            session,
            claim,
            dead: dead.as_ref(),
        };
        match node.registry.claim(clock::now(), &request).await? {
            Claimed::Granted { claim, closes } => {
                if let Some((old, code)) = closes {
                    orders::close(node, &old, code).await;
                }
                return Ok(Ok(claim));
            }
            Claimed::Refused(code) => return Ok(Err(End::close(code, refusal(code)))),
            Claimed::Probe(holder) if orders::lives(node, &holder).await? => {
                let code = CloseCode::Rejected;
                return Ok(Err(End::close(code, refusal(code))));
            }
            Claimed::Probe(holder) => dead = Some(holder.socket),
        }
    }
}

const fn refusal(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Unauthorized => "the token was revoked",
        CloseCode::Rejected => "another device of the user is connected",
        _ => "another device of the user was connected later",
    }
}

fn welcome<B: Backend>(
    node: &Node<B>,
    session: &SessionRecord,
    opened: &Opened,
    claim: u64,
) -> Welcome {
    Welcome {
        v: VERSION,
        socket_id: session.socket.as_str().to_owned(),
        user_id: session.user.clone(),
        shop_id: session.shop.clone(),
        modules: session.modules.iter().cloned().collect(),
        types: node.config.types.of_modules(&*session.modules),
        epoch: opened.cursor.epoch().clone(),
        view: opened.cursor.viewer().view().clone(),
        resume: opened.resume,
        at: opened.at,
        claim,
        now: clock::now(),
        expires_at: session.expires_at,
        ping_ms: clock::millis(node.config.ping),
        max_frame: node.config.max_frame as u64,
        features: Vec::new(),
    }
}
