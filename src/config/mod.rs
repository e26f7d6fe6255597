//! YAML and the built-in catalogue → [`Desired`](crate::model::desired::Desired), or every error at once.
