//! What a request gets that can't be served: `{"error": {"code": …, "message": …}}`.

use serde::Serialize;
use tabwire_protocol::Millis;
use warp::{
    Reply,
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    log::{AppendError, LogUnavailable},
    registry::RegistryUnavailable,
};

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    /// When to try again, of those statuses that say so.
    retry_after_secs: u64,
}

/// What it says about that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ErrorBody {
    /// For programs.
    pub(crate) code: &'static str,
    /// For people: what was wrong, where, and what to do.
    pub(crate) message: String,
}

/// An error as the body of a response, or as an item of one.
#[derive(Serialize)]
pub(crate) struct Wrapped<'a> {
    pub(crate) error: &'a ErrorBody,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            body: ErrorBody {
                code,
                message: message.into(),
            },
            retry_after_secs: 1,
        }
    }

    /// Says that trying again makes no sense before.
    pub(crate) const fn after(mut self, wait: Millis) -> Self {
        let secs = wait.0.div_ceil(1_000);
        self.retry_after_secs = if secs == 0 { 1 } else { secs };
        self
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(crate) fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    pub(crate) fn too_many(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    pub(crate) const fn body(&self) -> &ErrorBody {
        &self.body
    }
}

impl From<LogUnavailable> for ApiError {
    fn from(error: LogUnavailable) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<RegistryUnavailable> for ApiError {
    fn from(error: RegistryUnavailable) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::KeyReused => Self::unprocessable("key_reused", error.to_string()),
            AppendError::Unavailable(error) => error.into(),
            AppendError::Late | AppendError::Unknown(_) => Self::unavailable(error.to_string()),
        }
    }
}

impl Reply for ApiError {
    fn into_response(self) -> Response {
        let body = warp::reply::json(&Wrapped { error: &self.body });
        let mut response = warp::reply::with_status(body, self.status).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, self.retry_after_secs.into());
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static("13"),
                );
            }
            _ => {}
        }
        response
    }
}
