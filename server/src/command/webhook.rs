//! Commands that the app's back end runs: posted to it, signed, under the command's id, until it says what came of it.
//!
//! Nobody can promise that a call arrives once. What can be promised is that a command is always posted under the same id, so that
//! the app can tell a second copy, and that nobody is told "no" of what may have been done. docs/WEBHOOK.md is the contract.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    header::{self, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Sha256;
use tabwire_protocol::{
    Command, EventType, Executed, Millis, Module, NackCode, RawJson, ShopId, UserId,
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    dedupe::{KEPT_AFTER_DEADLINE, Outcome},
    records::{Begun, Records},
};
use crate::{clock, json, limits::Limit, metrics::Metrics, random, registry::SessionRecord};

/// How much of an answer is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long before the second try, at most; twice as long before each one after it.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How long between tries at most, whatever the app asks for.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often another node is asked what came of a command that it runs.
const ELSEWHERE_PAUSE: Duration = Duration::from_millis(200);
/// How much longer than its call a command is left to the node that runs it.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// The app's back end, as commands reach it.
pub(crate) struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    config: WebhookConfig,
    calls: Semaphore,
}

/// Where the app listens for commands, and how patient the server is with it.
#[derive(Clone)]
pub struct WebhookConfig {
    /// Its address.
    pub(crate) url: Uri,
    /// What calls are signed with.
    pub(crate) secret: String,
    /// How long one call may take.
    pub(crate) timeout: Duration,
    /// How often a command is posted.
    pub(crate) tries: u32,
    /// How many calls are under way at a time.
    pub(crate) concurrency: usize,
}

impl std::fmt::Debug for WebhookConfig {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebhookConfig({})", self.url)
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.config.fmt(f)
    }
}

/// What is posted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'c> {
    id: &'c str,
    user_id: &'c UserId,
    shop_id: &'c ShopId,
    modules: Vec<&'c Module>,
    #[serde(rename = "type")]
    event_type: &'c EventType,
    payload: &'c RawValue,
    deadline: Millis,
}

/// What the app answers.
#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: Option<NackCode>,
    #[serde(default)]
    message: Option<String>,
}

/// What came of one call.
enum Tried {
    /// The app has said what came of the command.
    Settled(Outcome),
    /// It was not done; it may be the next time.
    NotDone {
        why: String,
        after: Option<Duration>,
    },
    /// Nobody knows.
    Unknown {
        why: String,
        after: Option<Duration>,
    },
}

impl Webhook {
    /// Calls an app as it is configured.
    pub(crate) fn new(config: WebhookConfig) -> Self {
        let builder = HttpsConnectorBuilder::new();
        let builder = if config.url.scheme_str() == Some("https") {
            builder.with_tls_config(tls(system_roots()))
        } else {
            builder.with_tls_config(tls(RootCertStore::empty()))
        };
        let connector = builder.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(config.concurrency)
            .build(connector);
        Self {
            client,
            calls: Semaphore::new(config.concurrency),
            config,
        }
    }

    /// Has the app run a command, unless another node does or has: then this is what came of it.
    pub(crate) async fn run(
        &self,
        records: &impl Records,
        metrics: &Metrics,
        session: &SessionRecord,
        command: &Command,
        deadline: Millis,
    ) -> Outcome {
        let kept = || Millis(deadline.plus(KEPT_AFTER_DEADLINE).since(clock::now()).0);
        let lease = Millis(clock::millis(self.config.timeout + LEASE_MARGIN));
        // Whether the app may have got the command and not said what came of it.
        let mut unknown = false;
        let (mut why, mut tries) = ("its deadline is over".to_owned(), 0);
        while clock::now() < deadline && tries < self.config.tries {
            match records.begin(session, command, lease, kept()).await {
                Ok(Begun::Mine) => {}
                Ok(Begun::Settled(outcome)) => return outcome,
                Ok(Begun::Conflict) => {
                    let message = "id: it was used with another body";
                    return Outcome::refused(NackCode::Conflict, message);
                }
                Ok(Begun::Elsewhere) => {
                    (unknown, why) = (true, "another node has not finished it".to_owned());
                    sleep(ELSEWHERE_PAUSE).await;
                    continue;
                }
                Err(error) => {
                    why = error.to_string();
                    break;
                }
            }
            let left = clock::until(clock::now(), deadline);
            let Ok(call) = timeout(left, self.calls.acquire()).await else {
                metrics.limited(Limit::WebhookConcurrency);
                why = "too many commands wait for the app".to_owned();
                break;
            };
            let call = call.expect("nobody closes the semaphore");
            tries += 1;
            let tried = self.call(session, command, deadline, tries).await;
            drop(call);
            metrics.called_webhook(match &tried {
                Tried::Settled(Outcome::Done { .. }) => "done",
                Tried::Settled(Outcome::Failed { .. }) => "refused",
                Tried::NotDone { .. } => "not_done",
                Tried::Unknown { .. } => "unknown",
            });
            let after = match tried {
                Tried::Settled(outcome) => {
                    self.settle(records, session, command, &outcome, kept())
                        .await;
                    return outcome;
                }
                Tried::NotDone { why: reason, after } => {
                    why = reason;
                    after
                }
                Tried::Unknown { why: reason, after } => {
                    (unknown, why) = (true, reason);
                    after
                }
            };
            tracing::warn!(userId = %session.user, shopId = %session.shop, id = command.id, tries, why, "the app did not run a command");
            let pause = after.unwrap_or_else(|| backoff(tries)).min(RETRY_PAUSE_MAX);
            if tries < self.config.tries {
                sleep(pause.min(clock::until(clock::now(), deadline))).await;
            }
        }
        let outcome = Outcome::Failed {
            code: NackCode::Unavailable,
            executed: if unknown {
                Executed::Unknown
            } else {
                Executed::No
            },
            message: format!("the app did not run it: {why}"),
        };
        if unknown {
            self.settle(records, session, command, &outcome, kept())
                .await;
        }
        outcome
    }

    async fn settle(
        &self,
        records: &impl Records,
        session: &SessionRecord,
        command: &Command,
        outcome: &Outcome,
        kept: Millis,
    ) {
        if let Err(error) = records.settle(session, command, outcome, kept).await {
            // Another node may post it again: under the same id.
            tracing::warn!(userId = %session.user, id = command.id, %error, "what came of a command can't be recorded");
        }
    }

    /// Posts a command once.
    async fn call(
        &self,
        session: &SessionRecord,
        command: &Command,
        deadline: Millis,
        tries: u32,
    ) -> Tried {
        let payload = RawValue::from_string(command.payload.as_str().to_owned());
        let call = Call {
            id: &command.id,
            user_id: &session.user,
            shop_id: &session.shop,
            modules: session.modules.iter().collect(),
            event_type: &command.event_type,
            payload: &payload.expect("a payload is JSON"),
            deadline,
        };
        let body = serde_json::to_string(&call).expect("names and JSON can be written as JSON");
        let time = clock::now().0 / 1_000;
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.config.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "tabwire")
            .header(
                "tabwire-signature",
                signature(&self.config.secret, time, &body),
            )
            .header("tabwire-attempt", tries);
        // An id that can't be a header's value is in the body all the same.
        let request = match HeaderValue::from_str(&command.id) {
            Ok(id) => request.header("idempotency-key", id),
            Err(_) => request,
        };
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.expect("its parts are valid");
        let left = clock::until(clock::now(), deadline).min(self.config.timeout);
        let exchange = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| (error.to_string(), error.is_connect()))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            Ok((head, body.map(http_body_util::Collected::to_bytes).ok()))
        };
        match timeout(left, exchange).await {
            Ok(Ok((head, body))) => judge(head.status, &head.headers, body.as_deref()),
            Ok(Err((error, true))) => Tried::NotDone {
                why: error,
                after: None,
            },
            Ok(Err((error, false))) => Tried::Unknown {
                why: error,
                after: None,
            },
            Err(_) => Tried::Unknown {
                why: "it gave no answer in time".to_owned(),
                after: None,
            },
        }
    }
}

/// What an answer says.
fn judge(status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> Tried {
    let answer = body.and_then(|body| match body {
        [] => Some(Answer::default()),
        body => serde_json::from_slice::<Answer>(body).ok(),
    });
    if status.is_success() {
        if answer.is_none() {
            tracing::warn!(%status, "the app ran a command, but its answer is no JSON object of at most 64 KiB");
        }
        let result = answer.and_then(|answer| answer.result);
        let result = result.filter(|result| !json::is_too_deep(result.get()));
        return Tried::Settled(Outcome::Done {
            event: None,
            result: result.and_then(|result| RawJson::new(result.get()).ok()),
        });
    }
    let after = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let why = format!("it answered {status}");
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY => Tried::NotDone { why, after },
        StatusCode::REQUEST_TIMEOUT => Tried::Unknown { why, after },
        status if status.is_client_error() => {
            let refusal = answer.and_then(|answer| answer.error).unwrap_or_default();
            let code = refusal.code.unwrap_or_else(|| match status {
                // Of the server's own signature or address, not of the user's command.
                StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                    tracing::error!(%status, "the app refuses the server's calls: see --command-webhook and --webhook-secret");
                    NackCode::Unavailable
                }
                StatusCode::FORBIDDEN => NackCode::Forbidden,
                StatusCode::CONFLICT => NackCode::Conflict,
                StatusCode::PAYLOAD_TOO_LARGE => NackCode::TooLarge,
                _ => NackCode::Invalid,
            });
            Tried::Settled(Outcome::refused(code, refusal.message.unwrap_or(why)))
        }
        _ => Tried::Unknown { why, after },
    }
}

/// `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>", in hexadecimal digits>`: with the time in it, an old call can't be posted again
/// by somebody who has seen it.
fn signature(secret: &str, time: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(format!("{time}.{body}").as_bytes());
    let mut signature = format!("t={time},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(signature, "{byte:02x}").expect("a string takes all that is written");
    }
    signature
}

/// Full jitter, so that what failed together is not tried again together.
fn backoff(tries: u32) -> Duration {
    let longest = RETRY_PAUSE * 2_u32.saturating_pow(tries.saturating_sub(1).min(10));
    Duration::from_millis(random::below(
        clock::millis(longest.min(RETRY_PAUSE_MAX)) + 1,
    ))
}

fn tls(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The certificates that this machine trusts; `SSL_CERT_FILE` names others.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's certificates can't be read");
    }
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        tracing::error!(
            "the system has no certificates, so no https address is trusted: see SSL_CERT_FILE"
        );
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).expect("a status");
        match judge(status, &HeaderMap::new(), Some(body.as_bytes())) {
            Tried::Settled(Outcome::Done { result, .. }) => {
                format!("done {}", result.as_ref().map_or("", RawJson::as_str))
            }
            Tried::Settled(Outcome::Failed { code, message, .. }) => format!("{code:?}: {message}"),
            Tried::NotDone { why, .. } => format!("not done: {why}"),
            Tried::Unknown { why, .. } => format!("unknown: {why}"),
        }
    }

    #[test]
    fn an_answer_says_what_came_of_a_command() {
        for (status, body, expected) in [
            (
                200,
                r#"{"result": {"paid": 1.50}}"#,
                r#"done {"paid": 1.50}"#,
            ),
            (204, "", "done "),
            (200, "hola", "done "),
            (
                422,
                r#"{"error": {"code": "conflict", "message": "paid already"}}"#,
                "Conflict: paid already",
            ),
            (422, "hola", "Invalid: it answered 422 Unprocessable Entity"),
            (403, "{}", "Forbidden: it answered 403 Forbidden"),
            (401, "{}", "Unavailable: it answered 401 Unauthorized"),
            (429, "", "not done: it answered 429 Too Many Requests"),
            (408, "", "unknown: it answered 408 Request Timeout"),
            (
                500,
                r#"{"error": {"code": "conflict"}}"#,
                "unknown: it answered 500 Internal Server Error",
            ),
            (302, "", "unknown: it answered 302 Found"),
        ] {
            assert_eq!(said(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_is_too_deep_for_clients_is_left_out() {
        let deep = format!(r#"{{"result": {}{}}}"#, "[".repeat(70), "]".repeat(70));
        assert_eq!(said(200, &deep), "done ");
    }

    #[test]
    fn a_signature_is_of_the_time_and_the_body() {
        // Computed by `printf '1730569300.{}' | openssl dgst -sha256 -hmac secret`.
        let expected = include_str!("webhook_signature.txt");
        assert_eq!(signature("secret", 1_730_569_300, "{}"), expected.trim());
        assert_ne!(signature("secret", 1_730_569_301, "{}"), expected.trim());
        assert_ne!(signature("secrets", 1_730_569_300, "{}"), expected.trim());
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        for tries in 1..40 {
            assert!(backoff(tries) <= RETRY_PAUSE_MAX);
        }
    }
}
