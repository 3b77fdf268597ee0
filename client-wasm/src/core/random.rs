//! Random numbers from a seed that the caller draws.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `max`, each as likely as the next (but for a bias of max / 2^64).
    pub(crate) fn up_to(&mut self, max: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        if max == u64::MAX { z } else { z % (max + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_are_those_of_the_published_generator() {
        let mut random = Random::new(1_234_567);
        let numbers: Vec<u64> = (0..5).map(|_| random.up_to(u64::MAX)).collect();
        // As printed by the reference implementation, https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64.
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn a_number_is_from_0_to_a_maximum_both_included() {
        let mut random = Random::new(7);
        let mut seen = [0; 4];
        for _ in 0..400 {
            seen[random.up_to(3) as usize] += 1;
        }
        assert!(seen.iter().all(|times| *times > 70), "{seen:?}");
        assert_eq!(random.up_to(0), 0);
    }
}
