//! `cloudinit_config`. The expected texts are those of the published provider's own acceptance tests.

use ferroform_core::{Type, Value};

use crate::harness::{Bench, s, summaries, text};

const TYPE: &str = "cloudinit_config";
const HEAD: &str = "Content-Type: multipart/mixed; boundary=\"MIMEBOUNDARY\"\nMIME-Version: 1.0\r\n\r\n";

/// `part` blocks, each with content, type, file name and merge type.
fn parts(parts: &[[Option<&str>; 4]]) -> (&'static str, Value) {
    let names = ["content", "content_type", "filename", "merge_type"];
    let part = |values: &[Option<&str>; 4]| {
        Value::object(
            names
                .into_iter()
                .zip(values)
                .map(|(name, value)| (name, value.map_or_else(|| Value::null(Type::String), s))),
        )
    };
    let ty = Type::object(names.map(|name| (name, Type::String)));
    ("part", Value::list(ty, parts.iter().map(part)))
}

async fn rendered(arguments: &[(&str, Value)]) -> Value {
    Bench::new("cloudinit").read_data(TYPE, arguments).await.expect("read")
}

#[tokio::test]
async fn parts_are_rendered_as_the_published_provider_does() {
    let script = Some("text/x-shellscript");
    let merge = Some("list()+dict()+str()");
    let cases = [
        (
            vec![[Some("baz"), script, None, None]],
            "--MIMEBOUNDARY\r\nContent-Transfer-Encoding: 7bit\r\nContent-Type: text/x-shellscript\r\n\
             Mime-Version: 1.0\r\n\r\nbaz\r\n--MIMEBOUNDARY--\r\n",
        ),
        (
            vec![[Some("baz"), None, None, None]],
            "--MIMEBOUNDARY\r\nContent-Transfer-Encoding: 7bit\r\nContent-Type: text/plain\r\n\
             Mime-Version: 1.0\r\n\r\nbaz\r\n--MIMEBOUNDARY--\r\n",
        ),
        (
            vec![
                [Some("foo1"), script, Some("foofile1.txt"), merge],
                [Some("bar1"), script, Some("barfile1.txt"), merge],
            ],
            "--MIMEBOUNDARY\r\nContent-Disposition: attachment; filename=\"foofile1.txt\"\r\n\
             Content-Transfer-Encoding: 7bit\r\nContent-Type: text/x-shellscript\r\nMime-Version: 1.0\r\n\
             X-Merge-Type: list()+dict()+str()\r\n\r\nfoo1\r\n--MIMEBOUNDARY\r\n\
             Content-Disposition: attachment; filename=\"barfile1.txt\"\r\nContent-Transfer-Encoding: 7bit\r\n\
             Content-Type: text/x-shellscript\r\nMime-Version: 1.0\r\nX-Merge-Type: list()+dict()+str()\r\n\r\n\
             bar1\r\n--MIMEBOUNDARY--\r\n",
        ),
    ];
    let plain = [("gzip", Value::bool(false)), ("base64_encode", Value::bool(false))];
    for (given, expected) in cases {
        let read = rendered(&[&plain[..], &[parts(&given)]].concat()).await;
        assert_eq!(text(&read, "rendered"), format!("{HEAD}{expected}"));
    }
    let other = [&plain[..], &[("boundary", s("//")), parts(&[[Some("baz"), script, None, None]])]].concat();
    assert_eq!(
        text(&rendered(&other).await, "rendered"),
        "Content-Type: multipart/mixed; boundary=\"//\"\nMIME-Version: 1.0\r\n\r\n--//\r\n\
         Content-Transfer-Encoding: 7bit\r\nContent-Type: text/x-shellscript\r\nMime-Version: 1.0\r\n\r\nbaz\r\n\
         --//--\r\n"
    );
}

#[tokio::test]
async fn compressed_results_are_those_of_go_byte_for_byte() {
    let config = "text/cloud-config";
    let body = format!("#cloud-config\ntest: {config}\n");
    let cases = [
        (
            vec![[Some("heythere"), Some("text/x-shellscript"), None, None]],
            "H4sIAAAAAAAA/2TNuwrCQBCF4X5h32FJP0YrIWLhJYVFFEQFy1xGM5DMhtkJJG8vWkjQ8sDP+XaeFVnhMnaYuLZvlLpcNG5pwGrlCt9z\
             lcu4jrJDlm5P1+N+c75H5r3ghhLIc+IWs7k11gBMI2u+35JzeKBAyqWviJ+JWxakk+CDKw4aDxBqbJpQCnVqTUYt/jk1jlqj4K8IYM0rAAD/\
             /0u6BO3QAAAA",
        ),
        (
            vec![[Some(""), None, None, None]],
            "H4sIAAAAAAAA/3LOzytJzSvRDaksSLVSyC3NKcksSCwq0c/NrEhNsVZIyi/NS0ksqrRV8vX0dXXyD/VzcQyKVOIC8XTDUouKM/PzrBQM9Qx4\
             uXi5dHWRFfFywc0uSswrTkst0nXNS85PycxLt1IwT8osQVIAtrwktaJEvyAnMTOPl8s3MzcVw3x0G3R1ebkAAQAA///dakG4wAAAAA==",
        ),
        (
            vec![[Some(&*body), Some(config), None, None], [Some(&*body), Some(config), None, None]],
            "H4sIAAAAAAAA/3LOzytJzSvRDaksSLVSyC3NKcksSCwq0c/NrEhNsVZIyi/NS0ksqrRV8vX0dXXyD/VzcQyKVOIC8XTDUouKM/PzrBQM9Qx4\
             uXi5dHWRFfFywc0uSswrTkst0nXNS85PycxLt1IwT8osQVIAtrwktaJEPzknvzRFNzk/Ly0znZfLNzM3FcMaZWQ1XCWpxSVY9A525+jq8nIB\
             AgAA//821u5zfAEAAA==",
        ),
    ];
    for (given, expected) in cases {
        let read = rendered(&[parts(&given)]).await;
        assert_eq!(text(&read, "rendered"), expected);
        assert_eq!(text(&read, "boundary"), "MIMEBOUNDARY");
        assert!(["gzip", "base64_encode"].iter().all(|name| read.get(name) == Some(&Value::bool(true))));
    }
    let encoded = rendered(&[
        ("gzip", Value::bool(false)),
        parts(&[[Some("heythere"), Some("text/x-shellscript"), None, None]]),
    ])
    .await;
    assert_eq!(
        text(&encoded, "rendered"),
        "Q29udGVudC1UeXBlOiBtdWx0aXBhcnQvbWl4ZWQ7IGJvdW5kYXJ5PSJNSU1FQk9VTkRBUlkiCk1JTUUtVmVyc2lvbjogMS4wDQoNCi0tTUlNRUJPVU5E\
         QVJZDQpDb250ZW50LVRyYW5zZmVyLUVuY29kaW5nOiA3Yml0DQpDb250ZW50LVR5cGU6IHRleHQveC1zaGVsbHNjcmlwdA0KTWltZS1WZXJzaW9uOiAx\
         LjANCg0KaGV5dGhlcmUNCi0tTUlNRUJPVU5EQVJZLS0NCg=="
    );
}

#[tokio::test]
async fn impossible_arguments_are_refused() {
    let one = parts(&[[Some("x"), None, None, None]]);
    let cases = [
        (vec![("base64_encode", Value::bool(false)), one.clone()], "Invalid Attribute Configuration"),
        (vec![], "Missing Block"),
        (vec![("boundary", s("")), one.clone()], "Invalid Attribute Value"),
        (vec![("boundary", s("a ")), one.clone()], "Invalid Attribute Value"),
        (vec![("boundary", s("a\r\nb")), one], "Invalid Attribute Value"),
    ];
    let bench = Bench::new("cloudinit");
    for (arguments, summary) in cases {
        let error = bench.read_data(TYPE, &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary], "{arguments:?}");
    }
}
