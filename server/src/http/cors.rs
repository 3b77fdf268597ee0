//! Cross-origin requests, for the demo: pages served by a development server on this machine may call it.

use warp::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    reply::{Reply, Response},
};

/// Whether an origin is a page served by this machine.
pub(crate) fn is_localhost(origin: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

/// The answer to a browser that asks before it sends a request.
pub(crate) fn preflight(method: &Method, headers: &HeaderMap) -> Option<Response> {
    let asks =
        *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| {
        let mut response = StatusCode::NO_CONTENT.into_response();
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, idempotency-key",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    })
}

/// Lets a page of this machine read a response.
pub(crate) fn allow(origin: Option<&HeaderValue>, response: &mut Response) {
    let local = origin.filter(|origin| origin.to_str().is_ok_and(is_localhost));
    if let Some(origin) = local {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_told_from_what_only_looks_like_it() {
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://app.localhost:1",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://[::1]",
        ] {
            assert!(is_localhost(origin), "{origin}");
        }
        for origin in [
            "null",
            "http://localhost.example.com",
            "http://example.com:80",
            "http://evil-localhost",
            "http://localhost:80.example.com",
            "http://127.0.0.1.example.com",
        ] {
            assert!(!is_localhost(origin), "{origin}");
        }
    }
}
