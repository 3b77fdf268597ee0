//! What is said of many numbers.

/// The value below which `share` of the sorted numbers lie.
pub(crate) fn percentile(sorted: &[u32], share: f64) -> f64 {
    let index = (share * sorted.len() as f64) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .map_or(f64::NAN, |number| f64::from(*number))
}
