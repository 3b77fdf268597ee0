//! What happens when something fails: a file per hazard, a function per scenario.

mod churn;
mod garbage;
mod node;
mod readers;
