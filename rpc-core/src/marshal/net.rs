//! Internet addresses.
//!
//! An address is its octets in network order. Where it may be of either family, the number of the
//! IP version, 4 or 6, says which.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::{DecodeError, Marshal, Reader, Schema, Unmarshal, Writer};

const VERSION_4: u32 = 4;
const VERSION_6: u32 = 6;

macro_rules! addresses {
    ($($type:ident: $size:literal;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Marshal for $type {
            const MAX: Option<usize> = Some($size);

            #[inline]
            fn marshal(&self, out: &mut Writer) {
                out.put_raw(&self.octets());
            }

            fn describe(schema: &mut Schema) {
                schema.opaque(Some($size));
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a> Unmarshal<'a> for $type {
            const MIN: usize = $size;

            #[inline]
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                reader.take_chunk::<$size>().map(Self::from)
            }
        }
    )*};
}

addresses! {
    Ipv4Addr: 4;
    Ipv6Addr: 16;
}

/// The address and the port.
#[diagnostic::do_not_recommend]
impl Marshal for SocketAddrV4 {
    const MAX: Option<usize> = Some(8);

    #[inline]
    fn marshal(&self, out: &mut Writer) {
        self.ip().marshal(out);
        self.port().marshal(out);
    }

    fn describe(schema: &mut Schema) {
        schema.structure("core::net::SocketAddrV4", "SocketAddrV4", |fields| {
            fields.field::<Ipv4Addr>("ip");
            fields.field::<u16>("port");
        });
    }
}

#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for SocketAddrV4 {
    const MIN: usize = 8;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self::new(reader.field("SocketAddrV4", "ip")?, reader.field("SocketAddrV4", "port")?))
    }
}

/// The address, the port, the flow information and the scope.
#[diagnostic::do_not_recommend]
impl Marshal for SocketAddrV6 {
    const MAX: Option<usize> = Some(28);

    #[inline]
    fn marshal(&self, out: &mut Writer) {
        self.ip().marshal(out);
        self.port().marshal(out);
        self.flowinfo().marshal(out);
        self.scope_id().marshal(out);
    }

    fn describe(schema: &mut Schema) {
        schema.structure("core::net::SocketAddrV6", "SocketAddrV6", |fields| {
            fields.field::<Ipv6Addr>("ip");
            fields.field::<u16>("port");
            fields.field::<u32>("flowinfo");
            fields.field::<u32>("scope_id");
        });
    }
}

#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for SocketAddrV6 {
    const MIN: usize = 28;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self::new(
            reader.field("SocketAddrV6", "ip")?,
            reader.field("SocketAddrV6", "port")?,
            reader.field("SocketAddrV6", "flowinfo")?,
            reader.field("SocketAddrV6", "scope_id")?,
        ))
    }
}

macro_rules! either_version {
    ($($type:ident: $four:ident, $six:ident, $max:literal, $key:literal;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Marshal for $type {
            const MAX: Option<usize> = Some($max);

            #[inline]
            fn marshal(&self, out: &mut Writer) {
                match self {
                    Self::V4(address) => {
                        out.put_tag(VERSION_4);
                        address.marshal(out);
                    }
                    Self::V6(address) => {
                        out.put_tag(VERSION_6);
                        address.marshal(out);
                    }
                }
            }

            fn describe(schema: &mut Schema) {
                schema.enumeration($key, stringify!($type), |variants| {
                    variants.variant(VERSION_4, "V4", |fields| fields.field::<$four>("0"));
                    variants.variant(VERSION_6, "V6", |fields| fields.field::<$six>("0"));
                });
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a> Unmarshal<'a> for $type {
            const MIN: usize = 4;

            #[inline]
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                match reader.read_tag()? {
                    VERSION_4 => reader.field(stringify!($type), "V4").map(Self::V4),
                    VERSION_6 => reader.field(stringify!($type), "V6").map(Self::V6),
                    tag => Err(reader.unknown_variant(stringify!($type), tag)),
                }
            }
        }
    )*};
}

either_version! {
    IpAddr: Ipv4Addr, Ipv6Addr, 20, "core::net::IpAddr";
    SocketAddr: SocketAddrV4, SocketAddrV6, 32, "core::net::SocketAddr";
}
