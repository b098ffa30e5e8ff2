//! What a plugin does again and again: five fields as in crontab, in UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::clock::Timestamp;

/// The longest that a schedule may keep one waiting: from one 29 February to the next, past a year without.
const MAX_DAYS: usize = 366 * 8;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// `[[cron]]`: something that is done again and again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cron {
    /// What it is called: the timer's id is `cron:<name>`.
    pub name: String,
    /// When.
    pub schedule: Schedule,
}

/// When something is done again and again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Schedule {
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
}

/// Numbers below 64, and whether they are all that the field could say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set {
    bits: u64,
    any: bool,
}

impl Set {
    fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| self.bits >> number & 1 == 1)
    }

    /// Reads a field: `*`, `5`, `1-5`, `*/15`, `10-40/10`, several with commas between.
    fn parse(field: &str, (low, high): (u32, u32), names: &[&str], first: u32) -> Result<Set, String> {
        let wrong = || format!("`{field}`: numbers from {low} to {high} are wanted");
        let number = |text: &str| -> Result<u32, String> {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            let number = named.map(|at| at as u32 + first).or_else(|| text.parse().ok());
            number.filter(|number| (low..=high).contains(number)).ok_or_else(wrong)
        };
        let mut bits = 0;
        for part in field.split(',') {
            let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let step =
                step.map_or(Ok(1), |step| step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(wrong))?;
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (low, high),
                Some((from, to)) => (number(from)?, number(to)?),
                None if step > 1 => (number(range)?, high),
                None => (number(range)?, number(range)?),
            };
            if from > to {
                return Err(wrong());
            }
            bits |= (from..=to).step_by(step as usize).fold(0, |bits, number| bits | 1_u64 << number);
        }
        Ok(Set { bits, any: field.starts_with('*') })
    }
}

impl TryFrom<String> for Schedule {
    type Error = String;

    fn try_from(text: String) -> Result<Schedule, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err("five fields are wanted: minute, hour, day, month, day of the week".to_owned());
        };
        let mut weekdays = Set::parse(weekdays, (0, 7), &DAYS, 0)?;
        // Sunday is 0 and 7.
        weekdays.bits |= weekdays.bits >> 7 & 1;
        let schedule = Schedule {
            minutes: Set::parse(minutes, (0, 59), &[], 0)?,
            hours: Set::parse(hours, (0, 23), &[], 0)?,
            days: Set::parse(days, (1, 31), &[], 0)?,
            months: Set::parse(months, (1, 12), &MONTHS, 1)?,
            weekdays,
        };
        match schedule.next(Timestamp(0)) {
            Some(_) => Ok(schedule),
            None => Err("there is no such day".to_owned()),
        }
    }
}

impl Schedule {
    /// The next time after a moment.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let moment = jiff::Timestamp::from_millisecond(after.0).ok()?.to_zoned(TimeZone::UTC).datetime();
        let mut date = moment.date();
        let mut earliest = (moment.hour(), moment.minute() + 1);
        for _ in 0..MAX_DAYS {
            if self.is_day(date)
                && let Some((hour, minute)) = self.time_from(earliest)
            {
                let at = date.at(hour, minute, 0, 0).to_zoned(TimeZone::UTC).ok()?;
                return Some(Timestamp(at.timestamp().as_millisecond()));
            }
            date = date.tomorrow().ok()?;
            earliest = (0, 0);
        }
        None
    }

    /// As in crontab: where both kinds of day are said, one of them is enough.
    fn is_day(&self, date: Date) -> bool {
        let day = self.days.has(date.day());
        let weekday = self.weekdays.has(date.weekday().to_sunday_zero_offset());
        let either = !self.days.any && !self.weekdays.any;
        self.months.has(date.month()) && if either { day || weekday } else { day && weekday }
    }

    fn time_from(&self, (hour, minute): (i8, i8)) -> Option<(i8, i8)> {
        (hour..24).filter(|one| self.hours.has(*one)).find_map(|one| {
            let from = if one == hour { minute } else { 0 };
            (from..60).find(|minute| self.minutes.has(*minute)).map(|minute| (one, minute))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(text: &str) -> Result<Schedule, String> {
        text.to_owned().try_into()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn the_next_time_is_as_in_crontab() {
        for (text, after, expected) in [
            ("* * * * *", "2026-01-31T23:59:30Z", "2026-02-01T00:00:00Z"),
            ("*/15 * * * *", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"),
            ("0 9-17/4 * * mon-fri", "2026-01-02T17:00:00Z", "2026-01-05T09:00:00Z"),
            ("30 6 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T06:30:00Z"),
            ("0 0 13 * fri", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("0 0 29 feb *", "2097-01-01T00:00:00Z", "2104-02-29T00:00:00Z"),
            ("5,10 0 1 1,7 *", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"),
            ("59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"),
        ] {
            assert_eq!(schedule(text).unwrap().next(at(after)), Some(at(expected)), "{text}");
        }
    }

    #[test]
    fn what_never_comes_or_says_nothing_is_refused() {
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "x * * * *",
            "1,,2 * * * *",
            "0 0 30 2 *",
            "-1 * * * *",
        ] {
            assert!(schedule(wrong).is_err(), "{wrong}");
        }
    }
}
