//! What is asked of JSON beyond its syntax.

/// How deep a payload may be nested: browsers and other readers recurse.
pub(crate) const DEPTH_MAX: usize = 64;

/// Whether a text that is JSON is nested deeper than [`DEPTH_MAX`].
pub(crate) fn is_too_deep(json: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_strings() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!is_too_deep(&nested(DEPTH_MAX)));
        assert!(is_too_deep(&nested(DEPTH_MAX + 1)));
        assert!(!is_too_deep(&format!(r#"["\"{}", {{}}]"#, "[".repeat(100))));
        assert!(!is_too_deep(&format!("[{}]", vec!["{}"; 100].join(","))));
    }
}
