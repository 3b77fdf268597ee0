//! The way in: a token, the user's one socket, a place in the log, a welcome.

use tabwire_client::core::{Frame, Welcome};
use tabwire_protocol::{CloseCode, Hello, Millis};
use tabwire_server::{registry::policy::Newcomer, session::cursor::SessionCursor};

use super::{
    Act, Connection, Down, NodeId, Server, Session, Token, refresh_frame, registry::Claimed, shop,
};
use crate::{coverage::Path, raw::Raw};

impl Server {
    pub(super) fn hello(
        &mut self,
        now: Millis,
        node: NodeId,
        connection: Connection,
        hello: Hello,
        lives: impl Fn(Connection) -> bool,
    ) {
        let token = Token::decode(&hello.token)
            .filter(|token| token.expires_at > now && !self.registry.denies(token));
        let Some(token) = token else {
            return self.close(connection, CloseCode::Unauthorized);
        };
        // First the log, then the user's socket: nobody is replaced by a session that can't begin.
        let viewer = self.viewer(&token);
        let bounds = self.bounds_for(node, hello.cursor.as_ref().map(|cursor| cursor.last));
        let opened = SessionCursor::open(
            hello.cursor.as_ref(),
            viewer.clone(),
            &self.log.seen(&bounds),
            self.swarm.max_replay,
        );
        let newcomer = Newcomer {
            device: hello.device,
            claim: hello.claim,
        };
        let claimed = self
            .registry
            .claim(now, &token.user, &newcomer, connection, lives);
        let claim = match claimed {
            Claimed::Granted { claim, closes } => {
                if let Some((old, code)) = closes {
                    self.close_old(node, old, code);
                }
                claim
            }
            Claimed::Refused(code) => {
                if code == CloseCode::Replaced {
                    self.coverage.hit(Path::OldClaim);
                }
                return self.close_after(connection, code, None);
            }
        };
        let reason = opened.refresh.as_ref().map(|refresh| refresh.reason);
        self.coverage.resumed(opened.resume, reason);
        let welcome = Welcome {
            user: token.user.clone(),
            shop: shop(),
            modules: token.modules(),
            epoch: opened.cursor.epoch().clone(),
            view: viewer.view().clone(),
            resume: opened.resume,
            at: opened.at,
            claim,
            now,
            expires_at: token.expires_at,
            ping_ms: self.swarm.ping,
            max_frame: 65_536,
        };
        self.send(
            connection,
            Down::Frame(Frame::Welcome(Box::new(welcome)), Raw::Other),
        );
        if let Some(refresh) = opened.refresh {
            self.send(connection, refresh_frame(refresh));
        }
        let session = Session {
            node,
            user: token.user,
            cursor: opened.cursor,
            expires_at: token.expires_at,
            expired: false,
            heard_at: now,
            waiting: Vec::new(),
        };
        self.sessions.insert(connection, session);
        self.ends_with_token(connection, token.expires_at);
    }

    /// The socket that the user had before is closed: at once on this node, a little later on another.
    fn close_old(&mut self, node: NodeId, old: Connection, code: CloseCode) {
        match self.sessions.get(&old) {
            Some(session) if session.node != node => self.acts.push(Act::Kick(old, code)),
            Some(_) => self.close(old, code),
            // The node that served it is gone.
            None => {}
        }
    }
}
