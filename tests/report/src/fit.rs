//! How something grows: the straight line through points on logarithmic scales, by least squares.

/// `y = factor · x^exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// 0: does not grow. 1: grows with x.
    pub exponent: f64,
    /// The exponent's standard error, when there are points enough to know it.
    pub error: Option<f64>,
    factor: f64,
}

impl Fit {
    /// Of points whose coordinates are above zero; `None` when fewer than two differ in x.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
        let count = logs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = logs.iter().map(|point| (point.0 - x).powi(2)).sum();
        let along: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        let exponent = along / spread;
        if !exponent.is_finite() {
            return None;
        }
        let off = |point: &(f64, f64)| (point.1 - y - exponent * (point.0 - x)).powi(2);
        let rest: f64 = logs.iter().map(off).sum();
        Some(Self {
            exponent,
            error: (logs.len() > 2).then(|| (rest / (count - 2.0) / spread).sqrt()),
            factor: (y - exponent * x).exp(),
        })
    }

    /// What the line says of an x.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_power_is_found() {
        let points = [1.0, 3.0, 10.0, 70.0].map(|x: f64| (x, 5.0 * x.powf(0.5)));
        let fit = Fit::of(&points).expect("they differ");
        assert!((fit.exponent - 0.5).abs() < 1e-9);
        assert!((fit.at(4.0) - 10.0).abs() < 1e-9);
        assert!(fit.error.expect("there are four") < 1e-6);
    }

    #[test]
    fn what_scatters_has_an_error() {
        let fit = Fit::of(&[(1.0, 1.0), (10.0, 2.0), (100.0, 1.0)]).expect("they differ");
        assert!(fit.exponent.abs() < 1e-9);
        assert!(fit.error.expect("there are three") > 0.1);
    }

    #[test]
    fn one_point_has_no_slope() {
        assert_eq!(Fit::of(&[(1.0, 2.0)]), None);
        assert_eq!(Fit::of(&[]), None);
    }
}
