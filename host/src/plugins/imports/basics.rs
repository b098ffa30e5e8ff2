//! Imports that are always there and reach nothing: log, time, chance, settings, texts.

use fluent_bundle::{FluentArgs, FluentValue};
use rand::RngCore;
use wasmtime::Result;

use crate::plugins::call::{Call, Line, answer};
use crate::plugins::configuration::ConfigValue;
use crate::plugins::contract::{clock, config, i18n, log, random};

impl log::Host for Call {
    async fn write(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) -> Result<()> {
        self.meter.host_call()?;
        let size = fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + message.len();
        if self.meter.log(size) {
            self.lines.push(Line { level, message, fields });
        } else {
            self.dropped_lines += 1;
        }
        Ok(())
    }
}

impl clock::Host for Call {
    async fn now(&mut self) -> Result<u64> {
        self.meter.host_call()?;
        Ok(self.job.now.0 as u64)
    }

    async fn monotonic_ns(&mut self) -> Result<u64> {
        answer!(self, "clock.monotonic-ns", self.begun.elapsed().as_nanos() as u64)
    }
}

impl random::Host for Call {
    async fn bytes(&mut self, len: u32) -> Result<Vec<u8>> {
        self.meter.random(len as usize)?;
        answer!(self, "random.bytes", {
            let mut bytes = vec![0; len as usize];
            self.chance()?.fill_bytes(&mut bytes);
            bytes
        })
    }

    async fn number(&mut self) -> Result<u64> {
        answer!(self, "random.number", self.chance()?.next_u64())
    }
}

impl config::Host for Call {
    async fn get(&mut self, key: String) -> Result<Option<config::Value>> {
        answer!(self, "config.get", self.job.installation.config.get(&key).and_then(value))
    }

    async fn all(&mut self) -> Result<Vec<(String, config::Value)>> {
        answer!(self, "config.all", {
            let settings = self.job.installation.config.open();
            settings.filter_map(|(key, setting)| Some((key.to_owned(), value(setting)?))).collect::<Vec<_>>()
        })
    }
}

/// A setting's value; none for secrets, which guests never see.
fn value(setting: &ConfigValue) -> Option<config::Value> {
    Some(match setting {
        ConfigValue::Text(text) => config::Value::Text(text.clone()),
        ConfigValue::Int(int) => config::Value::Int(*int),
        ConfigValue::Float(float) => config::Value::Float(*float),
        ConfigValue::Flag(flag) => config::Value::Flag(*flag),
        ConfigValue::Items(items) => config::Value::Items(items.clone()),
        ConfigValue::Sealed { .. } => return None,
    })
}

impl i18n::Host for Call {
    async fn t(&mut self, locale: String, key: String, args: Vec<(String, i18n::Argument)>) -> Result<String> {
        answer!(self, "i18n.t", {
            let mut named = FluentArgs::new();
            for (name, argument) in args {
                let argument = match argument {
                    i18n::Argument::Text(text) => FluentValue::from(text),
                    i18n::Argument::Number(number) => FluentValue::from(number),
                };
                named.set(name, argument);
            }
            let texts = &self.job.package.artifact.texts;
            texts.say(&locale, &key, Some(&named)).unwrap_or(key)
        })
    }
}
