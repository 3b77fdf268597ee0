//! What breaks, and what everybody is given all the same: the harness of the fault tests.
//!
//! Nodes and Redis are real processes on free ports; they are killed, paused, cut off and emptied while a publisher goes on and clients
//! watch every frame. It isn't a model (that is `tests/simulation`) and knows no browsers (`tests/e2e`): here the server has
//! to keep its promise with the real log behind it. A scenario is an integration test in `tests/it`, a file per hazard:
//!
//! ```no_run
//! # async fn scenario() {
//! use tabwire_faults::{node::Node, stage::Stage};
//!
//! let mut node = Node::start(&[]).await;
//! let mut stage = Stage::new("a node is killed", &[&node]);
//! stage.enter(20);
//! stage.publish().await; // from now on, until the verdict
//! node.kill();
//! node.start_again().await;
//! stage.flows().await; // everybody is given new events again
//! stage.verdict(&[&node]).await; // each exactly what it should, or an explicit refresh
//! # }
//! ```

pub mod backoff;
pub mod client;
pub mod clock;
pub mod dir;
pub mod failures;
pub mod history;
pub mod http;
pub mod ledger;
pub mod node;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod publisher;
pub mod random;
pub mod redis;
pub mod report;
pub mod resp;
pub mod scale;
pub mod stage;
pub mod token;
pub mod until;
pub mod verdict;
