//! ronda-testkit
