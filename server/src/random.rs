//! What must not be guessed or must not repeat.

/// Hexadecimal digits for `BYTES` random bytes.
pub(crate) fn hex<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    // Without randomness there are no keys and no names; the system that has none can't run a server.
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number below a limit; 0 for the limit 0. Good enough to spread clients, not to draw keys.
pub(crate) fn below(limit: u64) -> u64 {
    let random = getrandom::u64().expect("the operating system has randomness");
    random.checked_rem(limit).unwrap_or(0)
}
