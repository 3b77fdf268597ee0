//! From a token to who somebody is.
//!
//! The algorithm is pinned by the key: a token only says which of the keys it claims to be signed with, never how it is checked.

pub mod jwks;
pub mod jwks_file;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    errors::ErrorKind,
};
use serde::{Deserialize, Serialize};
use tabwire_protocol::{Millis, Module, ShopId, UserId};

use self::{
    jwks::{Found, KeySet},
    jwks_file::JwksFile,
};

/// The longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1_024;
/// The most modules a token may have.
pub const MODULES_MAX: usize = 256;

/// Who somebody is, by their token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The user's shop.
    pub shop: ShopId,
    /// What the user is entitled to.
    pub modules: Arc<BTreeSet<Module>>,
    /// When the token was issued.
    pub issued_at: Millis,
    /// When it ends, by itself.
    pub expires_at: Millis,
    /// When it is no longer taken: later than that by the leeway.
    pub taken_until: Millis,
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("there is no token")]
    Missing,
    /// It can't be read.
    #[error("the token is not a JWT, or a claim of it is wrong: {0}")]
    Malformed(String),
    /// No key of this server is for its algorithm.
    #[error("the token's algorithm is not one this server has a key for")]
    Algorithm,
    /// No key of this server has its name.
    #[error("the token's kid is not that of a key this server has")]
    UnknownKey,
    /// It names no key, and there are several.
    #[error("the token has no kid, and this server has several keys of its algorithm")]
    NoKid,
    /// Somebody else signed it, or it was changed.
    #[error("the token's signature is wrong")]
    Signature,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It is not yet valid.
    #[error("the token is not valid yet")]
    NotYet,
    /// It is for others.
    #[error("the token's {0} is not the one this server expects")]
    NotForUs(&'static str),
}

/// A key with its algorithm.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Key {
    /// A shared secret: HS256.
    pub fn secret(secret: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::HS256,
            key: DecodingKey::from_secret(secret),
        }
    }

    /// A public key in PEM, for RS256, ES256 or EdDSA.
    ///
    /// # Errors
    /// When it is not a key of that kind.
    pub fn public(pem: &[u8], algorithm: PublicAlgorithm) -> Result<Self, String> {
        let (algorithm, key) = match algorithm {
            PublicAlgorithm::Rs256 => (Algorithm::RS256, DecodingKey::from_rsa_pem(pem)),
            PublicAlgorithm::Es256 => (Algorithm::ES256, DecodingKey::from_ec_pem(pem)),
            PublicAlgorithm::EdDsa => (Algorithm::EdDSA, DecodingKey::from_ed_pem(pem)),
        };
        let key = key.map_err(|error| error.to_string())?;
        Ok(Self { algorithm, key })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} key", self.algorithm)
    }
}

/// An algorithm with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PublicAlgorithm {
    /// RSA with SHA-256.
    #[value(name = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[value(name = "ES256")]
    Es256,
    /// Ed25519.
    #[value(name = "EdDSA")]
    EdDsa,
}

/// Checks tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// The keys, each for its algorithm.
    pub keys: Vec<Key>,
    /// Keys that may change, found by the `kid` of a token.
    pub jwks: Option<Arc<JwksFile>>,
    /// The `iss` that tokens must have.
    pub issuer: Option<String>,
    /// The `aud` that tokens must have.
    pub audience: Option<String>,
    /// How long after its end a token is taken, for clocks that differ.
    pub leeway: Millis,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    sub: UserId,
    shop_id: ShopId,
    modules: Arc<BTreeSet<Module>>,
    iat: Seconds,
    exp: Seconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<Seconds>,
}

/// Seconds since the Unix epoch, which a JWT may give in fractions (RFC 7519, NumericDate).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "u64")]
struct Seconds(f64);

impl From<Seconds> for u64 {
    /// Whole seconds: what the demo writes.
    fn from(seconds: Seconds) -> Self {
        seconds.millis().0 / 1_000
    }
}

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        // The last year of a four-digit date: whoever goes beyond has milliseconds in mind.
        if (0.0..=253_402_300_799.0).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err("a time is seconds since 1970, at most those of the year 9999")
        }
    }
}

impl Seconds {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative and far below 2^53, checked where it is made"
    )]
    fn millis(self) -> Millis {
        Millis((self.0 * 1_000.0) as u64)
    }
}

impl Verifier {
    /// Says who has this token.
    ///
    /// # Errors
    /// When it isn't to be taken at this time.
    pub fn verify(&self, now: Millis, token: &str) -> Result<Identity, TokenError> {
        let identity = self.verify_signed(now, token)?;
        if identity.taken_until <= now {
            return Err(TokenError::Expired);
        }
        Ok(identity)
    }

    /// Says who had this token, even when it has expired.
    ///
    /// # Errors
    /// When it never was to be taken.
    pub fn verify_signed(&self, now: Millis, token: &str) -> Result<Identity, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(malformed("it has more than 8 KiB"));
        }
        // An algorithm that the library does not know either, `none` among them, is an error here.
        let header = decode_header(token).map_err(|error| refusal(&error))?;
        let changing = self.jwks.as_ref().map(|file| file.keys());
        let key = self.key(changing.as_deref(), &header)?;
        let claims = decode::<Claims>(token, &key.key, &self.validation(key.algorithm))
            .map_err(|error| refusal(&error))?
            .claims;
        if claims.modules.len() > MODULES_MAX {
            return Err(malformed("modules: more than 256"));
        }
        let from = claims.nbf.map_or(Millis(0), Seconds::millis);
        if from > now.plus(self.leeway) {
            return Err(TokenError::NotYet);
        }
        let expires_at = claims.exp.millis();
        Ok(Identity {
            user: claims.sub,
            shop: claims.shop_id,
            modules: claims.modules,
            issued_at: claims.iat.millis(),
            expires_at,
            taken_until: expires_at.plus(self.leeway),
        })
    }

    /// The key that a token says it was signed with.
    ///
    /// A key by that name comes first. The others have no names: they are for all tokens of their algorithm that name no key of the
    /// set.
    fn key<'k>(
        &'k self,
        changing: Option<&'k KeySet>,
        header: &Header,
    ) -> Result<&'k Key, TokenError> {
        let named = changing.map_or(Found::None, |keys| {
            keys.find(header.kid.as_deref(), header.alg)
        });
        let other = self.keys.iter().find(|key| key.algorithm == header.alg);
        match (named, other) {
            (Found::Key(key), None) => Ok(key),
            (Found::Key(key), Some(other)) => Ok(if header.kid.is_some() { key } else { other }),
            (Found::OtherAlgorithm, _) => Err(TokenError::Algorithm),
            (Found::None | Found::Several, Some(other)) => Ok(other),
            (Found::Several, None) => Err(TokenError::NoKid),
            (Found::None, None) if changing.is_some() && header.kid.is_some() => {
                Err(TokenError::UnknownKey)
            }
            (Found::None, None) => Err(TokenError::Algorithm),
        }
    }

    /// Times are checked here, not by the library, which would read a clock of its own.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.required_spec_claims = HashSet::new();
        // The library checks these two only when the token has them: what is configured is required.
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".to_owned());
            }
            None => validation.validate_aud = false,
        }
        validation
    }
}

/// Makes tokens, for the demo.
#[derive(Clone)]
pub struct Signer(EncodingKey);

impl Signer {
    /// Signs with HS256.
    pub fn secret(secret: &[u8]) -> Self {
        Self(EncodingKey::from_secret(secret))
    }

    /// A token for an identity.
    pub fn sign(&self, identity: &Identity) -> String {
        #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
        let seconds = |at: Millis| Seconds((at.0 / 1_000) as f64);
        let claims = Claims {
            sub: identity.user.clone(),
            shop_id: identity.shop.clone(),
            modules: identity.modules.clone(),
            iat: seconds(identity.issued_at),
            exp: seconds(identity.expires_at),
            nbf: None,
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.0)
            .expect("a secret signs whatever can be written as JSON")
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HS256 key")
    }
}

fn malformed(what: &str) -> TokenError {
    TokenError::Malformed(what.to_owned())
}

fn refusal(error: &jsonwebtoken::errors::Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm => TokenError::Algorithm,
        ErrorKind::InvalidIssuer => TokenError::NotForUs("iss"),
        ErrorKind::InvalidAudience => TokenError::NotForUs("aud"),
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => TokenError::NotForUs("iss"),
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => TokenError::NotForUs("aud"),
        _ => TokenError::Malformed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Millis = Millis(1_730_569_300_000);
    const SECRET: &[u8] = b"a secret of the tests, 32 bytes.";

    fn verifier() -> Verifier {
        Verifier {
            keys: vec![Key::secret(SECRET)],
            jwks: None,
            issuer: None,
            audience: None,
            leeway: Millis(0),
        }
    }

    fn claims() -> Value {
        json!({"sub": "u_101", "shopId": "s_1", "modules": ["orders", "chat"], "iat": 1_730_569_000, "exp": 1_730_569_301})
    }

    fn signed(claims: &Value) -> String {
        encode(
            &Header::new(Algorithm::HS256),
            claims,
            &EncodingKey::from_secret(SECRET),
        )
        .expect("it can be signed")
    }

    /// The claims with one of them changed, or left out when the value is null.
    fn with(name: &str, value: Value) -> String {
        let mut claims = claims();
        let fields = claims.as_object_mut().expect("an object");
        fields.insert(name.to_owned(), value);
        fields.retain(|_, value| !value.is_null());
        signed(&Value::Object(fields.clone()))
    }

    #[test]
    fn a_token_says_who_somebody_is() {
        let identity = verifier()
            .verify(NOW, &signed(&claims()))
            .expect("it is right");
        assert_eq!(identity.user.as_str(), "u_101");
        assert_eq!(identity.shop.as_str(), "s_1");
        assert!(
            identity
                .modules
                .iter()
                .map(Module::as_str)
                .eq(["chat", "orders"])
        );
        assert_eq!(identity.expires_at, Millis(1_730_569_301_000));
    }

    #[test]
    fn a_token_ends_at_exp_plus_the_leeway() {
        let mut verifier = verifier();
        let token = signed(&claims());
        let end = Millis(1_730_569_301_000);
        assert!(verifier.verify(Millis(end.0 - 1), &token).is_ok());
        assert_eq!(verifier.verify(end, &token), Err(TokenError::Expired));
        verifier.leeway = Millis(5_000);
        assert!(verifier.verify(Millis(end.0 + 4_999), &token).is_ok());
        let late = verifier.verify(Millis(end.0 + 5_000), &token);
        assert_eq!(late, Err(TokenError::Expired));
    }

    #[test]
    fn claims_that_are_missing_or_wrong_are_malformed() {
        for (name, value) in [
            ("sub", Value::Null),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("shopId", Value::Null),
            ("shopId", json!("a b")),
            ("modules", Value::Null),
            ("modules", json!("orders")),
            ("modules", json!([""])),
            (
                "modules",
                json!((0..257).map(|n| format!("m{n}")).collect::<Vec<_>>()),
            ),
            ("iat", Value::Null),
            ("iat", json!("today")),
            ("exp", Value::Null),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("nbf", json!("soon")),
        ] {
            let verified = verifier().verify(NOW, &with(name, value.clone()));
            assert!(
                matches!(verified, Err(TokenError::Malformed(_))),
                "{name}: {value}"
            );
        }
        for token in [
            "a",
            "a.b",
            "a.b.c",
            "a.b.c.d",
            "ü",
            &"x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            let verified = verifier().verify(NOW, token);
            assert!(matches!(verified, Err(TokenError::Malformed(_))), "{token}");
        }
        assert_eq!(verifier().verify(NOW, ""), Err(TokenError::Missing));
    }

    #[test]
    fn a_token_that_is_not_valid_yet_is_refused() {
        let verified = verifier().verify(NOW, &with("nbf", json!(1_730_569_301)));
        assert_eq!(verified, Err(TokenError::NotYet));
    }

    #[test]
    fn another_key_another_algorithm_and_none_are_refused() {
        let other = EncodingKey::from_secret(b"another");
        let token = encode(&Header::new(Algorithm::HS256), &claims(), &other);
        let verified = verifier().verify(NOW, &token.expect("it can be signed"));
        assert_eq!(verified, Err(TokenError::Signature));

        let key = EncodingKey::from_secret(SECRET);
        let token = encode(&Header::new(Algorithm::HS512), &claims(), &key);
        let verified = verifier().verify(NOW, &token.expect("it can be signed"));
        assert_eq!(verified, Err(TokenError::Algorithm));

        // {"alg":"none","typ":"JWT"}, the claims, no signature
        let payload = signed(&claims());
        let payload = payload.split('.').nth(1).expect("three parts");
        let token = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert!(verifier().verify(NOW, &token).is_err());
    }

    #[test]
    fn issuer_and_audience_are_required_when_configured() {
        let mut verifier = verifier();
        assert!(
            verifier
                .verify(NOW, &with("aud", json!("anything")))
                .is_ok()
        );
        verifier.issuer = Some("us".into());
        verifier.audience = Some("them".into());
        let token = |iss: Value, aud: Value| {
            let mut claims = claims();
            claims["iss"] = iss;
            claims["aud"] = aud;
            claims
                .as_object_mut()
                .expect("an object")
                .retain(|_, value| !value.is_null());
            signed(&claims)
        };
        let verify = |iss, aud| verifier.verify(NOW, &token(iss, aud)).err();
        assert_eq!(verify(json!("us"), json!(["them", "others"])), None);
        assert_eq!(
            verify(Value::Null, json!("them")),
            Some(TokenError::NotForUs("iss"))
        );
        assert_eq!(
            verify(json!("others"), json!("them")),
            Some(TokenError::NotForUs("iss"))
        );
        assert_eq!(
            verify(json!("us"), Value::Null),
            Some(TokenError::NotForUs("aud"))
        );
        assert_eq!(
            verify(json!("us"), json!("us")),
            Some(TokenError::NotForUs("aud"))
        );
    }

    #[test]
    fn what_the_demo_signs_is_taken() {
        let identity = verifier()
            .verify(NOW, &signed(&claims()))
            .expect("it is right");
        let token = Signer::secret(SECRET).sign(&identity);
        assert_eq!(verifier().verify(NOW, &token), Ok(identity));
    }
}
