//! `--command-webhook` and what belongs to it.

use hyper::Uri;
use tokio::sync::Semaphore;

use super::{ConfigError, Flags, read, wrong};
use crate::{command::webhook::WebhookConfig, types::EventTypes};

/// Checks the flags about commands that the app runs.
pub(super) fn webhook(
    flags: &Flags,
    types: &EventTypes,
) -> Result<Option<WebhookConfig>, ConfigError> {
    let Some(url) = &flags.command_webhook else {
        return match types.via_webhook() {
            None => Ok(None),
            Some(event_type) => Err(wrong(
                "command-webhook",
                format!(
                    "it is missing, and commands of type {event_type} are run by the app: say where"
                ),
            )),
        };
    };
    let bad = |why: &str| wrong("command-webhook", format!("{why}: http://host:port/path"));
    let url: Uri = url.parse().map_err(|_| bad("it is not an address"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err(bad("it must be an http or https address"));
    }
    let secret = match (&flags.webhook_secret, &flags.webhook_secret_file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => read("webhook-secret-file", path)?
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
        (None, None) => String::new(),
    };
    if secret.is_empty() {
        return Err(wrong(
            "webhook-secret",
            "it is missing: the app tells by it that a call comes from this server",
        ));
    }
    for (flag, is_zero) in [
        ("webhook-timeout", flags.webhook_timeout.is_zero()),
        ("webhook-tries", flags.webhook_tries == 0),
        ("webhook-concurrency", flags.webhook_concurrency == 0),
    ] {
        if is_zero {
            return Err(wrong(flag, "it must be more than 0"));
        }
    }
    Ok(Some(WebhookConfig {
        url,
        secret,
        timeout: flags.webhook_timeout,
        tries: flags.webhook_tries,
        concurrency: flags.webhook_concurrency.min(Semaphore::MAX_PERMITS),
    }))
}
