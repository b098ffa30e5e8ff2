//! Times as the REST API writes them: RFC 3339, in UTC, with milliseconds.

use crate::Timestamp;

const DAY: u64 = 86_400_000;

/// A time as text, such as `2026-07-05T09:30:00.000Z`.
pub fn format(time: Timestamp) -> String {
    let (year, month, day) = date(time / DAY);
    let of_day = time % DAY;
    let [hour, minute, second] = [of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60];
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

/// Reads a time, from 1970 to 9999, in any zone; finer than a millisecond is cut off.
pub fn parse(text: &str) -> Option<Timestamp> {
    let number = |range: std::ops::Range<usize>| -> Option<u64> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let between = |index: usize, allowed: &str| text[index..].starts_with(|found| allowed.contains(found));
    let [year, month, day] = [number(0..4)?, number(5..7)?, number(8..10)?];
    let [hour, minute, second] = [number(11..13)?, number(14..16)?, number(17..19)?];
    let separated = between(4, "-") && between(7, "-") && between(10, "Tt ") && between(13, ":") && between(16, ":");
    let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60 && year >= 1970;
    if !separated || !in_range || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let (millis, zone) = fraction(&text[19..])?;
    let local = days(year, month, day) * DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + millis;
    local.checked_add_signed(-offset(zone)?)
}

/// Milliseconds of a fraction such as `.25`, and what comes after it.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
    let millis = format!("{:0<3.3}", &rest[..end]).parse().ok()?;
    Some((millis, &rest[end..]))
}

/// Milliseconds by which a zone such as `+02:00` is ahead.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) =
        zone.strip_prefix('+').map(|rest| (1, rest)).or(zone.strip_prefix('-').map(|rest| (-1, rest)))?;
    let (hours, minutes) = rest.split_once(':')?;
    let part = |text: &str, end: i64| -> Option<i64> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number < end)
    };
    Some(sign * (part(hours, 24)? * 3_600_000 + part(minutes, 60)? * 60_000))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of 1970 to that of a year.
fn days_before(year: u64) -> u64 {
    let passed = year - 1;
    passed * 365 + passed / 4 - passed / 100 + passed / 400 - 719_162
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    days_before(year) + (1..month).map(|month| days_in(year, month)).sum::<u64>() + day - 1
}

/// Year, month and day of a day since 1970.
fn date(day: u64) -> (u64, u64, u64) {
    // 400 years have 146,097 days; one too many is mended.
    let mut year = 1970 + day * 400 / 146_097;
    while days_before(year + 1) <= day {
        year += 1;
    }
    while days_before(year) > day {
        year -= 1;
    }
    let mut rest = day - days_before(year);
    let mut month = 1;
    while rest >= days_in(year, month) {
        rest -= days_in(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_again() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(format(time), text);
            assert_eq!(parse(text), Some(time));
        }
        for day in (0..400_000).step_by(97) {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn zones_and_fractions_are_understood() {
        let noon = parse("2026-07-05T12:00:00Z");
        assert_eq!(parse("2026-07-05t14:00:00.0+02:00"), noon);
        assert_eq!(parse("2026-07-05T08:30:00.000000-03:30"), noon);
        assert_eq!(parse("1970-01-01T00:00:00.1239Z"), Some(123));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in [
            "",
            "soon",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+2:00",
            "2026-01-01 00:00",
            "1969-12-31T23:59:59Z",
            "ü026-01-01T00:00:00Z",
            "2026-01-01T00:00:00ü",
            "1970-01-01T00:00:00+01:00",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
