//! The names of keys and channels.

use tabwire_protocol::{ShopId, UserId};

/// Names keys that begin with a prefix, which has no braces.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// Names that begin with this.
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// The record of a user's socket, the user's last grant and denials.
    ///
    /// In a cluster a script may only touch keys of one slot. What decides about the slot is what stands between braces, or else the
    /// whole name: so the first key has its plain name, and the others have that between braces.
    pub(super) fn user(&self, user: &UserId) -> [String; 3] {
        let record = format!("{}user:{user}", self.prefix);
        let grant = format!("{{{record}}}:claim");
        let denials = format!("{{{record}}}:denied");
        [record, grant, denials]
    }

    /// The users of a shop, or all, who may have a socket.
    pub(super) fn members(&self, shop: Option<&ShopId>) -> String {
        match shop {
            Some(shop) => format!("{}{{{shop}}}:members", self.prefix),
            None => format!("{}members", self.prefix),
        }
    }

    /// There while a node lives.
    pub(crate) fn lease(&self, node: &str) -> String {
        format!("{}node:{node}", self.prefix)
    }

    /// The channel of what a node is told by others.
    pub(crate) fn orders(&self, node: &str) -> String {
        format!("{}node:{node}:orders", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_user_are_in_the_slot_of_the_first() {
        let keys = Keys::new("ws:");
        let user = UserId::new("u:1@x").expect("a name");
        assert_eq!(
            keys.user(&user),
            [
                "ws:user:u:1@x",
                "{ws:user:u:1@x}:claim",
                "{ws:user:u:1@x}:denied"
            ]
        );
    }

    #[test]
    fn keys_of_nodes_and_members_begin_with_the_prefix() {
        let keys = Keys::new("ws:");
        let shop = ShopId::new("s_1").expect("a name");
        assert_eq!(
            [
                keys.members(Some(&shop)),
                keys.members(None),
                keys.lease("n"),
                keys.orders("n")
            ],
            [
                "ws:{s_1}:members",
                "ws:members",
                "ws:node:n",
                "ws:node:n:orders"
            ]
        );
    }
}
