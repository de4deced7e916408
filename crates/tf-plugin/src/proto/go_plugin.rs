//! The services that go-plugin expects beside the provider's own: its broker, controller and standard streams, and
//! the health check of gRPC.

use prost::{Enumeration, Message};

/// Where a further service listens. The broker never offers one here.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ConnInfo {
    /// The service.
    #[prost(uint32, tag = "1")]
    pub(crate) service_id: u32,
    /// The kind of its address.
    #[prost(string, tag = "2")]
    pub(crate) network: String,
    /// Its address.
    #[prost(string, tag = "3")]
    pub(crate) address: String,
}

/// Something that the plugin wrote.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StdioData {
    /// 1 for standard output, 2 for standard error.
    #[prost(int32, tag = "1")]
    pub(crate) channel: i32,
    /// What it wrote.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) data: Vec<u8>,
}

/// Does this service work?
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct HealthCheckRequest {
    /// The service; go-plugin asks for `plugin`.
    #[prost(string, tag = "1")]
    pub(crate) service: String,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum ServingStatus {
    /// Nobody knows.
    Unknown = 0,
    /// It answers.
    Serving = 1,
}

/// Answer to [`HealthCheckRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct HealthCheckResponse {
    /// How it is.
    #[prost(enumeration = "ServingStatus", tag = "1")]
    pub(crate) status: i32,
}
