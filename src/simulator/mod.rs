//! Azure, small enough to own: one world with Azure's rules, in process and over HTTP.
