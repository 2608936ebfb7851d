//! Seeded chance in integers: the same seed gives the same numbers on every machine.

/// A generator of 64-bit numbers (a Weyl sequence with a mixed output).
#[derive(Clone, Debug)]
pub struct Chance(u64);

/// The golden ratio in 64 bits: an odd step that visits every state.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
/// ln 2 in sixteenths of bits: 0.693147 · 2^16.
const LN2_Q16: u64 = 45_426;

impl Chance {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent generator, so that what one part draws does not shift what another does.
    #[must_use]
    pub fn part(&self, number: u64) -> Self {
        let mut other = Self(self.0 ^ number.wrapping_add(1).wrapping_mul(0xD6E8_FEB8_6659_FD93));
        other.bits();
        other
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A time from an exponential distribution with mean `mean` (milliseconds).
    pub fn exponential(&mut self, mean: i64) -> i64 {
        let mean = u64::try_from(mean).unwrap_or_default();
        // −ln(x / 2^32) for x in 1 … 2^32, as (32 − log2 x) · ln 2.
        let x = (self.bits() >> 32).saturating_add(1);
        let log = (32_u64 << 16).saturating_sub(log2_q16(x));
        let scaled = u128::from(mean) * u128::from(log) * u128::from(LN2_Q16);
        i64::try_from(scaled >> 32).unwrap_or(i64::MAX)
    }
}

/// log2 of `x` > 0 in sixteenths of bits, by squaring.
fn log2_q16(x: u64) -> u64 {
    let whole = u64::from(63 - x.max(1).leading_zeros());
    // In [1, 2), with 31 bits behind the point.
    let mut m = (u128::from(x.max(1)) << 31) >> whole;
    let mut log = whole;
    for _ in 0..16 {
        m = (m * m) >> 31;
        log <<= 1;
        if m >= 1 << 32 {
            m >>= 1;
            log |= 1;
        }
    }
    log
}

/// How long something takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// A fixed part and an exponential one, in milliseconds.
    Exponential { fixed: i64, mean: i64 },
    /// One of what was observed, each as likely as the others. Never empty.
    Observed(Vec<i64>),
}

impl Span {
    pub fn draw(&self, chance: &mut Chance) -> i64 {
        match self {
            Self::Exponential { fixed, mean } => fixed.saturating_add(chance.exponential(*mean)),
            Self::Observed(all) => {
                let at = usize::try_from(chance.below(all.len() as u64)).unwrap_or_default();
                all.get(at).copied().unwrap_or_default()
            }
        }
    }

    /// What of a drawn `whole` is reading: before it nobody types.
    #[must_use]
    pub fn reading(&self, whole: i64) -> i64 {
        match self {
            Self::Exponential { fixed, .. } => (*fixed).min(whole),
            // Somebody who takes minutes is elsewhere first, and types at the end.
            Self::Observed(_) => (whole / 2).max(whole - LONGEST_TYPING_MS),
        }
    }
}

/// Nobody types longer than this on one observed answer.
const LONGEST_TYPING_MS: i64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..5).map(|_| chance.exponential(20_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn an_exponential_has_its_mean_its_median_and_its_tail() {
        let mut chance = Chance::new(1);
        let mut all: Vec<i64> = (0..200_000).map(|_| chance.exponential(10_000)).collect();
        all.sort_unstable();
        let mean = all.iter().sum::<i64>() / 200_000;
        let (median, p90) = (all[100_000], all[180_000]);
        assert!((9_900..=10_100).contains(&mean), "mean {mean}");
        assert!(
            (6_830..=7_030).contains(&median),
            "median {median}, 10 s · ln 2 = 6,931 ms"
        );
        assert!((22_700..=23_350).contains(&p90), "p90 {p90}, 10 s · ln 10 = 23,026 ms");
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut chance = Chance::new(3);
        let mut seen = [0_u32; 10];
        for _ in 0..100_000 {
            seen[usize::try_from(chance.below(10)).expect("small")] += 1;
        }
        assert!(seen.iter().all(|n| (9_500..=10_500).contains(n)), "{seen:?}");
        assert_eq!(chance.below(0), 0);
    }
}
