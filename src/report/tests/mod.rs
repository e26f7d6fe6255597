//! Golden reports of small hand-made plans. `BLESS=1 cargo test` writes them anew: read each as a lead would before it is kept.

mod annotations;
mod golden;
mod hostile;
mod html;
mod invented;
mod keys;
mod many;
mod markdown;
mod world;
