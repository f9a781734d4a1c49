//! The house rules a compiler does not know.
//!
//! In: the text files of the repository. Out: every fault with its place and what to do about it.
//! Invariant: one table of rules; a rule says nothing that `rustc`, `clippy` or `rustfmt` already say.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines: more is two subjects.
const FILE_LINES_MAX: usize = 500;
/// Longest line, in characters: `rustfmt` breaks what it can long before.
const LINE_CHARACTERS_MAX: usize = 140;
/// Lines of a module header: what, in, out, invariant.
const HEADER_LINES: std::ops::RangeInclusive<usize> = 3..=6;
/// Where the repository keeps text, beside the files of its root.
const FOLDERS: [&str; 8] = ["crates", "tests", "xtask", "config", "docs", "scripts", "deploy", ".ci"];
/// Files with these endings are text; so is a script without one.
const ENDINGS: [&str; 9] = ["rs", "toml", "md", "yaml", "csv", "sql", "py", "txt", ""];

/// A text file of the repository.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
    /// Rust that only tests and examples compile.
    for_tests: bool,
}

/// A line number, from 1, and what is wrong there.
type Fault = (usize, String);

/// Which files a rule is for.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Everything,
    Rust,
    /// Rust that runs outside tests, which hold what a person reads, as wide as it is.
    Running,
    Manifests,
}

struct Rule {
    scope: Scope,
    check: fn(&File) -> Vec<Fault>,
}

const RULES: [Rule; 9] = [
    Rule { scope: Scope::Rust, check: header },
    Rule { scope: Scope::Rust, check: length },
    Rule { scope: Scope::Running, check: width },
    Rule { scope: Scope::Everything, check: tabs },
    Rule { scope: Scope::Everything, check: ending },
    Rule { scope: Scope::Everything, check: unfinished },
    Rule { scope: Scope::Everything, check: machine_path },
    Rule { scope: Scope::Running, check: unwrap },
    Rule { scope: Scope::Manifests, check: own_version },
];

/// Checks the repository.
///
/// # Errors
/// A file cannot be read, or there are faults: they have been printed then.
pub fn run(repository: &Path) -> Result<()> {
    let files = files(repository)?;
    let faults: Vec<String> = files.iter().flat_map(faults).collect();
    if faults.is_empty() {
        println!("tidy: {} files keep the {} house rules", files.len(), RULES.len());
        return Ok(());
    }
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    bail!("{} faults against the house rules (CONTRIBUTING.md)", faults.len());
}

fn faults(file: &File) -> Vec<String> {
    let rules = RULES.iter().filter(|rule| file.is_in(rule.scope));
    let mut faults: Vec<Fault> = rules.flat_map(|rule| (rule.check)(file)).collect();
    faults.sort();
    faults.into_iter().map(|(line, fault)| format!("{}:{line}: {fault}", file.path)).collect()
}

impl File {
    fn is_in(&self, scope: Scope) -> bool {
        let rust = self.path.ends_with(".rs");
        match scope {
            Scope::Everything => true,
            Scope::Rust => rust,
            Scope::Running => rust && !self.for_tests,
            Scope::Manifests => self.path.ends_with("/Cargo.toml"),
        }
    }

    /// Lines with their numbers, up to the tests at the end of a source file.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.path.ends_with(".rs") { self.text.find("#[cfg(test)]\nmod tests {") } else { None };
        self.text[..end.unwrap_or(self.text.len())].lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// One fault with the same words on every line that has it.
    fn lines_where(&self, has_fault: impl Fn(&str) -> bool, words: &str) -> Vec<Fault> {
        self.lines().filter(|(_, line)| has_fault(line)).map(|(number, _)| (number, words.to_owned())).collect()
    }
}

fn header(file: &File) -> Vec<Fault> {
    let lines = file.text.lines().take_while(|line| line.starts_with("//!"));
    let said = lines.filter(|line| line.len() > "//!".len()).count();
    let brief = file.for_tests || file.path.ends_with("build.rs");
    if HEADER_LINES.contains(&said) || (brief && said > 0) {
        return Vec::new();
    }
    let (least, most) = (HEADER_LINES.start(), HEADER_LINES.end());
    vec![(1, format!("{said} lines of `//!` header; say what, in, out and invariant in {least} to {most}"))]
}

fn length(file: &File) -> Vec<Fault> {
    let lines = file.text.lines().count();
    let fault = || (lines, format!("{lines} lines; split what is more than one subject (limit {FILE_LINES_MAX})"));
    (lines > FILE_LINES_MAX).then(fault).into_iter().collect()
}

fn width(file: &File) -> Vec<Fault> {
    let words = format!("wider than {LINE_CHARACTERS_MAX} characters; break it by hand where rustfmt cannot");
    file.lines_where(|line| line.chars().count() > LINE_CHARACTERS_MAX, &words)
}

fn tabs(file: &File) -> Vec<Fault> {
    file.lines_where(|line| line.contains('\t'), "a tab; indent with spaces, write \\t in strings")
}

fn ending(file: &File) -> Vec<Fault> {
    let mut faults = file.lines_where(|line| line.ends_with([' ', '\r']), "blanks at the end of the line; remove them");
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        faults.push((file.text.lines().count(), "the last line does not end; add a newline".to_owned()));
    }
    faults
}

fn unfinished(file: &File) -> Vec<Fault> {
    // Written in halves, or this file would break its own rule.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let macros = [concat!("to", "do!("), concat!("unimple", "mented!(")];
    let has_mark = |line: &str| {
        line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word))
            || macros.iter().any(|mark| line.contains(mark))
    };
    file.lines_where(has_mark, "unfinished; finish it, refuse it in a sentence, or open an issue")
}

fn machine_path(file: &File) -> Vec<Fault> {
    file.lines_where(|line| line.contains(concat!("/wo", "rk/")), "a path of one machine; write it from the repository")
}

fn unwrap(file: &File) -> Vec<Fault> {
    let unwraps = |line: &str| line.contains(concat!(".unwrap", "()")) && !line.trim_start().starts_with("//");
    file.lines_where(
        unwraps,
        "an unwrap; return an error for what comes from outside, `expect(\"why it cannot fail\")` for our own",
    )
}

fn own_version(file: &File) -> Vec<Fault> {
    let mut in_dependencies = false;
    let mut faults = Vec::new();
    for (number, line) in file.lines() {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies && line.contains('=') && !line.contains("workspace = true") {
            faults
                .push((number, "a version of its own; name it in [workspace.dependencies] and inherit it".to_owned()));
        }
    }
    faults
}

/// Every text file, in order of its path.
fn files(repository: &Path) -> Result<Vec<File>> {
    let mut paths: Vec<PathBuf> = entries(repository)?.into_iter().filter(|path| path.is_file()).collect();
    for folder in FOLDERS.map(|folder| repository.join(folder)).into_iter().filter(|folder| folder.is_dir()) {
        collect(&folder, &mut paths)?;
    }
    paths.retain(|path| is_text(path));
    paths.sort();
    let mut files = paths.iter().map(|path| read(repository, path)).collect::<Result<Vec<File>>>()?;
    let declared: BTreeSet<String> = files.iter().flat_map(modules_for_tests).collect();
    for file in &mut files {
        file.for_tests |= declared.contains(&file.path);
    }
    Ok(files)
}

fn read(repository: &Path, path: &Path) -> Result<File> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let inside = path.strip_prefix(repository).expect("every path was found below the root");
    let path = inside.to_string_lossy().replace('\\', "/");
    let for_tests = path.split('/').any(|part| matches!(part, "tests" | "examples" | "benches" | "tests.rs"));
    Ok(File { path, text, for_tests })
}

/// Paths of the modules a file declares for tests only.
fn modules_for_tests(file: &File) -> Vec<String> {
    let folder = ["/lib.rs", "/main.rs", "/mod.rs"].iter().find_map(|root| file.path.strip_suffix(root));
    let Some(folder) = folder.or_else(|| file.path.strip_suffix(".rs")) else { return Vec::new() };
    let declarations = file.text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| rest.lines().next());
    let names = declarations.filter_map(|line| line.split("mod ").nth(1)?.strip_suffix(';'));
    names.map(|name| format!("{folder}/{name}.rs")).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(folder)? {
        if path.is_dir() { collect(&path, paths)? } else { paths.push(path) }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn is_text(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let ending = path.extension().map_or("".into(), |ending| ending.to_string_lossy());
    !hidden && ENDINGS.contains(&ending.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> String {
        let for_tests = path.contains("/tests/");
        faults(&File { path: path.into(), text: text.into(), for_tests }).join("\n")
    }

    #[test]
    fn a_file_that_breaks_every_rule_hears_of_each_with_its_line() {
        let text = concat!(
            "//! Too little.\n",
            "fn a() { b().unwrap(); }\t\n",
            "// TO",
            "DO: later \n",
            "// /wo",
            "rk/main\n",
            "#[cfg(test)]\nmod tests { fn c() { d().unwrap() } }",
        );
        assert_eq!(
            told("crates/x/src/lib.rs", text),
            "\
crates/x/src/lib.rs:1: 1 lines of `//!` header; say what, in, out and invariant in 3 to 6
crates/x/src/lib.rs:2: a tab; indent with spaces, write \\t in strings
crates/x/src/lib.rs:2: an unwrap; return an error for what comes from outside, `expect(\"why it cannot fail\")` for our own
crates/x/src/lib.rs:3: blanks at the end of the line; remove them
crates/x/src/lib.rs:3: unfinished; finish it, refuse it in a sentence, or open an issue
crates/x/src/lib.rs:4: a path of one machine; write it from the repository
crates/x/src/lib.rs:6: the last line does not end; add a newline"
        );
        let long =
            format!("//! A\n//! long\n//! story.\n{}//{}\n", "//\n".repeat(497), "-".repeat(LINE_CHARACTERS_MAX));
        assert_eq!(
            told("crates/x/src/story.rs", &long),
            "\
crates/x/src/story.rs:501: 501 lines; split what is more than one subject (limit 500)
crates/x/src/story.rs:501: wider than 140 characters; break it by hand where rustfmt cannot"
        );
        assert_eq!(
            told("crates/x/Cargo.toml", "[dependencies]\nserde.workspace = true\ncsv = \"1\"\n"),
            "crates/x/Cargo.toml:3: a version of its own; name it in [workspace.dependencies] and inherit it"
        );
    }

    #[test]
    fn a_module_only_tests_compile_may_unwrap() {
        let parent = File {
            path: "crates/x/src/door.rs".into(),
            text: "mod wood;\n#[cfg(test)]\npub(crate) mod hinge;\n".into(),
            for_tests: false,
        };
        assert_eq!(modules_for_tests(&parent), ["crates/x/src/door/hinge.rs"]);
        assert_eq!(told("crates/x/src/tests/hinge.rs", "//! A story.\nfn a() { b().unwrap() }\n"), "");
    }
}
