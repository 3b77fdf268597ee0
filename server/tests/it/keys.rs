//! Keys of the tests, and tokens signed with them.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::common::{claims, hello};

/// The public key of an algorithm, in PEM.
pub(crate) fn pem(name: &str) -> String {
    format!("{}/tests/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

/// A public key as a JWK.
pub(crate) fn jwk(name: &str) -> Value {
    let path = format!("{}/tests/keys/{name}.jwk.json", env!("CARGO_MANIFEST_DIR"));
    let json = std::fs::read_to_string(path).expect("the key is there");
    serde_json::from_str(&json).expect("it is JSON")
}

/// A JWK Set.
pub(crate) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The private key of this name signs some claims.
pub(crate) fn sign(name: &str, kid: Option<&str>, claims: &Value) -> String {
    let pem = std::fs::read(pem(&format!("{name}.private"))).expect("the key is there");
    let (algorithm, key) = match name.split('.').next() {
        Some("RS256") => (Algorithm::RS256, EncodingKey::from_rsa_pem(&pem)),
        Some("ES256") => (Algorithm::ES256, EncodingKey::from_ec_pem(&pem)),
        Some("EdDSA") => (Algorithm::EdDSA, EncodingKey::from_ed_pem(&pem)),
        _ => panic!("no key for {name}"),
    };
    sign_as(algorithm, &key.expect("it is a key"), kid, claims)
}

/// A key signs some claims, whatever the algorithm.
pub(crate) fn sign_as(
    algorithm: Algorithm,
    key: &EncodingKey,
    kid: Option<&str>,
    claims: &Value,
) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    encode(&header, claims, key).expect("it can be signed")
}

/// A token of `u_101`.
pub(crate) fn signed_with(name: &str, kid: Option<&str>) -> String {
    sign(name, kid, &claims("u_101"))
}

/// A hello with this token.
pub(crate) fn hello_with(token: &str) -> Value {
    let mut hello = hello("u_101", "laptop");
    hello["token"] = json!(token);
    hello
}
