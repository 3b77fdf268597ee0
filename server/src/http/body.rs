//! Bodies of requests: JSON of a limited size that comes in a limited time.

use std::{pin::pin, time::Duration};

use futures_util::{Stream, StreamExt};
use serde_json::value::RawValue;
use tokio::time::timeout;
use warp::{
    Buf,
    http::{HeaderMap, StatusCode, header},
};

use super::error::ApiError;
use crate::json;

/// How much of a body that is too large is read and thrown away, so that the answer is heard before the connection ends.
const DISCARDED_BYTES_MAX: usize = 16 << 20;

/// Reads a body that must be JSON.
pub(crate) async fn read_json(
    headers: &HeaderMap,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    bytes_max: usize,
    time_max: Duration,
) -> Result<String, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let media_type = content_type.map(|value| value.split(';').next().unwrap_or("").trim());
    if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let message = "the body is JSON: Content-Type: application/json";
        return Err(ApiError::new(status, "unsupported_media_type", message));
    }
    let bytes = timeout(time_max, read(body, bytes_max)).await;
    let bytes = bytes.map_err(|_| {
        let message = format!("the body took longer than {} s", time_max.as_secs());
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    })??;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        ApiError::bad_request("bad_json", format!("the body is not UTF-8 at byte {at}"))
    })?;
    // The syntax of all of it at once: the error says where in the body.
    serde_json::from_str::<&RawValue>(&text)
        .map_err(|error| ApiError::bad_request("bad_json", error.to_string()))?;
    if json::is_too_deep(&text) {
        let message = format!("the body is nested deeper than {}", json::DEPTH_MAX);
        return Err(ApiError::unprocessable("too_deep", message));
    }
    Ok(text)
}

async fn read(
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    bytes_max: usize,
) -> Result<Vec<u8>, ApiError> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    let mut seen = 0;
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk
            .map_err(|error| ApiError::bad_request("bad_body", format!("the body: {error}")))?;
        seen += chunk.remaining();
        while seen <= bytes_max && chunk.has_remaining() {
            let part = chunk.chunk();
            bytes.extend_from_slice(part);
            let taken = part.len();
            chunk.advance(taken);
        }
        if seen > DISCARDED_BYTES_MAX.max(bytes_max) {
            break;
        }
    }
    if seen > bytes_max {
        let message = format!("the body has more than {bytes_max} bytes");
        return Err(ApiError::too_large(message));
    }
    Ok(bytes)
}

/// What is wrong with a part of a body, without the place: it would count from where the part begins.
pub(crate) fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => what.to_owned(),
        None => text,
    }
}
