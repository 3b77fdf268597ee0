//! Keys in a JWKS file, which change while the server runs.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::{
    common::{File, Server, claims, eventually, now_secs, request, signed},
    keys::{hello_with, jwk, jwks, pem, sign, sign_as, signed_with},
    process,
};

/// A server whose tokens are signed with the keys of a file and no others.
async fn server(file: &File) -> Server {
    let flags = ["--jwks", file.path()];
    Server::without_secret(&flags, |config| {
        config.jwks_interval = Duration::from_millis(10)
    })
    .await
}

async fn is_welcome(server: &Server, token: &str) -> bool {
    server.refusal(hello_with(token)).await.is_none()
}

/// Waits until a change of the file has been seen.
async fn seen(server: &Server, outcome: &str, count: f64) {
    let name = format!("tabwire_jwks_loads_total{{outcome=\"{outcome}\"}}");
    eventually("the file is looked at", || async {
        server.metric(&name).await == count
    })
    .await;
}

#[tokio::test]
async fn each_algorithm_is_checked_with_the_key_that_the_token_names() {
    let secret = json!({"kty": "oct", "alg": "HS256", "kid": "hs-1", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"});
    let keys = ["RS256", "ES256", "EdDSA"].map(jwk);
    let file = File::new(
        "jwks.json",
        &jwks(&[&keys[..], &[jwk("ES256.next"), secret]].concat()),
    );
    let server = server(&file).await;
    for (name, kid) in [
        ("RS256", "rsa-1"),
        ("ES256", "ec-1"),
        ("ES256.next", "ec-2"),
        ("EdDSA", "ed-1"),
    ] {
        let token = signed_with(name, Some(kid));
        server.welcomed(hello_with(&token)).await;
    }
    let key = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
    let token = sign_as(Algorithm::HS256, &key, Some("hs-1"), &claims("u_101"));
    server.welcomed(hello_with(&token)).await;
    assert_eq!(server.metric("tabwire_jwks_keys").await, 5.0);
}

#[tokio::test]
async fn a_token_whose_kid_is_unknown_or_of_another_key_is_closed_with_4401() {
    let file = File::new(
        "jwks.json",
        &jwks(&[jwk("ES256"), jwk("ES256.next"), jwk("RS256")]),
    );
    let server = server(&file).await;
    for (name, kid) in [
        ("ES256", Some("ec-2")),
        ("ES256", Some("rsa-1")),
        ("ES256", Some("ec-3")),
        ("ES256", Some("")),
        // Two keys could be meant.
        ("ES256", None),
    ] {
        let token = signed_with(name, kid);
        assert_eq!(
            server.refusal(hello_with(&token)).await,
            Some(4401),
            "{kid:?}"
        );
    }
    // Of its algorithm there is one.
    assert!(is_welcome(&server, &signed_with("RS256", None)).await);
}

#[tokio::test]
async fn a_public_key_used_as_a_secret_opens_nothing_by_any_name() {
    let file = File::new("jwks.json", &jwks(&[jwk("RS256")]));
    let server = server(&file).await;
    let modulus = jwk("RS256")["n"].as_str().expect("a modulus").to_owned();
    let pem = std::fs::read(pem("RS256")).expect("the key is there");
    for secret in [pem, modulus.into_bytes()] {
        let key = EncodingKey::from_secret(&secret);
        for kid in [Some("rsa-1"), None] {
            let token = sign_as(Algorithm::HS256, &key, kid, &claims("u_101"));
            assert_eq!(
                server.refusal(hello_with(&token)).await,
                Some(4401),
                "{kid:?}"
            );
        }
    }
}

#[tokio::test]
async fn keys_of_a_file_and_those_of_flags_are_used_side_by_side() {
    let file = File::new("jwks.json", &jwks(&[jwk("ES256.next"), jwk("EdDSA")]));
    let flags = [
        "--jwks",
        file.path(),
        "--jwt-public-key",
        &pem("ES256"),
        "--jwt-alg",
        "ES256",
    ];
    let server = Server::flags(&flags).await;
    for token in [
        signed_with("ES256.next", Some("ec-2")),
        signed_with("EdDSA", None),
        // The flag's key has no name: it is for tokens without one, and with one that the file does not know.
        signed_with("ES256", None),
        signed_with("ES256", Some("old")),
        signed(&claims("u_101")),
    ] {
        assert!(is_welcome(&server, &token).await, "{token}");
    }
    for token in [
        signed_with("ES256", Some("ec-2")),
        signed_with("ES256.next", None),
    ] {
        assert!(!is_welcome(&server, &token).await, "{token}");
    }
}

#[tokio::test]
async fn a_key_that_comes_is_used_and_one_that_goes_is_not_while_open_sockets_stay() {
    let file = File::new("jwks.json", &jwks(&[jwk("ES256")]));
    let server = server(&file).await;
    let (old, new) = (
        signed_with("ES256", Some("ec-1")),
        signed_with("ES256.next", Some("ec-2")),
    );
    let (mut client, _) = server.welcomed(hello_with(&old)).await;
    let other = |token: &str| {
        let mut hello = hello_with(token);
        // Not the session's user, which would replace it.
        hello["device"] = json!("phone");
        hello
    };
    assert_eq!(server.refusal(other(&new)).await, Some(4401));

    // Both for a while, as issuers do it, then the new one alone.
    file.write(&jwks(&[jwk("ES256"), jwk("ES256.next")]));
    seen(&server, "loaded", 1.0).await;
    let mine = |name: &str, kid: &str| {
        let mut claims = claims("u_102");
        claims["exp"] = json!(now_secs() + 600);
        hello_with(&sign(name, Some(kid), &claims))
    };
    server.welcomed(mine("ES256.next", "ec-2")).await;
    server.welcomed(mine("ES256", "ec-1")).await;
    file.write(&jwks(&[jwk("ES256.next")]));
    seen(&server, "loaded", 2.0).await;
    server.welcomed(mine("ES256.next", "ec-2")).await;
    assert_eq!(server.refusal(mine("ES256", "ec-1")).await, Some(4401));

    // The socket from before has its token checked no more.
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 0>1"]);
    // But it can't be renewed with the key that has gone.
    client.send(json!({"t": "renew", "token": new})).await;
    assert_eq!(
        client.frame_of("renewed").await["modules"],
        json!(["chat", "orders"])
    );
    client.send(json!({"t": "renew", "token": old})).await;
    assert_eq!(client.closed().await.code, 4401);
}

#[tokio::test]
async fn a_bad_file_leaves_the_keys_as_they_were_and_is_counted_once() {
    let file = File::new("jwks.json", &jwks(&[jwk("ES256")]));
    let server = server(&file).await;
    let token = signed_with("ES256", Some("ec-1"));
    let mut failed = 0.0;
    let without_x = {
        let mut key = jwk("ES256.next");
        key.as_object_mut().expect("an object").remove("x");
        key
    };
    let many = vec![jwk("ES256.next"); 101];
    for bad in [
        jwks(&[jwk("ES256")])[..40].to_owned(),
        jwks(&[]),
        jwks(&[without_x]),
        jwks(&many),
        jwks(&[jwk("ES256.next")]) + &" ".repeat(256 << 10),
        String::new(),
    ] {
        file.write(&bad);
        failed += 1.0;
        seen(&server, "failed", failed).await;
        assert!(is_welcome(&server, &token).await);
    }
    std::fs::remove_file(file.path()).expect("it is there");
    seen(&server, "failed", failed + 1.0).await;
    assert!(is_welcome(&server, &token).await);
    assert_eq!(server.metric("tabwire_jwks_keys").await, 1.0);
    assert_eq!(server.metric("tabwire_jwks_stale").await, 1.0);

    file.write(&jwks(&[jwk("ES256.next"), jwk("EdDSA")]));
    seen(&server, "loaded", 1.0).await;
    assert!(!is_welcome(&server, &token).await);
    assert_eq!(server.metric("tabwire_jwks_keys").await, 2.0);
    assert_eq!(server.metric("tabwire_jwks_stale").await, 0.0);
    assert_eq!(
        server
            .metric(r#"tabwire_jwks_loads_total{outcome="failed"}"#)
            .await,
        failed + 1.0
    );
}

#[tokio::test]
async fn sighup_has_the_file_read_at_once_and_a_bad_one_is_named_in_the_log() {
    let file = File::new("jwks.json", &jwks(&[jwk("ES256")]));
    let flags = [
        "--listen",
        "127.0.0.1:0",
        "--publish-key",
        "k",
        "--jwks",
        file.path(),
        "--jwks-interval",
        "1h",
    ];
    let mut child = process::server(&flags).spawn().expect("it runs");
    let (_, address) = process::listening(&mut child).await;
    let metric = |name: &'static str| async move {
        let text = request(address, "GET", "/metrics", &[], b"").await.text();
        text.lines().any(|line| line == name)
    };
    eventually("the keys are in use", || metric("tabwire_jwks_keys 1")).await;
    file.write(&jwks(&[jwk("ES256"), jwk("ES256.next")]));
    process::tell(&child, "HUP").await;
    eventually("the new keys are in use", || metric("tabwire_jwks_keys 2")).await;
    file.write("{");
    process::tell(&child, "HUP").await;
    let failed = "tabwire_jwks_loads_total{outcome=\"failed\"} 1";
    eventually("the bad file was seen", || metric(failed)).await;
    process::tell(&child, "TERM").await;
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success());
    let log = String::from_utf8_lossy(&output.stderr);
    let said = log.lines().find(|line| line.contains("ERROR"));
    let said = said.expect("an error was logged");
    assert!(
        said.contains(file.path()) && said.contains("it must be like"),
        "{said}"
    );
}

#[tokio::test]
async fn with_a_bad_file_it_does_not_start() {
    let file = File::new("jwks.json", &jwks(&[Value::from("no key")]));
    let error = process::failed(&["--publish-key", "k", "--jwks", file.path()]).await;
    assert!(
        error.contains(&format!("--jwks {}: keys[0]", file.path())),
        "{error}"
    );
}
