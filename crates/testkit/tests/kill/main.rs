//! The proof of durability (architecture.md §4, §8): the real binary is killed at every named point and at random moments,
//! and afterwards nothing that was acknowledged is lost and nothing inside is doubled.

mod backlog;
mod cluster;
mod down;
mod drive;
mod nodes;
mod points;
mod proof;
mod random;
mod world;
