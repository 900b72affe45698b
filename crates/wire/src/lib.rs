//! Bytes on the wire and what they mean: pure encoders and decoders, nothing that sends.

mod base64;
pub mod checksum;
pub mod keeper;
pub mod listener;
mod moment;
mod plain_xml;
pub mod value;
pub mod xmlrpc_read;
pub mod xmlrpc_write;
