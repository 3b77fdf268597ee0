//! The accept loop. warp's own has no limits, no timeouts for request heads, no `TCP_NODELAY`, and lets go of upgraded connections.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tabwire_protocol::Millis;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;
use warp::reply::Response;

use crate::{
    auth::jwks_file,
    clock,
    command::records::{OneNode, RedisRecords},
    config::Config,
    drain::drain,
    http::{self, PeerAddr, Route, cors},
    log::{MemoryLog, redis::RedisLog},
    metrics::Metrics,
    node::{Backend, Memory, Node, Redis},
    peers,
    redis::{Link, Patience, Topology},
    registry::{
        MemoryRegistry,
        redis::{Keys, RedisRegistry},
    },
};

/// How long nothing is accepted after the system could not: it has no descriptors left, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a server listens. The caller binds, so it knows the ports.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody.
    pub public: TcpListener,
    /// For operators, when they have one of their own.
    pub admin: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Self {
        Self {
            public,
            admin: None,
        }
    }
}

/// How often some quiet subscriptions are probed, at least.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// Runs a server until `shutdown` is over, and then for as long as its drain takes.
pub async fn run(
    listeners: impl Into<Listeners>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) {
    let listeners = listeners.into();
    let metrics = Arc::new(Metrics::default());
    let Some(redis) = config.redis.clone() else {
        let log = MemoryLog::new(config.retention);
        let registry = MemoryRegistry::default();
        let node: Node<Memory> = Node::new(config, log, registry, OneNode, metrics);
        return serve(listeners, Arc::new(node), shutdown).await;
    };
    let topology = Topology::parse(&redis.url).expect("the configuration has been checked");
    let probe = config.ping.min(PROBE_EVERY);
    let patience = Patience {
        timeout: redis.timeout,
        probe,
        // Each subscription once per ping period, and something all the time: one connection carries them all.
        rounds: (clock::millis(config.ping) / clock::millis(probe).max(1)).max(1),
    };
    let link = Link::new(topology, patience, metrics.redis.clone());
    let log = RedisLog::new(link.clone(), redis.prefix.clone(), config.retention);
    let keys = Keys::new(&redis.prefix);
    let grace = clock::millis(config.limits.expiry_grace);
    let grace = config.verifier.leeway.plus(Millis(grace));
    let registry = RedisRegistry::new(link.clone(), keys.clone(), grace);
    let records = RedisRecords::new(link.clone(), redis.prefix);
    let node: Node<Redis> = Node::new(config, log, registry, records, metrics);
    serve(listeners, Arc::new(node.among(link, keys)), shutdown).await;
}

async fn serve<B: Backend>(
    listeners: Listeners,
    node: Arc<Node<B>>,
    shutdown: impl Future<Output = ()>,
) {
    // First of all: sessions of a node that nobody knows to live would look like those of a dead one.
    if let Some(peers) = &node.peers {
        peers.join().await;
    }
    let company = AbortOnDropHandle::new(tokio::spawn(peers::run(Arc::clone(&node))));
    let routes = http::routes(&node);
    node.tasks
        .spawn(accept(Arc::clone(&node), listeners.public, routes));
    if let Some(admin) = listeners.admin {
        let routes = http::admin_routes(&node);
        node.tasks.spawn(accept(Arc::clone(&node), admin, routes));
    }
    if let Some(file) = node.config.verifier.jwks.clone() {
        let (node, every) = (Arc::clone(&node), node.config.jwks_interval);
        node.tasks.clone().spawn(async move {
            let following = jwks_file::follow(file, every, Arc::clone(&node.metrics));
            node.closed.run_until_cancelled(following).await;
        });
    }
    shutdown.await;
    drain(&node).await;
    drop(company);
    if let Some(peers) = &node.peers {
        peers.leave().await;
    }
}

/// Accepts connections until the node is closed.
async fn accept<B: Backend>(node: Arc<Node<B>>, listener: TcpListener, routes: Route) {
    let permits = Arc::new(Semaphore::new(node.config.limits.http_connections));
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            let permit = permit.expect("nobody closes the semaphore");
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = node.closed.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = connection(
                    Arc::clone(&node),
                    stream,
                    PeerAddr(peer),
                    routes.clone(),
                    permit,
                );
                node.tasks.spawn(serving);
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "nothing can be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether an error is of the connection that was to be accepted, and the next one may be had at once.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Serves the requests of a connection, until it ends or becomes a WebSocket.
async fn connection<B: Backend>(
    node: Arc<Node<B>>,
    stream: TcpStream,
    peer: PeerAddr,
    routes: Route,
    _permit: OwnedSemaphorePermit,
) {
    // Frames are small and shall not wait for each other. A socket that refuses this is about to fail anyway.
    let _ = stream.set_nodelay(true);
    let answering = Arc::clone(&node);
    let service = TowerToHyperService::new(warp::service(routes));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let (node, service) = (Arc::clone(&answering), service.clone());
        // Boxed as a whole: the compiler can't prove warp's own future to be `Send` for every lifetime of its body.
        let answer = async move { Ok::<_, Infallible>(answer(&node, &service, request).await) };
        Box::pin(answer) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(node.config.limits.header_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = node.closed.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, peer = %peer.0, "a connection ended");
    }
}

async fn answer<B, S>(node: &Node<B>, service: &S, request: Request<Incoming>) -> Response
where
    B: Backend,
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let origin = request.headers().get(hyper::header::ORIGIN).cloned();
    let is_demo = node.config.demo.is_some();
    let preflight = is_demo.then(|| cors::preflight(request.method(), request.headers()));
    let mut response = match preflight.flatten() {
        Some(response) => response,
        None => match service.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
    };
    if is_demo {
        cors::allow(origin.as_ref(), &mut response);
    }
    node.metrics.requested(response.status().as_u16());
    response
}
