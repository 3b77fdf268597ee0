//! A JWK Set (RFC 7517): from its text to keys that each have one algorithm.
//!
//! A key that is of another kind, or not for signatures, is skipped with a warning: issuers list what is not for us, too. A key of
//! our kinds that is broken makes the whole set wrong: to leave it out would lock out those whose tokens it signs, without a word.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::Key;

/// The largest file, in bytes.
pub const JWKS_BYTES_MAX: usize = 256 << 10;
/// The most keys of a set, those that are skipped among them.
pub const JWKS_KEYS_MAX: usize = 100;
/// The longest `kid`, in bytes.
const KID_BYTES_MAX: usize = 256;
/// RSA keys: what RFC 7518, 3.3 asks for, and what the library checks signatures with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;
/// The shortest secret for HS256 (RFC 7518, 3.2), in bytes.
const SECRET_BYTES_MIN: usize = 32;

/// The keys of a set.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<NamedKey>,
}

/// A key, and what tokens call it.
#[derive(Clone, Debug)]
struct NamedKey {
    kid: Option<String>,
    key: Key,
}

/// What a set says about the key of a token.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// It is this one.
    Key(&'a Key),
    /// The key of that name is for another algorithm.
    OtherAlgorithm,
    /// No key could be meant.
    None,
    /// Several could be meant: the token has no `kid`.
    Several,
}

impl KeySet {
    /// Reads a set. What was skipped, and why, goes to `skipped`.
    ///
    /// # Errors
    /// When the set can't be used; the text says which key is wrong.
    pub fn parse(json: &str, mut skipped: impl FnMut(String)) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }

        if json.len() > JWKS_BYTES_MAX {
            return Err(format!("it has more than {JWKS_BYTES_MAX} bytes"));
        }
        let set: Set = serde_json::from_str(json)
            .map_err(|error| format!("it must be like {{\"keys\": [...]}}: {error}"))?;
        if set.keys.len() > JWKS_KEYS_MAX {
            return Err(format!("it has more than {JWKS_KEYS_MAX} keys"));
        }
        let mut keys = Vec::new();
        let mut names = BTreeSet::new();
        for (n, jwk) in set.keys.into_iter().enumerate() {
            let jwk: Jwk =
                serde_json::from_value(jwk).map_err(|error| format!("keys[{n}]: {error}"))?;
            let name = match &jwk.kid {
                Some(kid) => format!("keys[{n}] (kid {kid:?})"),
                None => format!("keys[{n}]"),
            };
            match jwk.read() {
                Ok(key) => {
                    // Of two that are called the same, one would be used and nobody could say which.
                    let is_new =
                        names.insert((key.kid.clone(), format!("{:?}", key.key.algorithm)));
                    if !is_new && key.kid.is_some() {
                        return Err(format!(
                            "{name}: there is another key with this kid and alg"
                        ));
                    }
                    keys.push(key);
                }
                Err(Unusable::Skipped(why)) => skipped(format!("{name}: {why}")),
                Err(Unusable::Broken(why)) => return Err(format!("{name}: {why}")),
            }
        }
        if keys.is_empty() {
            let message = "it has no key that could be used: RSA, EC with P-256, OKP with Ed25519, or oct with \"alg\": \"HS256\"";
            return Err(message.to_owned());
        }
        Ok(Self { keys })
    }

    /// Finds the key of a token by what its header says: the `kid` chooses the key, and the key has the say about the algorithm.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let is_meant = |key: &&NamedKey| kid.is_none() || key.kid.as_deref() == kid;
        let mut meant = self.keys.iter().filter(is_meant);
        let mut fitting = meant.clone().filter(|key| key.key.algorithm == algorithm);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Found::Key(&key.key),
            (Some(_), Some(_)) => Found::Several,
            (None, _) if kid.is_some() && meant.next().is_some() => Found::OtherAlgorithm,
            (None, _) => Found::None,
        }
    }

    /// How many keys it has.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it has none. A set that was parsed has some.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// What is read of a JWK (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

enum Unusable {
    /// It is not for us.
    Skipped(String),
    /// It is for us, and wrong.
    Broken(String),
}

impl Jwk {
    fn read(self) -> Result<NamedKey, Unusable> {
        let skipped = |why: &str| Err(Unusable::Skipped(why.to_owned()));
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return skipped("its \"use\" is not \"sig\"");
        }
        let verifies = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
        if !self.key_ops.as_ref().is_none_or(verifies) {
            return skipped("its \"key_ops\" have no \"verify\"");
        }
        if self
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > KID_BYTES_MAX)
        {
            let why = format!("kid: more than {KID_BYTES_MAX} bytes");
            return Err(Unusable::Broken(why));
        }
        let (algorithm, name) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => (Algorithm::RS256, "RS256"),
            ("EC", Some("P-256")) => (Algorithm::ES256, "ES256"),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA"),
            // A secret is told from a key that encrypts by nothing but its `alg`.
            ("oct", _) if self.alg.is_none() => {
                return skipped("an oct key is used only with \"alg\": \"HS256\"");
            }
            ("oct", _) => (Algorithm::HS256, "HS256"),
            (kty, crv) => {
                let why = format!("keys of kty {kty:?} and crv {crv:?} are not used here");
                return Err(Unusable::Skipped(why));
            }
        };
        if let Some(alg) = self.alg.as_deref().filter(|alg| *alg != name) {
            let why = format!("a key of its kind is used for {name}, and its \"alg\" is {alg:?}");
            return Err(Unusable::Skipped(why));
        }
        let key = match algorithm {
            Algorithm::RS256 => rsa(self.n.as_deref(), self.e.as_deref()),
            Algorithm::ES256 => ec(self.x.as_deref(), self.y.as_deref()),
            Algorithm::EdDSA => ed(self.x.as_deref()),
            _ => secret(self.k.as_deref()),
        };
        Ok(NamedKey {
            kid: self.kid,
            key: Key {
                algorithm,
                key: key.map_err(Unusable::Broken)?,
            },
        })
    }
}

fn rsa(n: Option<&str>, e: Option<&str>) -> Result<DecodingKey, String> {
    let (n, e) = (member("n", n)?, member("e", e)?);
    let key = DecodingKey::from_rsa_components(n, e)
        .map_err(|error| format!("n, e: not base64url: {error}"))?;
    let bits = bytes_of(n) * 8;
    if !RSA_BITS.contains(&bits) {
        let (min, max) = RSA_BITS.into_inner();
        return Err(format!("n: an RSA key has {min} to {max} bits, not {bits}"));
    }
    Ok(key)
}

fn ec(x: Option<&str>, y: Option<&str>) -> Result<DecodingKey, String> {
    let (x, y) = (member("x", x)?, member("y", y)?);
    if (bytes_of(x), bytes_of(y)) != (32, 32) {
        return Err("x, y: 32 bytes each, in base64url".to_owned());
    }
    DecodingKey::from_ec_components(x, y).map_err(|error| format!("x, y: not base64url: {error}"))
}

fn ed(x: Option<&str>) -> Result<DecodingKey, String> {
    let x = member("x", x)?;
    if bytes_of(x) != 32 {
        return Err("x: 32 bytes, in base64url".to_owned());
    }
    DecodingKey::from_ed_components(x).map_err(|error| format!("x: not base64url: {error}"))
}

fn secret(k: Option<&str>) -> Result<DecodingKey, String> {
    let k = member("k", k)?;
    if bytes_of(k) < SECRET_BYTES_MIN {
        let why = format!("k: a secret for HS256 has at least {SECRET_BYTES_MIN} bytes");
        return Err(why);
    }
    // The library takes a secret in base64url as a JWK only.
    let jwk = serde_json::json!({"kty": "oct", "k": k});
    let jwk = serde_json::from_value(jwk).map_err(|error| format!("k: {error}"))?;
    DecodingKey::from_jwk(&jwk).map_err(|error| format!("k: not base64url: {error}"))
}

fn member<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, String> {
    value.ok_or_else(|| format!("{name}: it is missing"))
}

/// How many bytes a text in base64url without padding stands for.
const fn bytes_of(base64: &str) -> usize {
    base64.len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ec_key(changes: &Value) -> Value {
        changed(
            json!({"kty": "EC", "crv": "P-256", "kid": "a", "x": "w".repeat(43), "y": "g".repeat(43)}),
            changes,
        )
    }

    fn oct_key(changes: &Value) -> Value {
        changed(
            json!({"kty": "oct", "alg": "HS256", "k": "k".repeat(43)}),
            changes,
        )
    }

    fn changed(mut key: Value, changes: &Value) -> Value {
        let fields = key.as_object_mut().expect("an object");
        fields.extend(changes.as_object().expect("an object").clone());
        fields.retain(|_, value| !value.is_null());
        key
    }

    /// How many keys a set has, and how many were skipped.
    fn parsed(keys: &[Value]) -> Result<(usize, usize), String> {
        let mut skipped = 0;
        let set = KeySet::parse(&json!({ "keys": keys }).to_string(), |_| skipped += 1)?;
        Ok((set.len(), skipped))
    }

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(&json!({ "keys": keys }).to_string(), |_| {}).expect("it is right")
    }

    #[test]
    fn the_kid_chooses_the_key_and_the_key_has_the_say_about_the_algorithm() {
        let set = set(&[
            ec_key(&json!({})),
            ec_key(&json!({"kid": "b"})),
            oct_key(&json!({"kid": "c"})),
            oct_key(&json!({})),
        ]);
        let find = |kid, algorithm| match set.find(kid, algorithm) {
            Found::Key(key) => format!("{:?}", key.algorithm),
            other => format!("{other:?}"),
        };
        assert_eq!(find(Some("a"), Algorithm::ES256), "ES256");
        assert_eq!(find(Some("c"), Algorithm::HS256), "HS256");
        assert_eq!(find(Some("a"), Algorithm::HS256), "OtherAlgorithm");
        assert_eq!(find(Some("d"), Algorithm::ES256), "None");
        assert_eq!(find(Some(""), Algorithm::HS256), "None");
    }

    #[test]
    fn a_token_without_kid_needs_one_key_of_its_algorithm_and_no_other() {
        let set = set(&[
            ec_key(&json!({})),
            ec_key(&json!({"kid": null})),
            oct_key(&json!({"kid": "c"})),
        ]);
        assert!(matches!(set.find(None, Algorithm::ES256), Found::Several));
        assert!(matches!(set.find(None, Algorithm::HS256), Found::Key(_)));
        assert!(matches!(set.find(None, Algorithm::RS256), Found::None));
    }

    #[test]
    fn keys_of_other_kinds_and_for_other_uses_are_skipped() {
        for other in [
            json!({"kty": "EC", "crv": "P-384", "x": "", "y": ""}),
            json!({"kty": "OKP", "crv": "X25519", "x": ""}),
            json!({"kty": "of the future"}),
            json!({"kty": "RSA", "alg": "PS256"}),
            json!({"kty": "RSA", "use": "enc"}),
            json!({"kty": "RSA", "key_ops": ["wrapKey"]}),
            oct_key(&json!({"alg": null})),
            oct_key(&json!({"alg": "HS512"})),
            ec_key(&json!({"alg": "RS256"})),
        ] {
            assert_eq!(
                parsed(&[other.clone(), ec_key(&json!({}))]),
                Ok((1, 1)),
                "{other}"
            );
        }
        let ours =
            ec_key(&json!({"use": "sig", "key_ops": ["verify"], "alg": "ES256", "x5t": "…"}));
        assert_eq!(parsed(&[ours]), Ok((1, 0)));
        // At their limits: 4096 bits, and a kid of 256 bytes.
        let large =
            json!({"kty": "RSA", "n": "A".repeat(683), "e": "AQAB", "kid": "k".repeat(256)});
        assert_eq!(parsed(&[large]), Ok((1, 0)));
    }

    #[test]
    fn what_is_wrong_with_a_set_is_named() {
        let many = vec![oct_key(&json!({})); JWKS_KEYS_MAX];
        assert_eq!(parsed(&many), Ok((JWKS_KEYS_MAX, 0)));
        for (keys, wrong) in [
            (
                vec![oct_key(&json!({})); JWKS_KEYS_MAX + 1],
                "more than 100 keys",
            ),
            (vec![], "no key that could be used"),
            (vec![json!({"kty": "later"})], "no key that could be used"),
            (vec![json!(7)], "keys[0]: "),
            (vec![json!({"kid": "a"})], "keys[0]: missing field `kty`"),
            (
                vec![ec_key(&json!({"x": null}))],
                "keys[0] (kid \"a\"): x: it is missing",
            ),
            (vec![ec_key(&json!({"y": "short"}))], "x, y: 32 bytes each"),
            (
                vec![ec_key(&json!({"y": "!".repeat(43)}))],
                "x, y: not base64url",
            ),
            (
                vec![ec_key(&json!({})), ec_key(&json!({}))],
                "keys[1] (kid \"a\"): there is another",
            ),
            (
                vec![ec_key(&json!({"kid": "k".repeat(257)}))],
                "kid: more than 256 bytes",
            ),
            (
                vec![oct_key(&json!({"k": "k".repeat(41)}))],
                "k: a secret for HS256 has at least 32",
            ),
            (
                vec![json!({"kty": "RSA", "n": "A".repeat(340), "e": "AQAB"})],
                "n: an RSA key has",
            ),
            (
                vec![json!({"kty": "RSA", "n": "A".repeat(684), "e": "AQAB"})],
                "n: an RSA key has",
            ),
            (
                vec![json!({"kty": "OKP", "crv": "Ed25519", "x": "x"})],
                "x: 32 bytes",
            ),
        ] {
            let error = parsed(&keys).expect_err(wrong);
            assert!(error.contains(wrong), "{error}");
        }
        for json in ["", "[]", "{}", "{\"keys\": {}}"] {
            let error = KeySet::parse(json, |_| {}).expect_err(json);
            assert!(
                error.starts_with("it must be like {\"keys\": [...]}"),
                "{error}"
            );
        }
        let filled = |bytes: usize| {
            let set = json!({"keys": [oct_key(&json!({}))]}).to_string();
            set.clone() + &" ".repeat(bytes - set.len())
        };
        assert!(KeySet::parse(&filled(JWKS_BYTES_MAX), |_| {}).is_ok());
        assert!(KeySet::parse(&filled(JWKS_BYTES_MAX + 1), |_| {}).is_err());
    }
}
