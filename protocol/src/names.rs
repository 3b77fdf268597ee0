//! Names of the wire: who, where and what. A name that exists is a valid name.

use core::fmt;
use std::sync::Arc;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// A string that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name is 1 to 128 of A-Z a-z 0-9 _ . : @ -")
    }
}

impl core::error::Error for NameError {}

/// Out of line: there are seven kinds of names, and the browser client counts bytes.
#[inline(never)]
fn name(text: &str) -> Result<Arc<String>, NameError> {
    let is_name = (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'@' | b'-')
        });
    is_name.then(|| Arc::new(text.into())).ok_or(NameError)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 128 of `A-Z a-z 0-9 _ . : @ -`; cheap to clone.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "String", into = "String"))]
        pub struct $name(Arc<String>);

        impl $name {
            /// Takes a text that is a name.
            ///
            /// # Errors
            /// When it is empty, longer than 128 bytes, or has a character that names do not have.
            pub fn new(text: &str) -> Result<Self, NameError> {
                name(text).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A user, unique in the whole system: the token's `sub`.
    UserId
}
name! {
    /// A tenant: the owner of one event log.
    ShopId
}
name! {
    /// A browser profile of a user.
    Device
}
name! {
    /// A topic that a session may be entitled to; each event type belongs to exactly one.
    Module
}
name! {
    /// The type of an event or command.
    EventType
}
name! {
    /// The identity of a log. A log that lost data gets a new epoch.
    Epoch
}
name! {
    /// What a session may see: its shop, its modules and what is addressed to its user, as an opaque name.
    View
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_128_characters_of_the_alphabet() {
        assert_eq!(
            UserId::new("u_101.a:b@c-D").map(String::from),
            Ok("u_101.a:b@c-D".to_owned())
        );
        assert_eq!(
            UserId::new(&"x".repeat(128)).map(|name| name.as_str().len()),
            Ok(128)
        );
        for bad in ["", " ", "a b", "a/b", "ü", "a\n", &"x".repeat(129)] {
            assert_eq!(UserId::new(bad), Err(NameError), "{bad:?}");
        }
    }
}
