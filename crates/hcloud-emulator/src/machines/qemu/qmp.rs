//! Talking to a running qemu, by the protocol of its documentation ("QEMU Machine Protocol"): lines of JSON over a
//! socket.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::machines::tools::ToolError;

/// The socket, in the folder of the machine.
pub(crate) const SOCKET: &str = "qmp";
/// How long qemu may take to answer. In software it does not while it translates.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer lines than any answer to what is asked here.
const LONGEST: u64 = 1 << 20;

/// A connection. qemu has one at a time.
#[derive(Debug)]
pub(crate) struct Qmp {
    lines: BufReader<UnixStream>,
    /// Names of things whose removal was told.
    removed: Vec<String>,
}

impl Qmp {
    /// Connects to the qemu of the machine with this folder.
    ///
    /// # Errors
    /// When it does not run, or does not answer.
    pub(crate) fn connect(folder: &Path) -> Result<Self, ToolError> {
        let failed = || ToolError::file(format!("talking to qemu in {}", folder.display()));
        // A path by way of the open folder: names of sockets may be only 107 bytes long.
        let opened = File::open(folder).map_err(failed())?;
        let path = format!("/proc/self/fd/{}/{SOCKET}", opened.as_raw_fd());
        let stream = UnixStream::connect(path).map_err(failed())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed())?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed())?;
        let mut qmp = Self { lines: BufReader::new(stream), removed: Vec::new() };
        qmp.read()?;
        qmp.run("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Runs a command, and gives what it returns.
    ///
    /// # Errors
    /// When it fails, or qemu goes away.
    pub(crate) fn run(&mut self, command: &str, arguments: Value) -> Result<Value, ToolError> {
        let request = json!({"execute": command, "arguments": arguments});
        writeln!(self.lines.get_mut(), "{request}").map_err(ToolError::file("talking to qemu"))?;
        loop {
            let mut message = self.read()?;
            if let Some(result) = message.get_mut("return") {
                return Ok(result.take());
            }
            if let Some(error) = message.get("error") {
                let said = error["desc"].as_str().unwrap_or_default().to_owned();
                return Err(ToolError::Failed { command: format!("qemu's {command}"), said });
            }
            self.note(&message);
        }
    }

    /// Waits until the removal of a device has been told.
    fn wait_removed(&mut self, device: &str) -> Result<(), ToolError> {
        let end = Instant::now() + PATIENCE;
        while !self.removed.iter().any(|removed| removed == device) {
            if Instant::now() > end {
                return Err(ToolError::Refused("the machine does not give the disk up".to_owned()));
            }
            let message = self.read()?;
            self.note(&message);
        }
        Ok(())
    }

    fn note(&mut self, message: &Value) {
        if message["event"] == "DEVICE_DELETED"
            && let Some(device) = message["data"]["device"].as_str()
        {
            self.removed.push(device.to_owned());
        }
    }

    fn read(&mut self) -> Result<Value, ToolError> {
        let mut line = String::new();
        let read = self.lines.by_ref().take(LONGEST).read_line(&mut line);
        match read.map_err(ToolError::file("listening to qemu"))? {
            0 => Err(ToolError::Refused("qemu has ended".to_owned())),
            _ => serde_json::from_str(&line)
                .map_err(|error| ToolError::Refused(format!("qemu said what is no JSON: {error}"))),
        }
    }

    /// Makes a volume a disk of the machine, as Hetzner's are. Does nothing if it is one.
    ///
    /// # Errors
    /// When qemu cannot.
    pub(crate) fn attach(&mut self, volume: i64, node: &str) -> Result<(), ToolError> {
        let (block, device) = (format!("volume{volume}"), format!("disk{volume}"));
        if !self.has_block(&block)? {
            let file = json!({"driver": "host_device", "filename": node});
            self.run("blockdev-add", json!({"driver": "raw", "node-name": block, "file": file}))?;
        }
        if self.has_device(&device)? {
            return Ok(());
        }
        self.run(
            "device_add",
            json!({
                "driver": "scsi-hd", "id": device, "drive": block, "bus": "scsi0.0",
                "vendor": "HC", "product": "Volume", "serial": volume.to_string(),
            }),
        )
        .map(drop)
    }

    /// Takes a volume away from the machine. Does nothing if it is none of its disks.
    ///
    /// # Errors
    /// When qemu cannot.
    pub(crate) fn detach(&mut self, volume: i64) -> Result<(), ToolError> {
        let (block, device) = (format!("volume{volume}"), format!("disk{volume}"));
        if self.has_device(&device)? {
            self.run("device_del", json!({"id": device}))?;
            self.wait_removed(&device)?;
        }
        if self.has_block(&block)? {
            self.run("blockdev-del", json!({"node-name": block}))?;
        }
        Ok(())
    }

    fn has_block(&mut self, name: &str) -> Result<bool, ToolError> {
        let nodes = self.run("query-named-block-nodes", json!({"flat": true}))?;
        Ok(nodes.as_array().into_iter().flatten().any(|node| node["node-name"] == name))
    }

    fn has_device(&mut self, name: &str) -> Result<bool, ToolError> {
        let devices = self.run("qom-list", json!({"path": "/machine/peripheral"}))?;
        Ok(devices.as_array().into_iter().flatten().any(|device| device["name"] == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A qemu that answers with these lines, one for each that it is told.
    fn qemu(answers: &'static [&'static str]) -> (tempfile::TempDir, std::thread::JoinHandle<Vec<String>>) {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream);
            lines.get_mut().write_all(b"{\"QMP\": {}}\n").unwrap();
            let mut told = Vec::new();
            for answer in std::iter::once(&"{\"return\": {}}\n").chain(answers) {
                let mut line = String::new();
                lines.read_line(&mut line).unwrap();
                told.push(line);
                lines.get_mut().write_all(answer.as_bytes()).unwrap();
            }
            told
        });
        (folder, thread)
    }

    #[test]
    fn a_disk_is_gone_when_the_machine_has_given_it_up() {
        let (folder, thread) = qemu(&[
            "{\"return\": [{\"name\": \"disk7\"}]}\n",
            "{\"return\": {}}\n{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"disk7\"}}\n",
            "{\"event\": \"OTHER\"}\n{\"return\": [{\"node-name\": \"volume7\"}]}\n",
            "{\"return\": {}}\n",
        ]);
        Qmp::connect(folder.path()).unwrap().detach(7).unwrap();
        let told = thread.join().unwrap();
        assert!(told[2].contains("device_del") && told[4].contains("blockdev-del"), "{told:?}");
    }

    #[test]
    fn what_qemu_refuses_is_told_with_its_reason() {
        let (folder, thread) = qemu(&["{\"error\": {\"class\": \"GenericError\", \"desc\": \"no room\"}}\n"]);
        let error = Qmp::connect(folder.path()).unwrap().attach(7, "/dev/loop0").unwrap_err();
        assert_eq!(error.to_string(), "`qemu's query-named-block-nodes` failed: no room");
        thread.join().unwrap();
        assert!(Qmp::connect(&folder.path().join("nowhere")).is_err());
    }
}
