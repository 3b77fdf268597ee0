//! Searches: through an index, in order, reading the records of those who stand in it.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use tabwire_protocol::UserId;

use super::{CALLS_AT_ONCE, RedisRegistry, record};
use crate::{
    redis::LinkError,
    registry::{RegistryUnavailable, SessionPage, SessionQuery, SessionRecord},
};

/// How many members of an index are read at a time.
const MEMBERS_PAGE: usize = 256;

impl RedisRegistry {
    pub(super) async fn search(
        &self,
        query: &SessionQuery,
    ) -> Result<SessionPage, RegistryUnavailable> {
        let mut search = Search {
            registry: self,
            nodes: HashMap::new(),
        };
        let mut page = SessionPage::default();
        if let Some(user) = &query.user {
            let is_asked_for = query.after.as_ref().is_none_or(|after| user > after);
            if let Some(session) = self.read(user).await?.filter(|_| is_asked_for)
                && query.matches(&session)
                && search.lives(&session.node).await?
            {
                // None after it.
                page.more = query.limit == 0;
                page.sessions.extend((!page.more).then_some(session));
            }
            return Ok(page);
        }
        let index = self.keys.members(query.shop.as_ref());
        let mut after = query.after.clone();
        loop {
            let members = self.members(&index, after.as_ref()).await?;
            let Some(last) = members.last().cloned() else {
                return Ok(page);
            };
            let reads: Vec<_> = members.iter().map(|user| self.read(user)).collect();
            let mut records = stream::iter(reads).buffered(CALLS_AT_ONCE);
            let mut stale = Vec::new();
            for user in &members {
                let session = records.next().await.expect("there is one for each")?;
                let is_member = |session: &SessionRecord| {
                    query.shop.as_ref().is_none_or(|shop| *shop == session.shop)
                };
                let Some(session) = session.filter(is_member) else {
                    stale.push(user);
                    continue;
                };
                if !query.matches(&session) || !search.lives(&session.node).await? {
                    continue;
                }
                if page.sessions.len() == query.limit {
                    page.more = true;
                    break;
                }
                page.sessions.push(session);
            }
            self.forget(&index, &stale).await;
            if page.more {
                return Ok(page);
            }
            after = Some(last);
        }
    }

    async fn read(&self, user: &UserId) -> Result<Option<SessionRecord>, LinkError> {
        let [key, ..] = self.keys.user(user);
        let words: [&[u8]; 3] = [b"HGET", key.as_bytes(), b"record"];
        let json: Option<String> = self.link.command("find", &words).await?;
        Ok(json.and_then(|json| record(user, &json)))
    }

    /// The next users of an index. One whose name is none is not there: nobody could have it.
    async fn members(&self, index: &str, after: Option<&UserId>) -> Result<Vec<UserId>, LinkError> {
        let after = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        let count = MEMBERS_PAGE.to_string();
        let words: [&[u8]; 7] = [
            b"ZRANGEBYLEX",
            index.as_bytes(),
            after.as_bytes(),
            b"+",
            b"LIMIT",
            b"0",
            count.as_bytes(),
        ];
        let members: Vec<String> = self.link.command("find", &words).await?;
        Ok(members
            .iter()
            .filter_map(|user| UserId::new(user).ok())
            .collect())
    }
}

/// One search, which asks about each node once.
struct Search<'r> {
    registry: &'r RedisRegistry,
    nodes: HashMap<String, bool>,
}

impl Search<'_> {
    /// Whether a node lives. The records of one that does not are of nobody.
    async fn lives(&mut self, node: &str) -> Result<bool, LinkError> {
        if let Some(lives) = self.nodes.get(node) {
            return Ok(*lives);
        }
        let lease = self.registry.keys.lease(node);
        let words: [&[u8]; 2] = [b"EXISTS", lease.as_bytes()];
        let lives: bool = self.registry.link.command("find", &words).await?;
        self.nodes.insert(node.to_owned(), lives);
        Ok(lives)
    }
}
