//! Where Redis is, and how to connect to it.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion, PushInfo, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::sync::Mutex;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// One server, one behind Sentinels, or a cluster.
pub(crate) struct Topology {
    kind: Kind,
    /// The address without its password, for people.
    shown: String,
}

enum Kind {
    Single(Client),
    /// Asked anew for each connection: after a failover it is another server.
    Sentinel(Mutex<SentinelClient>),
    Cluster(Nodes),
}

/// The nodes of a cluster that are asked for the others.
struct Nodes {
    addresses: Vec<ConnectionInfo>,
    user: Option<String>,
    password: Option<String>,
}

/// Takes what the server sends unasked: messages, confirmations, the end of the connection. It must not block.
pub(super) type OnPush = Box<dyn Fn(PushInfo) + Send + Sync>;

/// An open connection, or several that are used as one.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Topology {
    /// Reads an address: `redis://[user:password@]host[:port][/db]`, `redis-sentinel://[…@]host:port,…/name[/db]` or
    /// `redis-cluster://[…@]host:port,…`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or("an address begins with redis://, redis-sentinel:// or redis-cluster://")?;
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let shown = format!("{scheme}://{place}");
        let kind = match scheme {
            "redis" | "valkey" | "redis+unix" | "unix" => {
                let info = url.into_connection_info().map_err(|e| e.to_string())?;
                Kind::Single(Client::open(resp3(info)).map_err(|e| e.to_string())?)
            }
            "redis-sentinel" => Kind::Sentinel(Mutex::new(sentinel(login, place)?)),
            "redis-cluster" => Kind::Cluster(nodes(login, place)?),
            "rediss" | "valkeys" => {
                return Err(
                    "TLS is not built in: put a tunnel (stunnel, a sidecar) before Redis".into(),
                );
            }
            other => {
                return Err(format!(
                    "{other}:// is not known: redis://, redis-sentinel:// or redis-cluster://"
                ));
            }
        };
        Ok(Self { kind, shown })
    }

    /// In a cluster, channels are of a shard, as keys are.
    pub(super) const fn publish_command(&self) -> &'static str {
        if self.is_cluster() {
            "SPUBLISH"
        } else {
            "PUBLISH"
        }
    }

    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster(_))
    }

    /// Connects. What the server sends unasked goes to `on_push`, if there is one.
    pub(super) async fn connect(
        &self,
        timeout: Duration,
        on_push: Option<OnPush>,
    ) -> RedisResult<Connection> {
        let on_push = on_push.map(|on_push| {
            move |info: PushInfo| {
                on_push(info);
                Ok::<(), ()>(())
            }
        });
        if let Kind::Cluster(nodes) = &self.kind {
            let mut builder = ClusterClientBuilder::new(nodes.addresses.clone())
                .use_protocol(ProtocolVersion::RESP3)
                .connection_timeout(timeout)
                .response_timeout(timeout)
                .overall_response_timeout(Some(timeout))
                .tcp_settings(TcpSettings::default().set_nodelay(true))
                // Enough to follow slots that move; what takes longer is for whoever called.
                .retries(3);
            if let Some(user) = &nodes.user {
                builder = builder.username(user);
            }
            if let Some(password) = &nodes.password {
                builder = builder.password(password);
            }
            if let Some(on_push) = on_push {
                builder = builder.push_sender(on_push);
            }
            let client: ClusterClient = builder.build()?;
            return Ok(Connection::Cluster(client.get_async_connection().await?));
        }
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        if let Some(on_push) = on_push {
            config = config.set_push_sender(on_push);
        }
        let connection = match &self.kind {
            Kind::Single(client) => {
                client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?
            }
            Kind::Sentinel(client) => {
                let client = client.lock().await.async_get_client().await?;
                client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?
            }
            Kind::Cluster(_) => unreachable!("it was connected to above"),
        };
        Ok(Connection::Single(connection))
    }
}

impl std::fmt::Debug for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Connection {
    /// Follows a channel; returns when the server has confirmed it.
    pub(super) async fn subscribe(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::Single(connection) => connection.subscribe(channel).await,
            Self::Cluster(connection) => connection.ssubscribe(channel).await,
        }
    }

    /// Follows a channel no more.
    pub(super) async fn unsubscribe(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::Single(connection) => connection.unsubscribe(channel).await,
            Self::Cluster(connection) => connection.sunsubscribe(channel).await,
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Messages come unasked, which the older protocol can't tell from answers.
fn resp3(info: ConnectionInfo) -> ConnectionInfo {
    let settings = info.redis_settings().clone();
    let settings = settings.set_protocol(ProtocolVersion::RESP3);
    info.set_redis_settings(settings)
        .set_tcp_settings(TcpSettings::default().set_nodelay(true))
}

fn sentinel(login: Option<&str>, place: &str) -> Result<SentinelClient, String> {
    let mut parts = place.split('/');
    let addresses = addresses(parts.next().unwrap_or_default(), SENTINEL_PORT)?;
    let name = parts
        .next()
        .filter(|name| !name.is_empty())
        .ok_or("the name of the primary is missing: redis-sentinel://host:port,host:port/name")?;
    let mut builder = SentinelClientBuilder::new(addresses, name, SentinelServerType::Master)
        .map_err(|error| error.to_string())?
        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
        .set_client_to_redis_tcp_settings(TcpSettings::default().set_nodelay(true));
    if let Some(db) = parts.next() {
        let db = db
            .parse()
            .map_err(|_| format!("{db} is not the number of a database"))?;
        builder = builder.set_client_to_redis_db(db);
    }
    let (user, password) = login_of(login)?;
    if let Some(user) = user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = password {
        builder = builder.set_client_to_redis_password(password);
    }
    builder.build().map_err(|error| error.to_string())
}

fn nodes(login: Option<&str>, place: &str) -> Result<Nodes, String> {
    let (user, password) = login_of(login)?;
    let addresses = addresses(place.trim_end_matches('/'), PORT)?;
    let addresses = addresses
        .into_iter()
        .map(|address| address.into_connection_info().map(resp3))
        .collect::<RedisResult<_>>()
        .map_err(|error| error.to_string())?;
    Ok(Nodes {
        addresses,
        user,
        password,
    })
}

fn addresses(list: &str, port: u16) -> Result<Vec<ConnectionAddr>, String> {
    list.split(',')
        .map(|address| {
            let (host, port) = match address.rsplit_once(':') {
                // The last colon of a bare IPv6 address does not end its host.
                Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                    let port = port.parse();
                    (
                        host,
                        port.map_err(|_| format!("{address}: that is not a port"))?,
                    )
                }
                _ => (address, port),
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if host.is_empty() {
                return Err("a host is missing: host:port,host:port".to_owned());
            }
            Ok(ConnectionAddr::Tcp(host.to_owned(), port))
        })
        .collect()
}

fn login_of(login: Option<&str>) -> Result<(Option<String>, Option<String>), String> {
    let Some(login) = login else {
        return Ok((None, None));
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decode = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
        let decoded =
            decoded.map_err(|_| "user and password are percent-encoded UTF-8".to_owned())?;
        Ok::<_, String>((!decoded.is_empty()).then(|| decoded.into_owned()))
    };
    Ok((decode(user)?, decode(password)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_address_is_read() {
        for url in [
            "redis://127.0.0.1",
            "redis://:secret@redis:6380/2",
            "redis-sentinel://a:26379,b,[::1]:26380/main",
            "redis-sentinel://user:pass%40word@a/main/3",
            "redis-cluster://a:7000,b:7001",
        ] {
            assert!(Topology::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for url in [
            "redis://:secret@redis:6380/2",
            "redis-cluster://u:secret@a:1",
        ] {
            let topology = Topology::parse(url).expect("it is right");
            assert!(!format!("{topology:?}").contains("secret"));
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        for (url, what) in [
            ("localhost:6379", "begins with"),
            ("http://localhost", "not known"),
            ("rediss://localhost", "TLS"),
            ("redis-sentinel://a:26379", "name"),
            ("redis-sentinel://a:26379/main/x", "database"),
            ("redis-cluster://a:port", "port"),
            ("redis-cluster://", "host"),
        ] {
            let error = Topology::parse(url).expect_err("it is wrong");
            assert!(error.contains(what), "{url}: {error}");
        }
    }
}
