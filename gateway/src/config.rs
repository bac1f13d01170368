//! The configuration file: many rings, one process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer, de};

use crate::export::Export;
use crate::import::Import;
use crate::names::Name;
use crate::session::Link;

/// What one process exports and imports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Endpoints to listen at.
    #[serde(default)]
    pub listen: Vec<String>,
    /// Endpoints to connect to.
    #[serde(default)]
    pub connect: Vec<String>,
    /// File with a configuration of Zenoh.
    pub zenoh_config: Option<PathBuf>,
    /// File for metrics in Prometheus's text format.
    pub metrics: Option<PathBuf>,
    /// Whether a parent process holds what is exported as `reliable`, and starts the gateway anew when it ends.
    #[serde(default)]
    pub keeper: bool,
    /// Patterns of the names that may be imported; `None`: all.
    pub allow: Option<Vec<String>>,
    /// Rings that are exported.
    #[serde(default, rename = "export")]
    pub exports: Vec<Export>,
    /// Rings that are imported.
    #[serde(default, rename = "import")]
    pub imports: Vec<Import>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// If the file can't be read, or a setting is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let config: Self = toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        config.check().with_context(|| format!("in {}", path.display()))?;
        Ok(config)
    }

    /// Checks all settings, alone and together.
    ///
    /// # Errors
    /// If there is nothing to do, a value is wrong, an import isn't allowed, or two settings contradict each other.
    pub fn check(&self) -> Result<()> {
        ensure!(
            !self.exports.is_empty() || !self.imports.is_empty(),
            "nothing to export or import: add an [[export]] or an [[import]]"
        );
        for export in &self.exports {
            Name::new(&export.name)?;
            export.check().with_context(|| format!("export of {}", export.name))?;
            let twins = self.exports.iter().filter(|other| other.name == export.name).count();
            ensure!(
                twins == 1,
                "{} rings are exported as {}: give each a name of its own",
                twins,
                export.name
            );
        }
        for import in &self.imports {
            let name = Name::new(&import.name)?;
            import.check().with_context(|| format!("import of {}", import.name))?;
            if let Some(patterns) = &self.allow {
                ensure!(
                    name.is_allowed_by(patterns)?,
                    "import of {}, which `allow` = {patterns:?} doesn't include: add a pattern, or remove the import",
                    import.name
                );
            }
            let twins = self.imports.iter().filter(|other| other.ring == import.ring).count();
            ensure!(
                twins == 1,
                "{} imports write {}: give each a ring of its own",
                twins,
                import.ring.display()
            );
            ensure!(
                self.exports.iter().all(|export| export.ring != import.ring || export.name != import.name),
                "{} is exported and imported under one name: a mirror gets another name if it is exported on",
                import.ring.display()
            );
        }
        Ok(())
    }

    /// How the process is connected. The default is loopback.
    pub fn link(&self) -> Link {
        let (mut listen, mut connect) = (self.listen.clone(), self.connect.clone());
        if listen.is_empty() && connect.is_empty() && self.zenoh_config.is_none() {
            let ours = if self.exports.is_empty() { &mut connect } else { &mut listen };
            ours.push(crate::session::LOOPBACK.into());
        }
        Link { listen, connect, zenoh_config: self.zenoh_config.clone() }
    }
}

/// Reads a time such as `5s`.
pub(crate) fn duration<'d, D: Deserializer<'d>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_duration(&text)
        .map_err(|error| de::Error::custom(format!("time {text:?}: {error}: expected one such as \"5s\"")))
}

/// Reads a time that may be left out.
pub(crate) fn some_duration<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

/// Reads permissions such as `"0640"`.
pub(crate) fn octal<'d, D: Deserializer<'d>>(from: D) -> Result<u32, D::Error> {
    let text = String::deserialize(from)?;
    parse_mode(&text).map_err(de::Error::custom)
}

/// Parses permissions in octal.
///
/// # Errors
/// If the text isn't octal, or the gateway couldn't read and write the file.
pub fn parse_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 && mode & 0o600 == 0o600 => Ok(mode),
        _ => Err(format!(
            "mode {text:?}: expected octal permissions by which the gateway can read and write, such as 0640"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    const EXAMPLE: &str = r#"
        listen = ["tcp/10.0.0.1:7447"]
        metrics = "/run/ringway/gateway.prom"
        allow = ["desk/**"]

        [[export]]
        ring = "/dev/shm/quotes"
        name = "desk/quotes"
        policy = "history"
        window = 256

        [[export]]
        ring = "/dev/shm/orders"
        name = "desk/orders"
        sinks = 2
        forget-after = "10min"

        [[import]]
        name = "desk/fills"
        ring = "/dev/shm/fills"
        link-lost-after = "2s"
        mode = "0640"
    "#;

    fn check(text: &str) -> Result<Config> {
        let config: Config = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn a_file_says_all_that_options_say() {
        let config = check(EXAMPLE).unwrap();
        let [quotes, orders] = &config.exports[..] else { panic!("two exports") };
        assert_eq!((quotes.policy, quotes.window), (Policy::History, Some(256)));
        assert_eq!((orders.policy, orders.sinks), (Policy::Reliable, 2));
        assert_eq!(orders.forget_after, Some(Duration::from_secs(600)));
        let [fills] = &config.imports[..] else { panic!("one import") };
        assert_eq!(
            (fills.link_lost_after, fills.mode, fills.replace),
            (Duration::from_secs(2), 0o640, false)
        );
    }

    #[test]
    fn the_example_and_the_guides_file_are_read() {
        let guide = include_str!("../../docs/guide/gateway.md");
        let (_, block) = guide.split_once("```toml\n").unwrap();
        let (block, _) = block.split_once("```").unwrap();
        for text in [include_str!("../deploy/gateway.toml"), block] {
            let config = check(text).unwrap();
            assert!(config.keeper && config.metrics.is_some() && config.allow.is_some(), "{config:?}");
            assert!(!config.exports.is_empty() && !config.imports.is_empty(), "{config:?}");
        }
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for (right, wrong) in [
            ("listen =", "listens ="),
            ("window = 256", "windows = 256"),
            (r#""history""#, r#""historic""#),
            (r#""2s""#, r#""2 parsecs""#),
            (r#""0640""#, r#""0999""#),
            (r#""desk/fills""#, r#""desk/*""#),
        ] {
            assert!(EXAMPLE.contains(right));
            assert!(check(&EXAMPLE.replace(right, wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_that_a_gateway_cant_do_with_are_refused() {
        for (right, wrong, why) in [
            ("sinks = 2", "sinks = 0", "expected 1 to 64"),
            ("sinks = 2", "sinks = 65", "expected 1 to 64"),
            ("window = 256", "window = 0", "expected at least 1"),
            ("window = 256", "in-flight = 0", "expected at least 1"),
            (r#""10min""#, r#""900ms""#, "expected at least 1s"),
            (r#""2s""#, r#""900ms""#, "expected at least 1s"),
            (r#""0640""#, r#""0440""#, "expected"),
        ] {
            assert!(EXAMPLE.contains(right));
            let refused = check(&EXAMPLE.replace(right, wrong)).unwrap_err();
            assert!(format!("{refused:#}").contains(why), "{wrong}: {refused:#}");
        }
    }

    #[test]
    fn an_import_that_isnt_allowed_is_refused() {
        let wrong = check(&EXAMPLE.replace("desk/**", "floor/**")).unwrap_err().to_string();
        assert!(wrong.contains("doesn't include"), "{wrong}");
    }

    #[test]
    fn a_name_is_exported_once() {
        assert!(check(&EXAMPLE.replace("desk/orders", "desk/quotes")).is_err());
    }

    #[test]
    fn a_process_that_is_told_nothing_stays_on_loopback() {
        let config = check(&EXAMPLE.replace("tcp/10.0.0.1:7447", "tcp/0.0.0.0:1")).unwrap();
        assert_eq!(config.link().listen, ["tcp/0.0.0.0:1"]);
        let exports = Config { listen: Vec::new(), ..config.clone() };
        assert_eq!(exports.link().listen, [crate::session::LOOPBACK]);
        let imports = Config { listen: Vec::new(), exports: Vec::new(), ..config };
        assert_eq!(
            (imports.link().listen, imports.link().connect),
            (vec![], vec![crate::session::LOOPBACK.into()])
        );
    }
}
