//! Takes out of a failing run what it does not need to fail: first faults, then tabs.
//!
//! The algorithm is ddmin (Zeller, Hildebrandt: "Simplifying and isolating failure-inducing input", 2002).

use std::time::{Duration, Instant};

use crate::{
    plan::{Plan, Promise},
    world,
};

/// No shrinking takes longer than this.
const SHRINKS_FOR: Duration = Duration::from_secs(60);

/// The smallest plan found that breaks the same promise.
pub(crate) fn shrink(plan: &Plan, promise: Promise) -> Plan {
    let ran = world::run(plan, false);
    let ends = Instant::now() + SHRINKS_FOR;
    let fails = |plan: &Plan| {
        Instant::now() < ends
            && (world::run(plan, false).failure).is_some_and(|failure| failure.promise == promise)
    };
    let faults = ran.faults.iter().map(|fault| fault.index).collect();
    let faults = minimal(faults, |faults| {
        fails(&Plan {
            faults: Some(faults.to_vec()),
            ..plan.clone()
        })
    });
    let plan = Plan {
        faults: Some(faults),
        ..plan.clone()
    };
    let tabs = (0..ran.tabs).filter(|tab| plan.opens(*tab)).collect();
    let tabs = minimal(tabs, |tabs| {
        fails(&Plan {
            tabs: Some(tabs.to_vec()),
            ..plan.clone()
        })
    });
    Plan {
        tabs: Some(tabs),
        ..plan
    }
}

/// The smallest part found that still fails: nothing can be taken out of it by itself.
fn minimal(mut all: Vec<usize>, fails: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let mut parts = 2;
    while !all.is_empty() {
        let size = all.len().div_ceil(parts);
        let less = (0..all.len()).step_by(size).find_map(|start| {
            let end = (start + size).min(all.len());
            let rest = [&all[..start], &all[end..]].concat();
            fails(&rest).then_some(rest)
        });
        match less {
            Some(rest) => {
                all = rest;
                parts = parts.saturating_sub(1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(all.len()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_by_two_of_many_is_shrunk_to_the_two() {
        let fails = |some: &[usize]| some.contains(&3) && some.contains(&17);
        assert_eq!(minimal((0..40).collect(), fails), [3, 17]);
    }

    #[test]
    fn what_always_fails_is_shrunk_to_nothing() {
        assert_eq!(minimal((0..5).collect(), |_| true), [0_usize; 0]);
    }
}
