//! The server's settings: defaults, overridden by `vestibule.toml`, overridden by `VESTIBULE_*` variables.

mod server;
mod source;

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::Url;
use vestibule::{
    config::{ApiConfig, Config, ConfigError, LoginConfig, ProxyConfig, SessionConfig},
    contract::Contract,
};

pub(crate) use self::server::ServerSettings;
use self::source::Source;
use crate::{dispatch::PageSettings, security_headers::HstsSettings};

/// The settings file that is read by default.
const DEFAULT_FILE: &str = "vestibule.toml";
/// The prefix of the variables' names.
const PREFIX: &str = "VESTIBULE_";
/// Variables with this prefix that are not settings.
const NOT_SETTINGS: [&str; 3] = ["bin", "check_password", "log"];

/// All settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The address and port to listen on.
    pub(crate) listen: SocketAddr,
    /// The origin that users see in the address bar; unset: `http://` and the listening address.
    pub(crate) public_url: Option<Url>,
    /// The folder of the session key and of the demo API's data.
    pub(crate) data_dir: PathBuf,
    /// The number of server threads; 0 is one per core.
    pub(crate) threads: usize,
    /// Timeouts and limits of client connections.
    pub(crate) server: ServerSettings,
    /// The API's address and contract.
    pub(crate) api: ApiConfig,
    /// The limits of login attempts.
    pub(crate) login: LoginConfig,
    /// The session's lifetime and keys.
    pub(crate) session: SessionConfig,
    /// The proxy to the API.
    pub(crate) proxy: ProxyConfig,
    /// The demo API that runs when no `api.url` is set.
    pub(crate) demo: DemoSettings,
    /// The optional features of the API that the pages use.
    pub(crate) app: AppSettings,
    /// The external sources that pages may use.
    pub(crate) csp: app::Csp,
    /// How long browsers must use https.
    pub(crate) hsts: HstsSettings,
}

/// `[app]`: optional features of the API that the app's pages use, beyond the contract. The demo API has all of them; for
/// other APIs they are off by default.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AppSettings {
    /// Whether the API sends server-sent events of changed notes at `/events`; unset: whether the contract is `demo`.
    pub(crate) events: Option<bool>,
    /// Whether notes have files at `/notes/{id}/attachments`; unset: whether the contract is `demo`.
    pub(crate) attachments: Option<bool>,
}

/// `[demo]`: the demo API that runs when no `api.url` is set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DemoSettings {
    /// How long its access tokens last, in seconds.
    pub(crate) access_token_lifetime: u64,
    /// How long its refresh tokens last, in seconds.
    pub(crate) refresh_token_lifetime: u64,
}

impl Default for DemoSettings {
    fn default() -> Self {
        Self { access_token_lifetime: 15 * 60, refresh_token_lifetime: 30 * 24 * 60 * 60 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            public_url: None,
            data_dir: PathBuf::from("data"),
            threads: 0,
            server: ServerSettings::default(),
            api: ApiConfig::default(),
            login: LoginConfig::default(),
            session: SessionConfig::default(),
            proxy: ProxyConfig::default(),
            demo: DemoSettings::default(),
            app: AppSettings::default(),
            csp: app::Csp::default(),
            hsts: HstsSettings::default(),
        }
    }
}

/// The settings are not valid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the settings file {0} does not exist: name another with --config, or omit the option")]
    Missing(PathBuf),
    #[error("{0}")]
    Read(String),
    #[error(transparent)]
    Value(#[from] ConfigError),
}

impl Settings {
    /// Reads the file and the variables.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        if let Some(file) = file
            && !file.is_file()
        {
            return Err(SettingsError::Missing(file.into()));
        }
        Self::read(file.unwrap_or(Path::new(DEFAULT_FILE)), std::env::vars_os())
    }

    fn read(file: &Path, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, SettingsError> {
        let source = Source::read(file, PREFIX, &NOT_SETTINGS, variables).map_err(SettingsError::Read)?;
        let settings: Self = source.extract().map_err(SettingsError::Read)?;
        settings.library()?.validate()?;
        settings.server.validate()?;
        settings.check_demo()?;
        settings.hsts.validate()?;
        Ok(settings)
    }

    /// The library's part.
    pub(crate) fn library(&self) -> Result<Config, ConfigError> {
        Ok(Config {
            public_url: self.public_url()?,
            api: self.api.clone(),
            login: self.login.clone(),
            session: self.session.clone(),
            proxy: self.proxy.clone(),
        })
    }

    /// The API features that the app's pages use.
    pub(crate) fn offers(&self) -> app::Offers {
        let demo = self.api.contract == Contract::default();
        let AppSettings { events, attachments } = self.app;
        app::Offers { events: events.unwrap_or(demo), attachments: attachments.unwrap_or(demo) }
    }

    /// The settings of the pages and their headers.
    pub(crate) fn pages(&self) -> PageSettings {
        PageSettings { offers: self.offers(), csp: self.csp.clone(), hsts: self.hsts }
    }

    /// Rejects a contract without an API URL: the demo API has its own contract.
    fn check_demo(&self) -> Result<(), ConfigError> {
        if self.api.url.is_none() && self.api.contract != Contract::default() {
            return Err(ConfigError::new(
                "api.contract",
                "is set, but `api.url` is not: set `api.url` to the API's base URL",
            ));
        }
        Ok(())
    }

    fn public_url(&self) -> Result<Url, ConfigError> {
        if let Some(url) = &self.public_url {
            return Ok(url.clone());
        }
        if !self.listen.ip().is_loopback() {
            return Err(ConfigError::new(
                "public_url",
                format!(
                    "is missing: `listen` is {}, so other machines can reach this server. Set it to the https:// URL that users open",
                    self.listen
                ),
            ));
        }
        // An address and a port are always a valid URL.
        format!("http://{}", self.listen)
            .parse()
            .map_err(|_| ConfigError::new("listen", "is not an address and port such as 127.0.0.1:3000"))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Variables by name and value.
    type Variables = &'static [(&'static str, &'static str)];

    /// Loads settings from a file's text and variables.
    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("vestibule-settings-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(DEFAULT_FILE);
        fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let result = Settings::read(&path, variables).map_err(|error| error.to_string());
        fs::remove_dir_all(folder).unwrap();
        result
    }

    #[test]
    fn has_defaults_for_everything() {
        let settings = load("", &[]).unwrap();
        assert_eq!(settings.library().unwrap().public_url.as_str(), "http://127.0.0.1:3000/");
        assert_eq!(settings.api.url, None);
    }

    const EXAMPLE: &str = include_str!("../../vestibule.example.toml");

    #[test]
    fn the_example_shows_the_defaults() {
        let shown = toml::Value::try_from(load(EXAMPLE, &[]).unwrap()).unwrap();
        assert_eq!(shown, toml::Value::try_from(Settings::default()).unwrap());
    }

    #[test]
    fn the_example_names_every_key() {
        let shown: toml::Table = EXAMPLE.parse().unwrap();
        let all = toml::Table::try_from(Settings::default()).unwrap();
        for (name, value) in &all {
            let Some(section) = value.as_table() else {
                assert!(shown.contains_key(name), "{name}");
                continue;
            };
            // `[[proxy.routes]]` is commented out.
            for key in section.keys().filter(|key| *key != "routes") {
                assert!(shown[name].get(key).is_some(), "{name}.{key}");
            }
        }
    }

    #[test]
    fn the_commented_out_settings_of_the_example_are_valid() {
        let setting =
            |line: &str| line.starts_with("[[") || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let uncommented =
            EXAMPLE.lines().map(|line| line.strip_prefix("# ").filter(|line| setting(line)).unwrap_or(line));
        let settings = load(&uncommented.collect::<Vec<_>>().join("\n"), &[]).unwrap();
        assert_eq!(settings.proxy.routes.len(), 1);
        assert!(settings.session.revocation.is_some() && settings.app.events == Some(true));
    }

    #[test]
    fn variables_override_the_file() {
        let file = "listen = '127.0.0.1:4001'\n[api]\nurl = 'http://127.0.0.1:1'\ncontract = 'demo'";
        let settings =
            load(file, &[("VESTIBULE_API__URL", "http://127.0.0.1:2"), ("VESTIBULE_API__CONTRACT", "feathers")])
                .unwrap();
        assert_eq!(settings.listen.port(), 4001);
        assert_eq!(settings.api.url.unwrap().as_str(), "http://127.0.0.1:2/");
        assert_eq!(settings.api.contract.login.path, "/authentication");
    }

    #[test]
    fn takes_sources_from_a_list_or_a_variable() {
        let file = "[csp]\nimg_src = ['https://cdn.example', 'https://*.s3.example']";
        let csp = load(file, &[("VESTIBULE_CSP__CONNECT_SRC", "https://a.example, wss://b.example")]).unwrap().csp;
        assert_eq!(csp.img_src.len(), 2);
        assert_eq!(csp.connect_src[1].to_string(), "wss://b.example");
    }

    #[test]
    fn takes_keys_from_a_variable() {
        let key = Key::random(&Random::seeded(1)).to_base64();
        let both = format!("{key},{key}");
        let settings = load("", &[("VESTIBULE_SESSION__KEYS", &both)]).unwrap();
        assert_eq!(settings.session.keys.len(), 2);
    }

    use vestibule::{random::Random, session::Key};

    #[test]
    fn errors_name_the_key_and_the_remedy() {
        let cases: &[(&str, Variables, &[&str])] = &[
            ("[api]\nurll = 'x'", &[], &["`api.urll`", "vestibule.toml", "url"]),
            ("", &[("VESTIBULE_API__URLL", "x")], &["`api.urll`", "VESTIBULE_API__URLL", "url"]),
            ("threads = 1", &[("VESTIBULE_THREADS", "all")], &["`threads`", "VESTIBULE_THREADS"]),
            ("[[proxy.routes]]\nprefix = '/a'\nurll = 1", &[], &["`proxy.routes[0].urll`", "vestibule.toml"]),
            ("[session]\npersistent = 'yes'", &[], &["`session.persistent`", "vestibule.toml"]),
            ("nonsense = 1", &[], &["`nonsense`"]),
            ("", &[("VESTIBULE_API__URL", "not a url")], &["api.url"]),
            ("", &[("VESTIBULE_API__URL", "ftp://127.0.0.1")], &["`api.url`", "http://"]),
            ("", &[("VESTIBULE_API__CONTRACT", "fethers")], &["api.contract", "fethers", "feathers"]),
            ("", &[("VESTIBULE_LISTEN", "3000")], &["listen"]),
            ("", &[("VESTIBULE_LISTEN", "0.0.0.0:3000")], &["`public_url`", "https://"]),
            ("", &[("VESTIBULE_PUBLIC_URL", "http://app.example")], &["`public_url`", "https"]),
            ("", &[("VESTIBULE_SESSION__KEYS", "short")], &["`session.keys`", "keygen"]),
            ("[session]\nidle_lifetime = 'long'", &[], &["session.idle_lifetime"]),
            ("[csp]\nimg_src = [\"https://a.example; script-src *\"]", &[], &["csp.img_src", "https://cdn.example"]),
            ("", &[("VESTIBULE_CSP__CONNECT_SRC", "https: 'unsafe-inline'")], &["csp.connect_src", "is no source"]),
            ("[hsts]\npreload = true", &[], &["`hsts.preload`", "include_subdomains"]),
            ("not toml", &[], &["vestibule.toml, line 1"]),
            ("\n[api", &[], &["vestibule.toml, line 2"]),
        ];
        for (file, variables, parts) in cases {
            let error = load(file, variables).unwrap_err();
            for part in *parts {
                assert!(error.contains(part), "{file} {variables:?}: {error}");
            }
            assert!(!error.contains("short"), "a key must not be printed: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn only_the_demo_api_has_events_and_attachments_by_default() {
        let offers = |file: &str| {
            let app::Offers { events, attachments } = load(file, &[]).unwrap().offers();
            (events, attachments)
        };
        assert_eq!(offers(""), (true, true));
        assert_eq!(offers("app.events = false"), (false, true));
        let other = "[api]\nurl = 'http://127.0.0.1:4000'\ncontract = 'feathers'\n";
        assert_eq!(offers(other), (false, false));
        assert_eq!(offers(&format!("{other}[app]\nattachments = true")), (false, true));
    }

    #[test]
    fn a_named_file_has_to_exist() {
        let error = Settings::load(Some(Path::new("/nonexistent/vestibule.toml"))).unwrap_err();
        assert!(error.to_string().contains("--config"));
    }
}
