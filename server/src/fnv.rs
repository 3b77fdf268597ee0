//! A fingerprint that is the same in every version and on every node, which the standard library's hasher does not promise: FNV-1a
//! (Fowler, Noll, Vo: RFC 9923).

/// The fingerprint of some parts. No part may have the byte 0: it ends each.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
