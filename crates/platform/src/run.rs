//! Running other programs: `ssh` and `kubectl`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// The most that is kept of a program's output, in bytes.
const MOST_OUTPUT: u64 = 256 << 20;

/// Where a program's output goes.
#[derive(Debug, Default)]
pub enum Streams {
    /// Both are kept.
    #[default]
    Kept,
    /// Standard output is kept, standard error is passed on to ours.
    ErrorsPassed,
    /// Both are passed on to our standard error, which is where progress goes.
    Passed,
    /// Standard output is written to a file, standard error is kept.
    ToFile(File),
    /// The program has our terminal.
    Interactive,
}

/// A program to run.
#[derive(Debug, Default)]
pub struct Invocation {
    /// Its name or path.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Additions to its environment.
    pub env: Vec<(OsString, OsString)>,
    /// What it reads; nothing if left out.
    pub stdin: Option<Vec<u8>>,
    /// Where its output goes.
    pub streams: Streams,
    /// How long it may take.
    pub limit: Option<Duration>,
    /// It changes nothing, so that the first Ctrl-C may end it. Others are let finish.
    pub reads_only: bool,
}

impl Invocation {
    /// A program with arguments.
    pub fn new<T: Into<OsString>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = T>) -> Self {
        Invocation {
            program: program.as_ref().to_owned(),
            args: args.into_iter().map(Into::into).collect(),
            ..Invocation::default()
        }
    }

    /// Its name and arguments as a shell would be given them, for people.
    pub fn line(&self) -> String {
        crate::quote::line(
            std::iter::once(&self.program).chain(&self.args).map(|word| word.to_string_lossy()),
        )
    }
}

/// Why a program was ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It took longer than it may.
    TooLong,
    /// The person asked for it.
    Stopped,
}

/// How a program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote, where that was kept.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, where that was kept.
    pub stderr: Vec<u8>,
    /// Why it was ended, if it was.
    pub cut: Option<Cut>,
}

impl Finished {
    /// Whether it did what it was to do.
    pub fn ok(&self) -> bool {
        self.code == Some(0) && self.cut.is_none()
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The end of what it said on standard error, and how it ended.
    pub fn reason(&self) -> String {
        let said = String::from_utf8_lossy(&self.stderr);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(20)..].join("\n");
        let how = match (self.cut, self.code) {
            (Some(Cut::TooLong), _) => "it took too long".to_owned(),
            (Some(Cut::Stopped), _) => "it was stopped".to_owned(),
            (None, Some(code)) => format!("it ended with code {code}"),
            (None, None) => "a signal ended it".to_owned(),
        };
        if last.is_empty() { how } else { format!("{how}. It said:\n{last}") }
    }
}

/// How far the person wants to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    #[default]
    No,
    /// What is under way is to finish, nothing else begins.
    Finish,
    /// At once.
    Now,
}

/// A program that runs beside this one until it is dropped.
pub trait Background {
    /// Whether it has ended, and what it said.
    fn ended(&mut self) -> Option<Finished>;
}

/// Runs programs.
pub trait Runner: Sync {
    /// Runs a program to its end.
    fn run(&self, invocation: Invocation) -> io::Result<Finished>;
    /// Starts a program that is ended when what comes back is dropped.
    fn start(&self, invocation: Invocation) -> io::Result<Box<dyn Background>>;
    /// How far the person wants to stop.
    fn stop(&self) -> Stop;
    /// Waits; shorter when the person wants to stop.
    fn sleep(&self, duration: Duration);
}

/// Runs programs of this computer.
pub struct SystemRunner {
    stop: Arc<dyn Fn() -> Stop + Send + Sync>,
}

impl SystemRunner {
    /// A runner that asks how far to stop.
    pub fn new(stop: impl Fn() -> Stop + Send + Sync + 'static) -> Self {
        SystemRunner { stop: Arc::new(stop) }
    }
}

fn command(invocation: &mut Invocation) -> Command {
    let mut command = Command::new(&invocation.program);
    command.args(&invocation.args).envs(invocation.env.iter().map(|(name, value)| (name, value)));
    let (input, out, error) = match std::mem::take(&mut invocation.streams) {
        Streams::Kept => (Stdio::null(), Stdio::piped(), Stdio::piped()),
        Streams::ErrorsPassed => (Stdio::null(), Stdio::piped(), Stdio::inherit()),
        Streams::Passed => (Stdio::null(), Stdio::from(io::stderr()), Stdio::inherit()),
        Streams::ToFile(file) => (Stdio::null(), Stdio::from(file), Stdio::piped()),
        Streams::Interactive => {
            command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
            return command;
        }
    };
    command.stdin(if invocation.stdin.is_some() { Stdio::piped() } else { input });
    command.stdout(out).stderr(error);
    // A group of its own: Ctrl-C in the terminal reaches this program, which decides.
    command.process_group(0);
    command
}

/// Ends a program and what it started.
fn kill(child: &mut Child) {
    if matches!(child.try_wait(), Ok(Some(_))) {
        // Its number may be another program's by now.
        return;
    }
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself meanwhile.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(GLANCE);
        }
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads a stream to its end beside.
fn gather(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // What came before an error counts.
            let _ = stream.take(MOST_OUTPUT).read_to_end(&mut bytes);
        }
        bytes
    })
}

fn feed(child: &mut Child, input: Option<Vec<u8>>) {
    if let (Some(bytes), Some(mut pipe)) = (input, child.stdin.take()) {
        std::thread::spawn(move || {
            // A program that does not read all says itself what is wrong.
            let _ = pipe.write_all(&bytes);
        });
    }
}

impl Runner for SystemRunner {
    fn run(&self, mut invocation: Invocation) -> io::Result<Finished> {
        let interactive = matches!(invocation.streams, Streams::Interactive);
        let mut child = command(&mut invocation).spawn()?;
        feed(&mut child, invocation.stdin.take());
        let (stdout, stderr) = (gather(child.stdout.take()), gather(child.stderr.take()));
        let begun = Instant::now();
        let mut cut = None;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            let stop = (self.stop)();
            // What has the terminal hears of Ctrl-C itself.
            if !interactive && (stop == Stop::Now || stop == Stop::Finish && invocation.reads_only) {
                cut = Some(Cut::Stopped);
            } else if invocation.limit.is_some_and(|limit| begun.elapsed() > limit) {
                cut = Some(Cut::TooLong);
            }
            if cut.is_some() {
                kill(&mut child);
                break None;
            }
            std::thread::sleep(GLANCE);
        };
        let join = |thread: std::thread::JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
        Ok(Finished {
            code: status.and_then(|status| status.code()),
            stdout: join(stdout),
            stderr: join(stderr),
            cut,
        })
    }

    fn start(&self, mut invocation: Invocation) -> io::Result<Box<dyn Background>> {
        let mut child = command(&mut invocation).spawn()?;
        feed(&mut child, invocation.stdin.take());
        let stderr = Some(gather(child.stderr.take()));
        drop(child.stdout.take());
        Ok(Box::new(Beside { child, stderr }))
    }

    fn stop(&self) -> Stop {
        (self.stop)()
    }

    fn sleep(&self, duration: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < duration && (self.stop)() == Stop::No {
            std::thread::sleep(GLANCE.min(duration));
        }
    }
}

struct Beside {
    child: Child,
    stderr: Option<std::thread::JoinHandle<Vec<u8>>>,
}

impl Background for Beside {
    fn ended(&mut self) -> Option<Finished> {
        let status = self.child.try_wait().ok().flatten()?;
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Some(Finished { code: status.code(), stderr, ..Finished::default() })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}
