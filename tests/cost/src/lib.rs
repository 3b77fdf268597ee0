//! The hot steps of server and client, each alone: what happens for every event, for every session or tab.
//!
//! No socket, no task and no clock takes part, so that a step costs the same each time. They are looked at in two ways:
//!
//! - `cargo xtask test cost` counts the instructions and allocations of each and compares them with `counts.txt`: a test, since the
//!   count is the same on a busy machine.
//! - `cargo bench -p tabwire-cost` takes their time, and that of an append to a real Redis. No test: a time is of one machine and hour.

mod client;
mod server;

/// A step, and how to come to where it is taken.
#[derive(Clone, Copy)]
pub struct Step {
    /// What happens, in kebab case.
    pub name: &'static str,
    prepare: fn() -> Work,
}

/// A step that can be taken [`TIMES`] times.
pub type Work = Box<dyn FnMut()>;

/// How often a step is taken at a time, so that what happens now and then (a buffer that grows) is shared out.
pub const TIMES: usize = 100;

impl Step {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        server::STEPS.iter().chain(client::STEPS).copied()
    }

    /// All that comes before: it is not counted.
    pub fn prepare(self) -> Work {
        (self.prepare)()
    }
}

/// Takes the step [`TIMES`] times. What runs inside this function is what is counted: its name is known to `xtask/src/cost.rs`.
#[inline(never)]
pub fn tabwire_cost_counted(work: &mut Work) {
    work();
}

/// Does something with each of [`TIMES`] things that were made before.
fn each<T: 'static>(make: impl FnMut(usize) -> T, mut act: impl FnMut(T) + 'static) -> Work {
    let mut things = (0..TIMES).map(make).collect::<Vec<T>>().into_iter();
    Box::new(move || things.by_ref().for_each(&mut act))
}
