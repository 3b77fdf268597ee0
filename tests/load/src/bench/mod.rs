//! What servers are put through: the list of benches, and whom each compares.

mod avalanche;
mod connect;
mod fanout;
mod found;
mod idle;
mod modules;
mod nodes_curve;
mod offered;
mod publish;
mod retention_curve;
mod saturation;
mod sessions_curve;
mod shops;
mod shops_curve;
mod slow;

use std::pin::Pin;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

pub(crate) use self::found::Found;
use crate::{peer::Peer, scale::Scale};

/// A way to put load on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bench {
    /// A shop of 1,000, 20 events a second
    Fanout,
    /// A shop of 5,000, at a rate that nchan can just hold
    Offered,
    /// A shop of 5,000, as fast as it goes
    Saturation,
    /// What a session costs that nothing happens in
    Idle,
    /// How many log in per second
    Connect,
    /// How many events are taken per second
    Publish,
    /// 500 shops of 10
    Shops,
    /// Events of modules that a session does not have
    Modules,
    /// 2,000 come back at once
    Avalanche,
    /// One in twenty reads nothing
    Slow,
    /// From 1,000 to 15,000 sessions of a shop
    SessionsCurve,
    /// 5,000 sessions of 1 to 5,000 shops
    ShopsCurve,
    /// From 1,000 to 100,000 events kept
    RetentionCurve,
    /// From 1 to 3 servers of a Redis
    NodesCurve,
}

impl Bench {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whom it compares: all of them, and those that a quick run makes do with.
    fn compares(self) -> (&'static [Peer], &'static [Peer]) {
        use Peer::{
            Bare, Kernel, Nchan, NchanRedis, RedisBenchmark, SocketIo, SocketIoRedis, Tabwire,
            TabwireRedis, Uwebsockets,
        };
        match self {
            Self::Fanout => (
                &[
                    Tabwire,
                    TabwireRedis,
                    Nchan,
                    NchanRedis,
                    SocketIo,
                    SocketIoRedis,
                    Bare,
                    Kernel,
                ],
                &[Tabwire, TabwireRedis, Nchan, Kernel],
            ),
            Self::Offered => (
                &[
                    Tabwire,
                    TabwireRedis,
                    Nchan,
                    NchanRedis,
                    SocketIo,
                    SocketIoRedis,
                    Bare,
                    Kernel,
                ],
                &[Tabwire, Nchan],
            ),
            Self::Saturation => (
                &[
                    Tabwire,
                    TabwireRedis,
                    Nchan,
                    SocketIo,
                    Uwebsockets,
                    Bare,
                    Kernel,
                ],
                &[Tabwire, Nchan, Kernel],
            ),
            Self::Idle => (
                &[Tabwire, TabwireRedis, Nchan, SocketIo, Uwebsockets, Bare],
                &[Tabwire, Nchan],
            ),
            Self::Connect => (
                &[Tabwire, TabwireRedis, SocketIo, Nchan, Uwebsockets],
                &[Tabwire, SocketIo],
            ),
            Self::Publish => (
                &[
                    Tabwire,
                    TabwireRedis,
                    RedisBenchmark,
                    Nchan,
                    NchanRedis,
                    SocketIo,
                    SocketIoRedis,
                ],
                &[Tabwire, TabwireRedis, RedisBenchmark],
            ),
            Self::Shops => (
                &[Tabwire, TabwireRedis, Nchan, NchanRedis, SocketIo],
                &[Tabwire, Nchan],
            ),
            Self::Avalanche => (
                &[Tabwire, TabwireRedis, Nchan, SocketIo],
                &[Tabwire, TabwireRedis],
            ),
            Self::Slow => (&[Tabwire, TabwireRedis, Nchan, SocketIo], &[Tabwire]),
            Self::SessionsCurve => (&[Tabwire, Nchan, SocketIo, Kernel], &[Tabwire, Kernel]),
            Self::ShopsCurve | Self::RetentionCurve => (&[Tabwire], &[Tabwire]),
            Self::NodesCurve => (&[TabwireRedis], &[TabwireRedis]),
            Self::Modules => (&[Tabwire, TabwireRedis], &[Tabwire]),
        }
    }

    pub(crate) fn peers(self, scale: Scale) -> Vec<Peer> {
        let (all, few) = self.compares();
        let ours = |peer: &&Peer| matches!(peer, Peer::Tabwire | Peer::TabwireRedis);
        match scale {
            Scale::Full => all.to_vec(),
            Scale::Quick => few.to_vec(),
            Scale::Smoke => all.iter().filter(ours).copied().take(1).collect(),
        }
    }

    pub(crate) fn run(
        self,
        peer: Peer,
        scale: Scale,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Found>>>>> {
        match self {
            Self::Fanout => Box::pin(fanout::run(peer, scale)),
            Self::Offered => Box::pin(offered::run(peer, scale)),
            Self::Saturation => Box::pin(saturation::run(peer, scale)),
            Self::Idle => Box::pin(idle::run(peer, scale)),
            Self::Connect => Box::pin(connect::run(peer, scale)),
            Self::Publish => Box::pin(publish::run(peer, scale)),
            Self::Shops => Box::pin(shops::run(peer, scale)),
            Self::Avalanche => Box::pin(avalanche::run(peer, scale)),
            Self::Slow => Box::pin(slow::run(peer, scale)),
            Self::SessionsCurve => Box::pin(sessions_curve::run(peer, scale)),
            Self::ShopsCurve => Box::pin(shops_curve::run(peer, scale)),
            Self::RetentionCurve => Box::pin(retention_curve::run(peer, scale)),
            Self::NodesCurve => Box::pin(nodes_curve::run(peer, scale)),
            Self::Modules => Box::pin(modules::run(peer, scale)),
        }
    }
}
