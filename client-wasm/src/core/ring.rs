//! The end of what this tab has applied, to repair other tabs from when it leads.

use std::collections::VecDeque;

use tabwire_protocol::Position;

use super::frame::{Frame, Moving, Raw};

/// The most frames that a ring holds.
pub const RING_FRAMES_MAX: usize = 1_000;
/// The most bytes that a ring's frames hold on to.
pub const RING_BYTES_MAX: usize = 1 << 20;

/// The frames applied last, an unbroken run of one view.
#[derive(Clone, Debug)]
pub(crate) struct Ring<R> {
    /// Everything after this position is here.
    floor: Position,
    frames: VecDeque<(Moving, R)>,
    bytes: usize,
}

impl<R: Raw> Ring<R> {
    /// An empty ring after a position.
    pub(crate) fn at(floor: Position) -> Self {
        Self {
            floor,
            frames: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Adds a frame that has just been applied.
    pub(crate) fn push(&mut self, moving: Moving, raw: R) {
        self.bytes += raw.size();
        self.frames.push_back((moving, raw));
        while self.frames.len() > RING_FRAMES_MAX || self.bytes > RING_BYTES_MAX {
            let Some((oldest, raw)) = self.frames.pop_front() else {
                break;
            };
            self.floor = oldest.position;
            self.bytes -= raw.size();
        }
    }

    /// How many frames there are, and how many bytes they hold on to.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.frames.len(), self.bytes)
    }

    /// The frames after a position, if they are all here.
    pub(crate) fn after(&self, position: Position) -> Option<Vec<(Frame, R)>> {
        if position < self.floor {
            return None;
        }
        let mut frames = Vec::new();
        for (moving, raw) in &self.frames {
            if moving.position > position {
                frames.push((Frame::Moving(moving.clone()), raw.clone()));
            }
        }
        Some(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{frame::Kind, testing::Text},
        *,
    };

    fn at(position: u64) -> Position {
        Position::new(position).expect("small")
    }

    fn filled(frames: u64, bytes: usize) -> Ring<Text> {
        let mut ring = Ring::at(at(0));
        for position in 1..=frames {
            let moving = Moving {
                prev: at(position - 1),
                position: at(position),
                kind: Kind::Ping(None),
            };
            ring.push(moving, Text("x".repeat(bytes).into()));
        }
        ring
    }

    fn positions(ring: &Ring<Text>, after: u64) -> Option<Vec<u64>> {
        let frames = ring.after(at(after))?;
        Some(
            frames
                .iter()
                .map(|(frame, _)| match frame {
                    Frame::Moving(moving) => moving.position.get(),
                    other => unreachable!("a ring has no {other:?}"),
                })
                .collect(),
        )
    }

    #[test]
    fn a_ring_gives_all_after_a_position_or_nothing() {
        let ring = filled(RING_FRAMES_MAX as u64 + 5, 1);
        assert_eq!(positions(&ring, 4), None);
        assert_eq!(
            positions(&ring, 5).map(|all| (all.len(), all[0])),
            Some((RING_FRAMES_MAX, 6))
        );
        assert_eq!(
            positions(&ring, RING_FRAMES_MAX as u64 + 4),
            Some(vec![RING_FRAMES_MAX as u64 + 5])
        );
        assert_eq!(positions(&ring, RING_FRAMES_MAX as u64 + 5), Some(vec![]));
    }

    #[test]
    fn a_ring_of_large_frames_is_bounded_by_their_bytes() {
        let ring = filled(10, RING_BYTES_MAX / 4);
        assert_eq!(positions(&ring, 5), None);
        assert_eq!(positions(&ring, 6), Some(vec![7, 8, 9, 10]));
    }
}
