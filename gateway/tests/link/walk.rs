//! The walk-through of docs/guide/gateway.md, as it stands there: each of its commands is typed into the shell of its host,
//! a network namespace with shared memory of its own. The link between the hosts is slow and loses packets.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use ringway_gateway::policy::Policy;

use crate::gateway::{PROGRAM, turn};
use crate::reader::{PATIENCE, wait_for};

const PAGE: &str = include_str!("../../../docs/guide/gateway.md");
/// What the page's links are: where the kernel has no netem, a narrow link with a short queue delays and drops, too.
const SHAPES: [&str; 2] = ["netem delay 20ms loss 1%", "tbf rate 256kbit burst 2000 latency 30ms"];

/// A command of the page, and the number of the host on which it is typed.
#[derive(Debug)]
struct Step<'p> {
    host: usize,
    command: &'p str,
}

/// The commands of the section on two hosts. The sentence before a block says on which host it is typed.
fn steps(section: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let parts: Vec<&str> = section.split("```").collect();
    for (text, block) in parts.iter().zip(&parts[1..]).step_by(2) {
        let Some(commands) = block.strip_prefix("sh\n") else {
            panic!("a block that is no command: {block}")
        };
        if commands.starts_with("cargo build") {
            continue;
        }
        let text = text.to_lowercase().replace('\n', " ");
        let text = text.rsplit(". ").next().unwrap();
        let says = |words: [&str; 2]| words.iter().any(|word| text.contains(word));
        let host = match (says(["has the ring", "first"]), says(["other", "second"])) {
            (true, false) => 0,
            (false, true) => 1,
            _ => panic!("on which host is this typed? {text}"),
        };
        steps.extend(commands.lines().map(|command| Step { host, command }));
    }
    steps
}

/// A host: the shell in a namespace of its own for the network, for processes and for /dev/shm.
struct Host {
    shell: Child,
    lines: Receiver<String>,
    namespace: String,
}

impl Host {
    fn new(number: usize, path: &str) -> Result<Self, String> {
        let namespace = format!("rww{number}{}", std::process::id());
        run("ip", &format!("netns add {namespace}"))?;
        let shell = Command::new("ip")
            .args(["netns", "exec", &namespace])
            .args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"])
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut shell = shell.map_err(|error| error.to_string())?;
        let output = BufReader::new(shell.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut host = Self { shell, lines, namespace };
        host.say("mount -t tmpfs tmpfs /dev/shm && ip link set lo up").map(|_| host)
    }

    /// Types a command that ends. What it says; an error if it fails.
    fn say(&mut self, command: &str) -> Result<Vec<String>, String> {
        self.type_in(&format!("{{ {command}; }} 2>&1; echo \"\nended: $?\""))?;
        let mut said = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.map_err(|_| format!("{command} doesn't end; it said {said:?}"))?;
            match line.strip_prefix("ended: ") {
                Some("0") => break,
                Some(status) => return Err(format!("{command}: status {status}: {said:?}")),
                None => said.push(line),
            }
        }
        // The one before the status.
        said.pop();
        Ok(said)
    }

    /// Types a command that stays, and writes to `log`.
    fn leave(&mut self, command: &str, log: &Path) -> Result<(), String> {
        self.type_in(&format!("{command} >{} 2>&1 &", log.display()))
    }

    fn type_in(&mut self, line: &str) -> Result<(), String> {
        let input = self.shell.stdin.as_mut().unwrap();
        writeln!(input, "{line}").map_err(|error| format!("the shell of {}: {error}", self.namespace))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // All its processes end with the shell.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
        let _ = run("ip", &format!("netns del {}", self.namespace));
    }
}

fn run(program: &str, arguments: &str) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments.split(' ')).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program} {arguments}: {}", said.trim())) }
}

/// Two hosts with the page's addresses, and the link between them.
fn hosts(path: &str) -> Result<[Host; 2], String> {
    let hosts = [Host::new(1, path)?, Host::new(2, path)?];
    let [first, second] = [&hosts[0].namespace, &hosts[1].namespace];
    run("ip", &format!("-n {first} link add link0 type veth peer name link0 netns {second}"))?;
    for (namespace, address) in [(first, "10.0.0.1/24"), (second, "10.0.0.2/24")] {
        run("ip", &format!("-n {namespace} addr add {address} dev link0"))?;
        run("ip", &format!("-n {namespace} link set link0 up"))?;
        let shape =
            |shape: &&&str| run("tc", &format!("-n {namespace} qdisc add dev link0 root {shape}")).is_ok();
        println!(
            "the link of {address}: {}",
            SHAPES.iter().find(shape).unwrap_or(&"as it comes, without tc")
        );
    }
    Ok(hosts)
}

/// The folder of the program `ringway`, which is one of the other workspace's. It is built if it isn't there.
fn tools() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("debug");
    if !folder.join("ringway").exists() {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--locked", "--package", "ringway-tools", "--bin", "ringway"]);
        build.env_remove("RUSTC_WORKSPACE_WRAPPER").current_dir(&root);
        assert!(build.status().unwrap().success());
    }
    fs::canonicalize(folder).unwrap()
}

#[test]
fn the_commands_of_the_guide_work_between_two_hosts_with_a_link_that_delays_and_loses() {
    let _turn = turn();
    let section = PAGE.split_once("## Two hosts").expect("the section on two hosts").1;
    let section = section.split("\n## ").next().unwrap();
    let gateway = Path::new(PROGRAM).parent().unwrap();
    let path = format!("{}:{}:{}", gateway.display(), tools().display(), env::var("PATH").unwrap());
    let mut hosts = match hosts(&path) {
        Ok(hosts) => hosts,
        Err(why) => {
            println!("skipped, since network namespaces aren't permitted here: {why}");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let logs = [1, 2].map(|number| folder.path().join(format!("gateway{number}.log")));
    let log = |host: usize| fs::read_to_string(&logs[host]).unwrap_or_default();

    let mut said = Vec::new();
    for Step { host, command } in steps(section) {
        println!("host {}: {command}", host + 1);
        if command.starts_with("ringway-gateway") {
            hosts[host].leave(command, &logs[host]).unwrap();
            // The page says to wait for this line, on the second host.
            let line = ["reliable", "mirrors ring"][host];
            wait_for(&format!("{line:?} in {}", log(host)), || log(host).contains(line).then_some(()));
        } else {
            said = hosts[host].say(command).unwrap_or_else(|error| panic!("{error}\n{}{}", log(0), log(1)));
        }
    }
    let summary = said.pop().unwrap_or_default();
    assert!(summary.contains("received 1000 messages"), "{summary}");
    let sent: Vec<String> = (1..=1000).map(|number| number.to_string()).collect();
    assert!(said == sent, "the last command shows what the second host got: {said:?}\n{}{}", log(0), log(1));

    // What the text names: `list`, and `status`.
    let inline = |begins: &str| {
        let found = section.split('`').find(|code| code.starts_with(begins));
        found.unwrap_or_else(|| panic!("{begins} isn't in the section"))
    };
    let listed = hosts[1].say(inline("ringway-gateway list")).unwrap();
    assert_eq!(listed, ["desk/quotes  reliable, 4096 slots of 256 bytes, head 1000, 1 sink"]);
    let status = hosts[1].say(inline("ringway-gateway status")).unwrap().join("\n");
    for guarantee in Policy::Reliable.guarantees() {
        assert!(status.contains(guarantee.sentence), "{} isn't in: {status}", guarantee.sentence);
    }
    for host in &mut hosts {
        let statistics = host.say("tc -s qdisc show dev link0").unwrap_or_default();
        println!("{}", statistics.join("\n"));
    }
}
