//! ronda-channels
