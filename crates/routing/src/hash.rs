//! Hashes of entities, the same on every machine and in every build. The hash of a state is a sum of these, so that
//! order cannot matter; the maps use the same hasher, for look-up only.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Multiply-and-rotate over 64-bit words with a final mix.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mixer(u64);

const K: u64 = 0x9e37_79b9_7f4a_7c15;

impl Mixer {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(K);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.word(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.word(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.word(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }
    fn write_i64(&mut self, n: i64) {
        self.word(n.cast_unsigned());
    }
    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.word((n as i64).cast_unsigned());
    }
    fn finish(&self) -> u64 {
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A map for look-up; never iterated where order could show.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mixer>>;

/// The hash of one entity; `kind` keeps equal rows of different kinds apart.
pub(crate) fn of<T: Hash>(kind: u8, value: &T) -> u64 {
    let mut mixer = Mixer(u64::from(kind).wrapping_add(1).wrapping_mul(K));
    value.hash(&mut mixer);
    mixer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_pinned() {
        assert_eq!(of(1, &(1_i64, Some(2_u32))), of(1, &(1_i64, Some(2_u32))));
        assert_ne!(of(1, &1_i64), of(2, &1_i64));
        assert_ne!(of(1, &(1_i64, 2_i64)), of(1, &(2_i64, 1_i64)));
    }
}
