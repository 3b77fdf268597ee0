//! How numbers are written: with three significant digits, since no more are meant.

const SIGNIFICANT: i32 = 3;

/// `12.3`, `0.457`, `123,000`.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let rounded = rounded(value);
    // 9.996 has become 10.0, which has a digit less behind its point.
    let shown = decimals(rounded).clamp(0, 6) as usize;
    grouped(&format!("{rounded:.shown$}"))
}

/// The value as it is written.
pub fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(decimals(value));
    (value * scale).round() / scale
}

fn decimals(value: f64) -> i32 {
    SIGNIFICANT - 1 - value.abs().log10().floor() as i32
}

/// How many times as much: `0.087`, `0.75`, `1.50`, `12.3`.
pub fn times(value: f64) -> String {
    match value {
        value if value < 0.0995 => format!("{value:.3}"),
        value if value < 9.995 => format!("{value:.2}"),
        value => number(value),
    }
}

/// An exponent: `0.03`, `−0.10`.
pub fn signed(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    if value < 0.0 && text != "0.00" {
        format!("−{text}")
    } else {
        text
    }
}

/// A whole number with its thousands apart, or anything else as it is.
pub fn whole(text: &str) -> String {
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole { grouped(text) } else { text.into() }
}

fn grouped(text: &str) -> String {
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text), |text| ("−", text));
    let (digits, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_meant() {
        for (value, written) in [
            (0.0, "0"),
            (0.04567, "0.0457"),
            (0.4567, "0.457"),
            (4.5, "4.50"),
            (9.996, "10.0"),
            (45.67, "45.7"),
            (99.96, "100"),
            (456.7, "457"),
            (123_456.0, "123,000"),
            (-1234.0, "−1,230"),
        ] {
            assert_eq!(number(value), written);
        }
    }

    #[test]
    fn ratios_have_two_decimals_as_long_as_they_are_small() {
        assert_eq!(
            [0.0874, 0.749, 1.0, 9.99, 12.34].map(times),
            ["0.087", "0.75", "1.00", "9.99", "12.3"]
        );
    }

    #[test]
    fn nothing_is_minus_zero() {
        assert_eq!([0.031, -0.1, -0.001].map(signed), ["0.03", "−0.10", "0.00"]);
    }

    #[test]
    fn only_whole_numbers_are_grouped() {
        assert_eq!(whole("15000"), "15,000");
        assert_eq!(whole("200 B"), "200 B");
    }
}
