//! The one source of chance: everything that a run does follows from its seed.
//!
//! Whoever draws has a stream of its own. What one draws more or less, because a fault was taken out, leaves the others as
//! they were: the rest of the run stays as alike as it can.

/// Who draws.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// The options of the run.
    Swarm,
    /// Which faults come when.
    Schedule,
    /// What one fault does, and to whom.
    Fault(usize),
    /// What happens in a page by chance, and the app's back end as that page meets it. Named by its slot and by how many
    /// pages were in that slot before.
    Page(u64, u64),
    /// A connection: named by its page's key and its socket.
    Wire(u64, u32),
    Publisher,
    People,
    Server,
}

impl Stream {
    fn names(self) -> [u64; 3] {
        match self {
            Self::Swarm => [1, 0, 0],
            Self::Schedule => [2, 0, 0],
            Self::Fault(index) => [3, index as u64, 0],
            Self::Page(slot, generation) => [4, slot, generation],
            Self::Wire(page, socket) => [5, page, socket.into()],
            Self::Publisher => [6, 0, 0],
            Self::People => [7, 0, 0],
            Self::Server => [8, 0, 0],
        }
    }
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of(seed: u64, stream: Stream) -> Self {
        let mut random = Self(seed);
        for name in stream.names() {
            random = Self(random.next() ^ mixed(name));
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// From `low` to `high`, each order of magnitude as likely as the next.
    pub(crate) fn scale(&mut self, low: u64, high: u64) -> u64 {
        let doublings = u64::from((high / low.max(1)).max(1).ilog2());
        let base = low.max(1) << self.range(0, doublings);
        self.range(base, base * 2 - 1).clamp(low, high)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() {
            None
        } else {
            Some(all[(self.next() % all.len() as u64) as usize])
        }
    }
}

/// A number as far from those of its neighbours as from any other.
pub(crate) fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
