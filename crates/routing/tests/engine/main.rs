//! Tests of the engine through its public interface: the table of cases row by row, and properties.

#[allow(dead_code, reason = "the rows that use all of it land in portions")]
mod dsl;
mod rows_basic;
