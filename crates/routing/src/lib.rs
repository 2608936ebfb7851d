//! ronda-routing
