//! Bytes on the wire and what they mean: pure encoders and decoders, nothing that sends.

pub mod keeper;
pub mod xmlrpc_read;
pub mod xmlrpc_write;
pub mod value;
