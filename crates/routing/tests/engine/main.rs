//! Tests of the engine through its public interface: the table of cases row by row, and properties.

mod dsl;
mod explain;
mod fairness;
mod metamorphic;
mod model;
mod model_facts;
mod model_waits;
mod properties;
mod rows_basic;
mod rows_capacity;
mod rows_clock;
mod rows_hours;
mod rows_life;
mod rows_people;
mod rows_waits;
mod survey;
mod walk;
