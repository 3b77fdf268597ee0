//! The cursor rule: which frames to apply, so that every event of a view is applied once and in order.

use crate::{Epoch, Position, View};

/// "I have every event of this view up to here."
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Cursor {
    /// Which log.
    pub epoch: Epoch,
    /// Which part of it.
    pub view: View,
    /// The position everything up to which is there.
    #[cfg_attr(feature = "serde", serde(rename = "lastEventId"))]
    pub last: Position,
}

/// What to do with a frame that moves the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one: apply it. The rule has moved.
    Apply,
    /// Everything up to its position is there already: drop it.
    Duplicate,
    /// Something before it is missing: do not apply it, ask for a resync from the cursor.
    Gap,
}

/// The rule, for one epoch and one view: duplicate iff position <= last, gap iff prev > last, else apply and move.
///
/// It is sound whatever is lost, doubled or sent again between the server and a tab, because `prev` names the position of the
/// cursor-moving frame written before: nothing of the view lies between `prev` and the position. Across epochs or views it means
/// nothing, so whoever relays a frame sends both along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorRule {
    last: Position,
}

impl CursorRule {
    /// A rule that starts with everything up to `last`.
    pub const fn at(last: Position) -> Self {
        Self { last }
    }

    /// The position everything up to which has been applied.
    pub const fn last(self) -> Position {
        self.last
    }

    /// Judges an `event` (position `id`), `synced` or `ping` (position `upTo`), and moves when it is to be applied.
    pub fn observe(&mut self, prev: Position, position: Position) -> Verdict {
        if position <= self.last {
            Verdict::Duplicate
        } else if prev > self.last {
            Verdict::Gap
        } else {
            self.last = position;
            Verdict::Apply
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// A frame on its way: `event` says whether it carries one, or is a `ping` or `synced`.
    #[derive(Clone, Copy, Debug)]
    struct InFlight {
        prev: Position,
        position: Position,
        event: bool,
    }

    /// The server of the reference model: a log of which the view sees some, and a session that reads it.
    struct Session {
        visible: Vec<bool>,
        position: u64,
        prev: u64,
        head: u64,
    }

    impl Session {
        fn position(value: u64) -> Position {
            Position::new(value).expect("the model's logs are short")
        }

        /// Reads on to the next event of the view.
        fn event(&mut self) -> Option<InFlight> {
            while self.position < self.head {
                self.position += 1;
                if self.visible[self.position as usize - 1] {
                    return Some(self.frame(true));
                }
            }
            None
        }

        /// Says how far the session has read: in the middle of a replay that is not the head.
        fn ping(&mut self) -> InFlight {
            self.frame(false)
        }

        fn frame(&mut self, event: bool) -> InFlight {
            let frame = InFlight {
                prev: Self::position(self.prev),
                position: Self::position(self.position),
                event,
            };
            self.prev = self.position;
            frame
        }

        /// A request_sync lowers the position, never raises it.
        fn resync(&mut self, last: Position) {
            self.position = self.position.min(last.get());
            self.prev = self.position;
        }

        /// Goes on from the head: what lies before will never be sent.
        fn refresh(&mut self) -> Position {
            self.position = self.head;
            self.prev = self.head;
            Self::position(self.head)
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Grow,
        Event,
        Ping,
        Deliver,
        Lose,
        /// Delivers a frame now and leaves it on its way, to come again later than others.
        Double,
        /// The newest frame overtakes all others, as a relay through another tab may.
        Overtake,
        Refresh,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Grow),
            4 => Just(Step::Event),
            2 => Just(Step::Ping),
            6 => Just(Step::Deliver),
            1 => Just(Step::Lose),
            1 => Just(Step::Double),
            1 => Just(Step::Overtake),
            1 => Just(Step::Refresh),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_applied_ids_are_exactly_the_ids_of_the_view_after_the_cursor_in_order_once(
            visible in vec(any::<bool>(), 60),
            start in 0_u64..20,
            steps in vec(step(), 1..300),
        ) {
            let mut session = Session { visible: visible.clone(), position: start, prev: start, head: 20 };
            let mut rule = CursorRule::at(Session::position(start));
            let mut wire = VecDeque::new();
            let mut applied = Vec::new();
            // The ids that the view has between where the client started and where its cursor is: what must have been applied.
            let expected = |from: u64, to: Position| -> Vec<u64> {
                (from + 1..=to.get()).filter(|id| visible[*id as usize - 1]).collect()
            };
            let mut from = start;

            let mut gaps = 0;
            let mut after = 0;
            let mut steps = steps.into_iter();
            loop {
                // When the steps are over: no more faults, and everything must arrive.
                let step = steps.next();
                let frame: Option<InFlight> = match step {
                    Some(Step::Grow) => {
                        session.head = (session.head + 1).min(visible.len() as u64);
                        None
                    }
                    Some(Step::Event) => {
                        wire.extend(session.event());
                        None
                    }
                    Some(Step::Ping) => {
                        wire.push_back(session.ping());
                        None
                    }
                    Some(Step::Deliver) => wire.pop_front(),
                    Some(Step::Lose) => {
                        wire.pop_front();
                        None
                    }
                    Some(Step::Double) => {
                        let frame = wire.front().copied();
                        wire.extend(frame);
                        frame
                    }
                    Some(Step::Overtake) => wire.pop_back(),
                    Some(Step::Refresh) => {
                        // The client fetches the state of the head, and starts anew from there.
                        wire.clear();
                        from = session.refresh().get();
                        rule = CursorRule::at(Session::position(from));
                        applied.clear();
                        None
                    }
                    None => {
                        after += 1;
                        prop_assert!(after < 1_000, "the cursor does not get to the head");
                        if wire.is_empty() {
                            match session.event() {
                                Some(frame) => wire.push_back(frame),
                                None if rule.last() < Session::position(session.head) => wire.push_back(session.ping()),
                                None => break,
                            }
                        }
                        wire.pop_front()
                    }
                };
                if let Some(frame) = frame {
                    match rule.observe(frame.prev, frame.position) {
                        Verdict::Apply if frame.event => applied.push(frame.position.get()),
                        Verdict::Apply | Verdict::Duplicate => {}
                        Verdict::Gap => {
                            gaps += 1;
                            prop_assert!(gaps < 1_000, "resyncs do not come to an end");
                            session.resync(rule.last());
                        }
                    }
                }
                prop_assert_eq!(&applied, &expected(from, rule.last()));
            }
            prop_assert_eq!(rule.last().get(), session.head);
        }
    }

    #[test]
    fn a_ping_cannot_move_the_cursor_past_a_lost_event() {
        let at = |value| Position::new(value).expect("small");
        let mut rule = CursorRule::at(at(587));
        // 588 was lost; the ping was written after it.
        assert_eq!(rule.observe(at(588), at(612)), Verdict::Gap);
        assert_eq!(rule.last(), at(587));
    }
}
