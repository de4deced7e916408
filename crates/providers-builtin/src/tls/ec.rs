//! Keys on the NIST curves.

use p256::elliptic_curve::ops::MulByGenerator;
use p256::elliptic_curve::sec1::{FromEncodedPoint, ModulusSize, ToEncodedPoint};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, SecretKey};
use pkcs8::ObjectIdentifier;
use rand_chacha::ChaCha20Rng;

/// A curve, by the name that configuration uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P224,
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Curve; 4] = [Curve::P224, Curve::P256, Curve::P384, Curve::P521];

    /// The name in configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Curve::P224 => "P224",
            Curve::P256 => "P256",
            Curve::P384 => "P384",
            Curve::P521 => "P521",
        }
    }

    /// The curve's identifier (RFC 5480, section 2.1.1.1).
    pub(super) fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Curve::P224 => "1.3.132.0.33",
            Curve::P256 => "1.2.840.10045.3.1.7",
            Curve::P384 => "1.3.132.0.34",
            Curve::P521 => "1.3.132.0.35",
        })
    }

    /// The curve's name in SSH (RFC 5656, section 10.1); SSH has none for P-224.
    pub(super) fn ssh_name(self) -> Option<&'static str> {
        match self {
            Curve::P224 => None,
            Curve::P256 => Some("nistp256"),
            Curve::P384 => Some("nistp384"),
            Curve::P521 => Some("nistp521"),
        }
    }

    /// The curve of an identifier.
    pub(super) fn from_oid(oid: ObjectIdentifier) -> Option<Curve> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }
}

/// A key pair: the secret scalar, as long as the curve's field, and the point as uncompressed SEC 1 octets.
pub(super) struct EcKey {
    pub(super) curve: Curve,
    pub(super) scalar: Vec<u8>,
    pub(super) point: Vec<u8>,
}

impl EcKey {
    /// A new key.
    pub(super) fn generate(curve: Curve, rng: &mut ChaCha20Rng) -> EcKey {
        match curve {
            Curve::P224 => Self::of(curve, &SecretKey::<p224::NistP224>::random(rng)),
            Curve::P256 => Self::of(curve, &SecretKey::<p256::NistP256>::random(rng)),
            Curve::P384 => Self::of(curve, &SecretKey::<p384::NistP384>::random(rng)),
            Curve::P521 => Self::of(curve, &SecretKey::<p521::NistP521>::random(rng)),
        }
    }

    /// The key of a scalar; none when the scalar is not one of the curve.
    pub(super) fn from_scalar(curve: Curve, scalar: &[u8]) -> Option<EcKey> {
        Some(match curve {
            Curve::P224 => Self::of(curve, &SecretKey::<p224::NistP224>::from_slice(scalar).ok()?),
            Curve::P256 => Self::of(curve, &SecretKey::<p256::NistP256>::from_slice(scalar).ok()?),
            Curve::P384 => Self::of(curve, &SecretKey::<p384::NistP384>::from_slice(scalar).ok()?),
            Curve::P521 => Self::of(curve, &SecretKey::<p521::NistP521>::from_slice(scalar).ok()?),
        })
    }

    fn of<C>(curve: Curve, secret: &SecretKey<C>) -> EcKey
    where
        C: CurveArithmetic,
        AffinePoint<C>: FromEncodedPoint<C> + ToEncodedPoint<C>,
        FieldBytesSize<C>: ModulusSize,
        p256::elliptic_curve::ProjectivePoint<C>: MulByGenerator,
    {
        let point = secret.public_key().to_encoded_point(false).as_bytes().to_vec();
        EcKey { curve, scalar: secret.to_bytes().to_vec(), point }
    }
}
