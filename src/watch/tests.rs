//! Laws of lives.
