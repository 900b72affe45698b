//! When a certificate is valid: as much of X.509 (RFC 5280, 4.1) as it takes to find that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::time::{Utc, Wall, Zone};

/// How long before its end a certificate should be renewed.
const SOON: Duration = Duration::from_hours(7 * 24);

/// What is wrong with the time of a certificate, if anything. One that cannot be read has no complaint: clients will
/// have theirs.
pub(crate) fn complaint(certificate: &[u8], now: SystemTime) -> Option<String> {
    let (from, until) = times(certificate)?;
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    let now = i64::try_from(now.as_secs()).ok()?;
    if now >= until {
        return Some(format!("expired on {}: renew it, browsers refuse it", day(until)));
    }
    if now < from {
        return Some(format!("is valid from {} on only: until then browsers refuse it", day(from)));
    }
    let soon = i64::try_from(SOON.as_secs()).ok()?;
    (until - now < soon).then(|| format!("expires on {}: renew it", day(until)))
}

fn day(seconds: i64) -> String {
    let it = Utc.civil(Wall::from_seconds(seconds));
    format!("{:04}-{:02}-{:02}", it.year, it.month, it.day)
}

/// The first and the last second of a certificate.
fn times(certificate: &[u8]) -> Option<(i64, i64)> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    // The version is there unless it is the first one.
    if let (0xa0, _, after) = element(rest)? {
        rest = after;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (_, validity, _) = element(rest)?;
    let (kind, from, rest) = element(validity)?;
    let from = moment(kind, from)?;
    let (kind, until, _) = element(rest)?;
    Some((from, moment(kind, until)?))
}

/// An element in DER: its tag, its content, and what comes after it (X.690, 8.1).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7f);
        if count > 4 {
            return None;
        }
        let (digits, after) = rest.split_at_checked(count)?;
        length = digits.iter().fold(0, |sum, it| (sum << 8) | usize::from(*it));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// A moment as certificates write it: `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn moment(kind: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match kind {
        0x17 => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        0x18 => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day) = (part(0)?, part(2)?);
    // Days since the epoch: years are counted from March, so that the leap day is the last of its year.
    let (march_year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * march_year + march_year.div_euclid(4) - march_year.div_euclid(100)
        + march_year.div_euclid(400)
        + (153 * march_month + 2) / 5
        + day
        - 1
        - 719_468;
    Some(days * 86_400 + part(4)? * 3600 + part(6)? * 60 + part(8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_certificates_write_it() {
        assert_eq!(moment(0x17, b"700101000000Z"), Some(0));
        assert_eq!(moment(0x17, b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(moment(0x18, b"20000229000000Z"), Some(951_782_400));
        assert_eq!(moment(0x18, b"21000301000000Z"), Some(4_107_542_400));
        for wrong in [&b"7001010000Z"[..], b"700101000000", b"", b"Z", b"\xff"] {
            assert_eq!(moment(0x17, wrong), None);
        }
    }

    #[test]
    fn a_certificate_out_of_its_time_is_complained_of() {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;
        let pem = include_bytes!("../tests/certificate.pem");
        let certificate = CertificateDer::from_pem_slice(pem).unwrap();
        let (from, until) = times(&certificate).unwrap();
        // A hundred years, as `openssl x509 -dates` has it.
        assert_eq!(until - from, 36_500 * 86_400);
        let said = |seconds: i64| {
            let since = Duration::from_secs(u64::try_from(seconds).unwrap());
            complaint(&certificate, UNIX_EPOCH + since)
        };
        assert_eq!(said(from), None);
        let (first, last) = (day(from), day(until));
        assert_eq!(
            said(from - 1),
            Some(format!("is valid from {first} on only: until then browsers refuse it"))
        );
        assert_eq!(said(until - 86_400), Some(format!("expires on {last}: renew it")));
        assert_eq!(said(until), Some(format!("expired on {last}: renew it, browsers refuse it")));
    }

    #[test]
    fn what_is_no_certificate_has_no_times() {
        for wrong in [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x85", b"\x30\x02\x30\x00"] {
            assert_eq!(times(wrong), None);
            assert_eq!(complaint(wrong, SystemTime::now()), None);
        }
    }
}
