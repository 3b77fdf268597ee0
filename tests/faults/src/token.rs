//! What a back end gives its users to log in with.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use crate::{ledger::Who, node::JWT_SECRET};

/// Longer than any run takes.
const LIVES_SECONDS: u64 = 7 * 24 * 3_600;

/// A token of this user.
///
/// # Panics
/// When the clock is not set.
pub fn token(who: &Who) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("the clock is set").as_secs();
    let claims = json!({
        "sub": who.user,
        "shopId": who.shop,
        "modules": who.modules,
        "iat": now - 5,
        "exp": now + LIVES_SECONDS,
    });
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).expect("these claims can be signed")
}
