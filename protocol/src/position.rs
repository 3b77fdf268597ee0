//! Numbers of the wire: positions in a log and times.

use core::fmt;

/// A place in a shop's log. The event with id 588 stands at 588; ids are +1 per event, so 0 is the place before the first.
///
/// Positions of different epochs or views never compare: keep them beside their [`Cursor`](crate::Cursor).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "u64", into = "u64")
)]
pub struct Position(u64);

impl Position {
    /// The place before the first event.
    pub const ZERO: Self = Self(0);
    /// The largest position: 2^53 − 1, the last integer a JavaScript number holds exactly.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// A position from an integer of 0 to 2^53 − 1.
    ///
    /// # Errors
    /// When the value is larger than [`Position::MAX`].
    pub const fn new(value: u64) -> Result<Self, PositionError> {
        if value <= Self::MAX.0 {
            Ok(Self(value))
        } else {
            Err(PositionError)
        }
    }

    /// The position as an integer.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position of the event after this one; [`Position::MAX`] has none.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1).ok()
    }

    /// The position before this one: what a missing `prev` means. The position before 0 is 0.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl TryFrom<u64> for Position {
    type Error = PositionError;

    fn try_from(value: u64) -> Result<Self, PositionError> {
        Self::new(value)
    }
}

impl From<Position> for u64 {
    fn from(position: Position) -> Self {
        position.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An integer that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionError;

impl fmt::Display for PositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position is an integer from 0 to 2^53-1")
    }
}

impl core::error::Error for PositionError {}

/// Milliseconds: a time since the Unix epoch by the server's clock on the wire, a duration where a name says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Millis(pub u64);

impl Millis {
    /// This time moved by a duration; never beyond the end of time.
    #[must_use]
    pub const fn plus(self, duration: Self) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// How long after `earlier` this time is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_begin_at_0_and_end_at_the_last_integer_of_a_javascript_number() {
        assert_eq!(Position::new(0), Ok(Position::ZERO));
        assert_eq!(Position::new(9_007_199_254_740_991), Ok(Position::MAX));
        assert_eq!(
            Position::try_from(9_007_199_254_740_992),
            Err(PositionError)
        );
        assert_eq!(Position::MAX.next(), None);
        assert_eq!(Position::ZERO.before(), Position::ZERO);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn before_the_next_position_is_the_position_itself(value in 0..Position::MAX.get()) {
            let position = Position::new(value).expect("not above the last");
            let next = position.next().expect("not the last");
            prop_assert_eq!(u64::from(next), value + 1);
            prop_assert_eq!(next.before(), position);
        }
    }

    #[test]
    fn what_people_read_of_a_position_is_its_number() {
        assert_eq!(Position::MAX.to_string(), "9007199254740991");
        assert_eq!(
            PositionError.to_string(),
            "a position is an integer from 0 to 2^53-1"
        );
    }
}
