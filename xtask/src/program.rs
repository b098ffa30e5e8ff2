//! Running other programs, without standard input and with errors that say what failed.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// How many of a failed program's last lines are worth repeating in the error.
const LINES_OF_A_FAILURE: usize = 4;

/// Writes a line for the reader to standard error. A terminal that has gone away is no reason
/// to stop half-way, so a failure to write is ignored.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Announces a step.
pub fn heading(step: &str) {
    say(&format!("== {step}"));
}

/// Runs a program to its end, its output going wherever ours goes.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("starting `{}`", describe(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", describe(command));
    }
    Ok(())
}

/// Runs a program quietly to its end and returns its standard output. Where it fails, the
/// error ends with the last lines it wrote.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting `{}`", describe(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let complaint = if errors.trim().is_empty() { text.as_str() } else { &errors };
        let complaint = last_lines(complaint, LINES_OF_A_FAILURE);
        bail!("`{}` failed ({}): {complaint}", describe(command), output.status);
    }
    Ok(text)
}

/// Whether this program, and with it every program that it runs, may do anything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a program exists and ends well with these arguments.
pub fn answers(name: &str, arguments: &[&str]) -> bool {
    capture(Command::new(name).args(arguments)).is_ok()
}

/// The first folder in `PATH` that holds all of these programs.
pub fn folder_in_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| names.iter().all(|name| folder.join(name).is_file()))
}

/// The last lines of a text, leaving out the empty ones.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The program's bare name and its arguments, as one would type them. `Command`'s own `Debug`
/// would show the environment too, and with it passwords.
fn describe(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_keeps_the_end_and_drops_empty_lines() {
        assert_eq!(last_lines("one\n\ntwo\n  \nthree\n", 2), "two\nthree");
        assert_eq!(last_lines("one\n", 2), "one");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn a_failure_tells_what_ran_and_what_it_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo progress; echo oh dear >&2; exit 3"]).env("SECRET", "hush");
        let error = format!("{:#}", capture(&mut command).unwrap_err());
        assert!(error.contains("sh -c") && error.ends_with(": oh dear"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn a_folder_of_the_path_must_hold_every_program() {
        assert!(folder_in_path(&["sh"]).is_some());
        assert_eq!(folder_in_path(&["sh", "no-such-program-anywhere"]), None);
    }
}
