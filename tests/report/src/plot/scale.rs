//! From numbers to places on a line.

use super::LETTER;
use crate::number::{number, whole};

/// Beyond this ratio of the largest to the smallest a linear scale shows the small ones as nothing.
const WIDE: f64 = 15.0;
/// Between the words of two ticks.
const GAP: f64 = 6.0;

/// A line with numbers on it.
pub(super) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
    from: f64,
    to: f64,
}

impl Scale {
    /// From zero when the values are alike, else logarithmic.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let highest = values.clone().fold(0.0, f64::max);
        let lowest = values
            .filter(|value| *value > 0.0)
            .fold(f64::INFINITY, f64::min);
        if highest <= 0.0 {
            return Self {
                low: 0.0,
                high: 1.0,
                is_log: false,
                from,
                to,
            };
        }
        if highest > WIDE * lowest {
            return Self::log(lowest, highest, from, to);
        }
        let step = step(highest);
        Self {
            low: 0.0,
            high: (highest / step).ceil() * step,
            is_log: false,
            from,
            to,
        }
    }

    /// Logarithmic, to the next ticks outside.
    pub(super) fn log(lowest: f64, highest: f64, from: f64, to: f64) -> Self {
        let decades = || (-6..=12).map(|power| 10_f64.powi(power));
        let ticks = || decades().flat_map(|decade| [decade, 2.0 * decade, 5.0 * decade]);
        let low = ticks()
            .filter(|tick| *tick <= lowest)
            .fold(f64::NAN, f64::max);
        let high = ticks()
            .filter(|tick| *tick >= highest)
            .fold(f64::NAN, f64::min);
        Self {
            low,
            high,
            is_log: true,
            from,
            to,
        }
    }

    /// Logarithmic, from one value to another.
    pub(super) fn between(low: f64, high: f64, from: f64, to: f64) -> Self {
        Self {
            low,
            high,
            is_log: true,
            from,
            to,
        }
    }

    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }

    /// What is below the beginning of the line is at it.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = value.max(self.low);
        let share = match self.is_log {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        self.from + share * (self.to - self.from)
    }

    /// Numbers to write on it, with how they are written.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        if !self.is_log {
            let step = step(self.high);
            let count = (self.high / step).round() as usize;
            return (0..=count)
                .map(|n| n as f64 * step)
                .map(|value| (value, written(value)))
                .collect();
        }
        let decades = || (-6..=12).map(|power| 10_f64.powi(power));
        let inside = |tick: &f64| *tick >= self.low * 0.999 && *tick <= self.high * 1.001;
        let ticks = |parts: &'static [f64]| -> Vec<(f64, String)> {
            let all = decades().flat_map(|decade| parts.iter().map(move |part| part * decade));
            all.filter(inside)
                .map(|value| (value, written(value)))
                .collect()
        };
        // As many as have room for their words.
        let fits = |ticks: &Vec<(f64, String)>| {
            ticks.windows(2).all(|pair| {
                let words = (pair[0].1.len() + pair[1].1.len()) as f64 / 2.0 * LETTER;
                (self.at(pair[1].0) - self.at(pair[0].0)).abs() > words + GAP
            })
        };
        [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]]
            .map(ticks)
            .into_iter()
            .find(fits)
            .unwrap_or_else(|| ticks(&[1.0]))
    }
}

/// Between two ticks of a scale that begins at zero: some five of them.
fn step(highest: f64) -> f64 {
    let rough = highest / 5.0;
    let decade = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|part| part * decade)
        .find(|step| *step >= rough * 0.999);
    step.unwrap_or(10.0 * decade)
}

/// Without the zeros that a measured number would have.
fn written(value: f64) -> String {
    match value {
        value if value >= 1000.0 => whole(&format!("{value:.0}")),
        value => {
            let text = number(value);
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn what_is_alike_is_compared_from_zero() {
        let scale = Scale::of([3.0, 10.9].into_iter(), 0.0, 100.0);
        assert!(!scale.is_log());
        assert_eq!(ticks(&scale), ["0", "2.5", "5", "7.5", "10", "12.5"]);
        assert_eq!(scale.at(12.5), 100.0);
    }

    #[test]
    fn nothing_at_all_is_at_the_beginning() {
        let scale = Scale::of([0.0, -0.5].into_iter(), 0.0, 100.0);
        assert_eq!([0.0, -0.5].map(|value| scale.at(value)), [0.0, 0.0]);
    }

    #[test]
    fn what_is_far_apart_is_compared_by_ratio() {
        let scale = Scale::of([0.6, 27.0].into_iter(), 0.0, 300.0);
        assert!(scale.is_log());
        assert_eq!(ticks(&scale), ["0.5", "1", "2", "5", "10", "20", "50"]);
        assert!((scale.at(5.0) - 150.0).abs() < 1e-9);
        let tight = Scale::of([0.6, 27.0].into_iter(), 0.0, 100.0);
        assert_eq!(ticks(&tight), ["1", "3", "10", "30"]);
    }
}
