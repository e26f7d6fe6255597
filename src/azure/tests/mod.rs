//! One test for each trap, over real HTTPS.

mod arm;
mod path;
mod people;
mod sign_in;
