//! `fmt`: files in the canonical style, with Terraform's options and exit codes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::harness::{Project, has_oracle};

const UGLY: &str = "locals {\n a=1\n  long =  2\n}\n";
const PRETTY: &str = "locals {\n  a    = 1\n  long = 2\n}\n";

/// Files in and out of style, below folders that are looked into and that are not.
fn project() -> Project {
    let project = Project::new("");
    for (path, text) in [
        ("b.tf", UGLY),
        ("a.tfvars", "x=1\n"),
        ("good.tf", PRETTY),
        ("c.tftest.hcl", UGLY),
        ("other.hcl", UGLY),
        (".hidden.tf", UGLY),
        ("backup.tf~", UGLY),
        ("below/d.tf", UGLY),
        (".terraform/e.tf", UGLY),
    ] {
        project.write(path, text);
    }
    project
}

#[test]
fn files_are_named_and_written() {
    let project = project();
    fs::set_permissions(project.path("b.tf"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(project.run("fmt").ok().stdout, "a.tfvars\nb.tf\nc.tftest.hcl\n");
    assert_eq!(project.read("b.tf"), PRETTY);
    assert_eq!(project.read("a.tfvars"), "x = 1\n");
    assert_eq!(project.path("b.tf").metadata().unwrap().permissions().mode() & 0o777, 0o640);
    for untouched in ["other.hcl", ".hidden.tf", "backup.tf~", "below/d.tf", ".terraform/e.tf"] {
        assert_eq!(project.read(untouched), UGLY, "{untouched}");
    }
    assert_eq!(project.run("fmt").ok().stdout, "");
    assert_eq!(project.run("fmt -recursive -list=false").ok().stdout, "");
    assert_eq!(project.read("below/d.tf"), PRETTY);
    assert_eq!(project.read(".terraform/e.tf"), UGLY);
}

#[test]
fn a_check_writes_nothing_and_exits_with_three() {
    let project = project();
    let run = project.run("fmt -check -recursive -diff b.tf below good.tf").code_is(3);
    let expected = "\
b.tf
--- old/b.tf
+++ new/b.tf
@@ -1,4 +1,4 @@
 locals {
- a=1
-  long =  2
+  a    = 1
+  long = 2
 }
below/d.tf
--- old/below/d.tf
+++ new/below/d.tf
@@ -1,4 +1,4 @@
 locals {
- a=1
-  long =  2
+  a    = 1
+  long = 2
 }
";
    assert_eq!(run.stdout, expected);
    assert_eq!(project.read("b.tf"), UGLY);
    project.run("fmt -check good.tf").ok();
    assert_eq!(project.run("fmt -write=false b.tf").ok().stdout, "b.tf\n");
    assert_eq!(project.read("b.tf"), UGLY);
}

#[test]
fn what_cannot_be_formatted_is_told_and_the_rest_is_done() {
    let project = project();
    project.write("broken.tf", "locals {\n a = [\n}\n");
    let run = project.run("fmt").code_is(2).tells(&["broken.tf"]);
    assert_eq!(run.stdout, "a.tfvars\nb.tf\nc.tftest.hcl\n");
    assert_eq!(project.read("broken.tf"), "locals {\n a = [\n}\n");
    project.run("fmt nowhere").code_is(2).tells(&["There is no file or folder nowhere"]);
    project.run("fmt other.hcl").code_is(2).tells(&["other.hcl is not formatted"]);
    project.run("fmt - b.tf").code_is(2).tells(&["Standard input"]);
}

/// What a program makes of standard input.
fn filtered(project: &Project, mut command: Command, text: &str) -> (Option<i32>, String) {
    project.prepare(&mut command);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let project = Project::new("");
    for (args, text, code, expected) in [
        ("fmt -", UGLY, 0, PRETTY),
        ("fmt -", PRETTY, 0, PRETTY),
        ("fmt -check -", UGLY, 3, ""),
        ("fmt -check -", PRETTY, 0, ""),
        ("fmt -", "a = [", 2, ""),
    ] {
        assert_eq!(
            filtered(&project, project.command(args), text),
            (Some(code), expected.to_owned()),
            "{args} {text}"
        );
    }
}

#[test]
fn terraform_names_the_same_files_with_the_same_exit_codes() {
    if !has_oracle("terraform") {
        return;
    }
    for line in ["fmt", "fmt -check", "fmt -recursive", "fmt -check -recursive", "fmt good.tf", "fmt nowhere"]
    {
        let (ours, theirs) = (project(), project());
        let run = ours.run(line);
        let mut command = Command::new("terraform");
        command.args(line.split(' '));
        theirs.prepare(&mut command);
        let output = command.output().unwrap();
        assert_eq!(run.code(), output.status.code(), "{line}: {run}");
        assert_eq!(run.stdout, String::from_utf8_lossy(&output.stdout), "{line}");
        for file in ["a.tfvars", "b.tf", "c.tftest.hcl", "below/d.tf", ".terraform/e.tf", ".hidden.tf"] {
            assert_eq!(ours.read(file), theirs.read(file), "{line}: {file}");
        }
    }
}
