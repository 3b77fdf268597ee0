//! What happens when something fails: a file per hazard, a function per scenario.

mod churn;
mod clock;
mod failover;
mod garbage;
mod harness;
mod network;
mod node;
mod nodes;
mod readers;
mod readme;
mod redis;
mod rollback;
mod stampede;
mod subscriptions;
mod users;
