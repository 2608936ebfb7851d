//! ronda-simulator
