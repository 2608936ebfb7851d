//! ronda-storage
