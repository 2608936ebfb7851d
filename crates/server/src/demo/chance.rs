//! Dice for simulated people.

use crate::secrets;

/// A small generator (xorshift64*); nothing that matters depends on it.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Different every time.
    pub fn new() -> Self {
        let mut seed = [0; 8];
        secrets::random(&mut seed);
        Self::seeded(u64::from_le_bytes(seed))
    }

    /// The same every time.
    pub fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Between 0 and 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// Whole seconds as milliseconds.
    pub fn millis(&mut self, low_seconds: i64, high_seconds: i64) -> i64 {
        (self.between(low_seconds as f64, high_seconds as f64) * 1_000.0) as i64
    }

    pub fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    pub fn below(&mut self, n: usize) -> usize {
        ((self.share() * n as f64) as usize).min(n.saturating_sub(1))
    }

    pub fn one_of(&mut self, list: &[&'static str]) -> &'static str {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }
}
