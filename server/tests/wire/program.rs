//! Starts and stops the server program.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::support::{browser::Browser, stub::Stub};

/// How many times a condition is checked, at 50 ms intervals, before a test fails.
const MAX_CHECKS: usize = 600;

/// A running server with its own data folder.
pub struct Program {
    pub origin: String,
    pub data_dir: PathBuf,
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// Creates a folder that no other test uses; it is removed with the program.
pub fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("vestibule-wire-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The command of the program with only these settings.
pub fn command(data_dir: &PathBuf, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command
        .env_clear()
        .env("LEPTOS_OUTPUT_NAME", "vestibule")
        .env("LEPTOS_SITE_ROOT", data_dir)
        .env("VESTIBULE_DATA_DIR", data_dir)
        .env("VESTIBULE_LISTEN", "127.0.0.1:0")
        .env("VESTIBULE_PUBLIC_URL", "http://127.0.0.1")
        // Many users log in from one address here.
        .env("VESTIBULE_LOGIN__ATTEMPTS_PER_MINUTE_PER_ADDRESS", "0")
        .envs(variables.iter().copied())
        .current_dir(data_dir)
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = folder();
    let output = command(&folder, variables).args(arguments).output().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    output
}

impl Program {
    /// Starts the server in front of `stub` and waits until it is ready.
    pub async fn start(stub: &Stub) -> Self {
        Self::with(&[("VESTIBULE_API__URL", &stub.url())]).await
    }

    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self::configured("", variables).await
    }

    /// Starts with `settings` as its `vestibule.toml`.
    pub async fn configured(settings: &str, variables: &[(&str, &str)]) -> Self {
        let data_dir = folder();
        std::fs::write(data_dir.join("vestibule.toml"), settings).unwrap();
        // The port has to be known in advance, since it is part of the public URL.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let origin = format!("http://127.0.0.1:{port}");
        let listen = format!("127.0.0.1:{port}");
        let own = [("VESTIBULE_PUBLIC_URL", origin.as_str()), ("VESTIBULE_LISTEN", &listen)];
        let mut command = command(&data_dir, &[&own[..], variables].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let reader = follow(child.stdout.take().unwrap(), Arc::clone(&log));
        let mut program = Self { origin, data_dir, child, log, reader: Some(reader) };
        program.wait_until_ready().await;
        program
    }

    /// The address on which the server listens.
    pub fn address(&self) -> &str {
        self.origin.strip_prefix("http://").unwrap()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    async fn wait_until_ready(&mut self) {
        for _ in 0..MAX_CHECKS {
            if tokio::net::TcpStream::connect(self.address()).await.is_ok() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server has exited: {}", self.log.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not respond");
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// A browser that has logged in through the server function.
    pub async fn logged_in(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        let fields = [("email", email), ("password", crate::support::stub::PASSWORD), ("return_to", "/")];
        let response = browser.post_form("/api/login", &fields).await;
        assert_eq!(response.status, 200, "{response:?}");
        browser
    }

    /// Sends the signal to stop.
    pub fn terminate(&self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Kills the server, like a crash.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until the server exits, and returns the exit code and the whole log.
    pub async fn exited(mut self) -> (Option<i32>, String) {
        let status = self.wait().await;
        self.reader.take().unwrap().join().unwrap();
        let log = self.log.lock().unwrap().clone();
        (status.code(), log)
    }

    async fn wait(&mut self) -> ExitStatus {
        for _ in 0..MAX_CHECKS {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not exit");
    }

    /// Stops the server and returns its log.
    pub async fn stop(self) -> String {
        self.terminate();
        let (code, log) = self.exited().await;
        assert_eq!(code, Some(0), "{log}");
        log
    }

    /// Waits for a log line that contains `text`.
    pub async fn logged(&self, text: &str) -> String {
        for _ in 0..MAX_CHECKS {
            let found = self.log.lock().unwrap().lines().find(|line| line.contains(text)).map(str::to_owned);
            if let Some(line) = found {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no line contains {text}: {}", self.log.lock().unwrap());
    }
}

/// Collects what the server prints.
fn follow(stdout: ChildStdout, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let mut log = log.lock().unwrap();
            log.push_str(&line.unwrap());
            log.push('\n');
        }
    })
}

impl Drop for Program {
    fn drop(&mut self) {
        // In tests that wait for it, it has already exited; a leftover folder does no harm.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}
