//! Tokens signed with a private key, checked with the public one.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::common::{Server, claims, hello, signed};

fn key_file(name: &str) -> String {
    format!("{}/tests/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

/// A token signed with the private key of an algorithm.
fn signed_with(name: &str) -> String {
    let pem = std::fs::read(key_file(&format!("{name}.private"))).expect("the key is there");
    let (algorithm, key) = match name {
        "RS256" => (Algorithm::RS256, EncodingKey::from_rsa_pem(&pem)),
        "ES256" => (Algorithm::ES256, EncodingKey::from_ec_pem(&pem)),
        "EdDSA" => (Algorithm::EdDSA, EncodingKey::from_ed_pem(&pem)),
        other => panic!("no key for {other}"),
    };
    let key = key.expect("it is a key");
    encode(&Header::new(algorithm), &claims("u_101"), &key).expect("it can be signed")
}

fn with(token: &str) -> Value {
    let mut hello = hello("u_101", "laptop");
    hello["token"] = json!(token);
    hello
}

#[tokio::test]
async fn each_algorithm_is_checked_with_its_key() {
    for name in ["RS256", "ES256", "EdDSA"] {
        let server = Server::flags(&["--jwt-public-key", &key_file(name), "--jwt-alg", name]).await;
        server.welcomed(with(&signed_with(name))).await;
        // The secret is a key as well, for its own algorithm.
        server.welcomed(with(&signed(&claims("u_101")))).await;
    }
}

#[tokio::test]
async fn a_token_of_another_algorithm_than_the_keys_is_closed_with_4401() {
    let server =
        Server::flags(&["--jwt-public-key", &key_file("ES256"), "--jwt-alg", "ES256"]).await;
    let mut client = server.connect().await;
    client.send(with(&signed_with("RS256"))).await;
    assert_eq!(client.closed().await.code, 4401);
}

#[tokio::test]
async fn a_public_key_used_as_a_secret_opens_nothing() {
    let server =
        Server::flags(&["--jwt-public-key", &key_file("RS256"), "--jwt-alg", "RS256"]).await;
    // The old trick: HS256 with the public key, which everybody knows, as its secret.
    let pem = std::fs::read(key_file("RS256")).expect("the key is there");
    let token = encode(
        &Header::new(Algorithm::HS256),
        &claims("u_101"),
        &EncodingKey::from_secret(&pem),
    );
    let mut client = server.connect().await;
    client.send(with(&token.expect("it can be signed"))).await;
    assert_eq!(client.closed().await.code, 4401);
}
