//! How much is done: a short form for every change, a long one for the night.

/// Whether this is the long form.
pub fn is_long() -> bool {
    std::env::var_os("TABWIRE_LONG").is_some_and(|value| value == "true")
}

/// The one of two sizes that this run has.
pub fn size<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}
