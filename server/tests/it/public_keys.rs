//! Tokens signed with a private key, checked with the public one.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

use crate::{
    common::{Server, claims, signed},
    keys::{hello_with, pem, sign, sign_as, signed_with},
};

#[tokio::test]
async fn each_algorithm_is_checked_with_its_key() {
    for name in ["RS256", "ES256", "EdDSA"] {
        let server = Server::flags(&["--jwt-public-key", &pem(name), "--jwt-alg", name]).await;
        server.welcomed(hello_with(&signed_with(name, None))).await;
        // The key has no name: it is for whatever name its tokens give it.
        let token = signed_with(name, Some("any"));
        server.welcomed(hello_with(&token)).await;
        // The secret is a key as well, for its own algorithm.
        server.welcomed(hello_with(&signed(&claims("u_101")))).await;
    }
}

#[tokio::test]
async fn a_token_of_another_algorithm_than_the_keys_is_closed_with_4401() {
    let server = Server::flags(&["--jwt-public-key", &pem("ES256"), "--jwt-alg", "ES256"]).await;
    let token = signed_with("RS256", None);
    assert_eq!(server.refusal(hello_with(&token)).await, Some(4401));
}

#[tokio::test]
async fn a_token_of_another_key_of_the_algorithm_is_closed_with_4401() {
    let server = Server::flags(&["--jwt-public-key", &pem("ES256"), "--jwt-alg", "ES256"]).await;
    let token = signed_with("ES256.next", None);
    assert_eq!(server.refusal(hello_with(&token)).await, Some(4401));
}

#[tokio::test]
async fn a_public_key_used_as_a_secret_opens_nothing() {
    // The old trick: HS256 with the public key, which everybody knows, as its secret.
    let known = std::fs::read(pem("RS256")).expect("the key is there");
    let key = EncodingKey::from_secret(&known);
    let token = sign_as(Algorithm::HS256, &key, None, &claims("u_101"));
    let server = Server::flags(&["--jwt-public-key", &pem("RS256"), "--jwt-alg", "RS256"]).await;
    assert_eq!(server.refusal(hello_with(&token)).await, Some(4401));
    // Nor where no secret is known that it could be taken for.
    let flags = ["--jwt-public-key", &pem("RS256"), "--jwt-alg", "RS256"];
    let server = Server::without_secret(&flags, |_| {}).await;
    assert_eq!(server.refusal(hello_with(&token)).await, Some(4401));
}

#[tokio::test]
async fn an_issuer_and_an_audience_that_are_configured_are_required() {
    let flags = ["--jwt-public-key", &pem("EdDSA"), "--jwt-alg", "EdDSA"];
    let names = ["--jwt-issuer", "us", "--jwt-audience", "them"];
    let server = Server::flags(&[&flags[..], &names].concat()).await;
    for (iss, aud, code) in [
        (Some("us"), Some("them"), None),
        (None, Some("them"), Some(4401)),
        (Some("us"), None, Some(4401)),
        (Some("others"), Some("them"), Some(4401)),
        (Some("us"), Some("others"), Some(4401)),
    ] {
        let mut claims = claims("u_101");
        for (name, value) in [("iss", iss), ("aud", aud)] {
            if let Some(value) = value {
                claims[name] = Value::from(value);
            }
        }
        let hello = hello_with(&sign("EdDSA", None, &claims));
        assert_eq!(server.refusal(hello).await, code, "{iss:?} {aud:?}");
    }
}
