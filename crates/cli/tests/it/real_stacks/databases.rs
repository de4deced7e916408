//! PostgreSQL and Redis, made of the modules that stacks use: a worker reaches them, nobody else does, and what they hold
//! comes back. Three servers, and a host with object storage.

use std::process::Command;

use serde_json::{Value, json};

use super::{Stage, soon};
use crate::harness::{Project, Run, Running, say};

const POSTGRES: &str = "clinic-postgres";
const REDIS: &str = "clinic-redis";
const POSTGRES_ADDRESS: &str = "10.0.2.10";
const REDIS_ADDRESS: &str = "10.0.2.20";
/// Somewhere in the internet.
const OBJECTS: &str = "198.51.100.77";
const CLIENT: &str = "45.33.32.156";
const ACCESS_KEY: &str = "AKIDCLINIC";
const SECRET_KEY: &str = "a-secret-of-tests";

#[test]
fn databases_are_reached_by_workers_alone_and_what_they_hold_comes_back() {
    let Some(mut stage) = Stage::open_beside_modules(include_str!("databases/main.tf"), 3) else { return };
    let target = json!({
        "endpoint": format!("https://{OBJECTS}:9443"),
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "ca_certificate": certificate(&stage.project),
    });
    stage.project.set_env("TF_VAR_object_storage", &target.to_string());
    say("left out: the upgrade of all packages; PostgreSQL 15 in the place of 16");
    stage.apply();
    let clinic = Clinic { passwords: stage.output("passwords"), stage: &stage };
    let _objects = clinic.object_storage();
    let began = std::time::Instant::now();
    let told =
        |what: &str| say(&format!("{what}: {:.1} s since the first boots", began.elapsed().as_secs_f64()));

    settings_follow_from_the_server_type(&clinic);
    workers_alone_reach_them(&clinic);
    told("reached by the worker alone");
    seven_days_remain(&clinic);
    damage_is_found(&clinic);
    told("seven days remain, damage is found");
    a_dropped_table_and_a_moment_come_back(&clinic);
    told("a table and a moment are back");
    copies_are_in_object_storage(&clinic);
    told("copied");
    reboots_lose_nothing(&clinic);
    told("rebooted");
    a_new_server_takes_the_volume_over(&clinic);
    told("server replaced");
    a_lost_volume_comes_back_from_object_storage(&clinic);
    told("restored from object storage");
    stage.destroy();
}

struct Clinic<'a> {
    stage: &'a Stage,
    passwords: Value,
}

impl Clinic<'_> {
    /// As root on the PostgreSQL server.
    fn postgres(&self, script: &str) -> Run {
        self.stage.exec(POSTGRES, &["bash", "-euc", script])
    }

    fn redis(&self, script: &str) -> Run {
        self.stage.exec(REDIS, &["bash", "-euc", script])
    }

    /// A query by the superuser.
    fn ask(&self, database: &str, sql: &str) -> String {
        let words = ["runuser", "-u", "postgres", "--", "psql", "-XqtA", "-d", database, "-c", sql];
        self.stage.exec(POSTGRES, &words).ok().stdout.trim().to_owned()
    }

    /// A query by the application, from the worker.
    fn login(&self, settings: &str, password: &str, sql: &str) -> Run {
        let target = format!("host={POSTGRES_ADDRESS} user=nornos_admin connect_timeout=10 {settings}");
        let password = format!("PGPASSWORD={password}");
        self.stage.exec("worker", &["env", &password, "psql", "-XqtA", "-d", &target, "-c", sql])
    }

    /// The same with everything right, and the server verified.
    #[track_caller]
    fn app(&self, sql: &str) -> String {
        let run = self.login(VERIFIED, self.passwords["postgres"].as_str().unwrap(), sql);
        run.ok().stdout.trim().to_owned()
    }

    /// `redis-cli` on the worker, over TLS, as a user.
    fn redis_cli(&self, user: &str, password: &str, command: &[&str]) -> String {
        let mut words = vec!["redis-cli", "--no-auth-warning", "--tls", "--cacert", "/root/redis-ca.crt"];
        words.extend(["-h", REDIS_ADDRESS, "--user", user, "--pass", password]);
        words.extend(command);
        self.stage.exec("worker", &words).stdout.trim().to_owned()
    }

    fn redis_app(&self, command: &[&str]) -> String {
        self.redis_cli("app", self.passwords["redis"].as_str().unwrap(), command)
    }

    /// `pg-backup` with its JSON answer.
    #[track_caller]
    fn backup(&self, words: &str) -> Value {
        self.postgres(&format!("pg-backup {words} --json")).ok().json()
    }

    fn names(&self) -> Vec<String> {
        let listed = self.backup("list");
        let name = |backup: &Value| backup["name"].as_str().unwrap().to_owned();
        listed["backups"].as_array().unwrap().iter().map(name).collect()
    }

    /// Where a backup is.
    fn location(&self, name: &str) -> String {
        let listed = self.backup("list");
        let mut backups = listed["backups"].as_array().unwrap().iter();
        backups.find(|backup| backup["name"] == name).map_or_else(
            || panic!("no {name} in {listed}"),
            |backup| backup["location"].as_str().unwrap().to_owned(),
        )
    }

    /// An S3 service that checks signatures, on a host in the internet.
    fn object_storage(&self) -> Running {
        self.stage.add_host("objects", OBJECTS);
        let project = &self.stage.project;
        project.write("s3.py", include_str!("databases/s3.py"));
        let mut command = project.command("cloud exec objects --");
        command.args(["python3", "s3.py", OBJECTS, "9443", "objects.crt", "objects.key", "backups"]);
        command.args([ACCESS_KEY, SECRET_KEY]);
        Running::start(command)
    }
}

const VERIFIED: &str = "dbname=nornos sslmode=verify-full sslrootcert=/root/postgres-ca.crt";

/// A certificate for the object storage; files `objects.crt` and `objects.key`.
fn certificate(project: &Project) -> String {
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]);
    command.args(["-keyout", "objects.key", "-out", "objects.crt", "-subj", "/CN=objects", "-addext"]);
    command.arg(format!("subjectAltName=IP:{OBJECTS}"));
    project.prepare(&mut command);
    Running::start(command).wait().ok();
    project.read("objects.crt")
}

/// The numbers are those of the tables in the modules' README for a cx23, 2 cores and 4 GB, with a volume of 10 GB.
fn settings_follow_from_the_server_type(clinic: &Clinic<'_>) {
    let expected = [
        ("shared_buffers", "1GB"),
        ("effective_cache_size", "3GB"),
        ("max_connections", "100"),
        ("work_mem", "10485kB"),
        ("maintenance_work_mem", "256MB"),
        ("autovacuum_work_mem", "170MB"),
        ("max_parallel_workers", "2"),
        ("max_parallel_workers_per_gather", "1"),
        ("max_wal_size", "512MB"),
        ("min_wal_size", "128MB"),
        ("ssl", "on"),
        ("ssl_min_protocol_version", "TLSv1.2"),
        ("log_statement", "none"),
        ("log_parameter_max_length", "0"),
        ("log_min_duration_statement", "1s"),
        ("data_checksums", "on"),
        ("archive_mode", "on"),
    ];
    for (name, value) in expected {
        assert_eq!(clinic.ask("postgres", &format!("SHOW {name}")), value, "{name}");
    }
    // What is refused is taken back, and the server runs on.
    let refused = clinic.postgres("echo 'shared_buffers = nonsense' | setup-postgres -").code_is(1);
    refused.tells(&["the old ones are back"]);
    assert_eq!(clinic.ask("postgres", "SHOW shared_buffers"), "1GB");
    // 3/5 of 4096 - 512 MB.
    for (name, value) in
        [("maxmemory", "2254438400"), ("maxmemory-policy", "noeviction"), ("appendonly", "yes")]
    {
        let told = clinic.redis(&format!("redis-admin config get {name}")).ok().stdout;
        assert_eq!(told.split_whitespace().collect::<Vec<_>>(), [name, value]);
    }
}

fn workers_alone_reach_them(clinic: &Clinic<'_>) {
    let stage = clinic.stage;
    stage.add_host("client", CLIENT);
    for (name, address, other, ports) in
        [(POSTGRES, POSTGRES_ADDRESS, REDIS, [5432, 9187]), (REDIS, REDIS_ADDRESS, POSTGRES, [6379, 9121])]
    {
        let public = stage.address(name).to_string();
        stage.only_from(address, &ports, "worker", other);
        assert!(stage.connects("worker", address, 22), "SSH of {name}");
        let [first, second] = ports;
        let from_outside = stage.reached("client", &[(&public, first), (&public, second), (&public, 22)]);
        assert_eq!(from_outside, [""; 0], "{name} from the internet");
    }

    let password = clinic.passwords["postgres"].as_str().unwrap();
    assert_eq!(clinic.app("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "t|TLSv1.3");
    let refusals = [
        ("dbname=nornos sslmode=disable", password, "no encryption"),
        ("dbname=nornos sslmode=require", "wrong", "password authentication failed"),
        ("dbname=postgres sslmode=require", password, "no pg_hba.conf entry"),
        ("dbname=nornos user=postgres sslmode=require", password, "no pg_hba.conf entry"),
        (
            "dbname=nornos sslmode=verify-full sslrootcert=/root/redis-ca.crt",
            password,
            "certificate verify failed",
        ),
    ];
    for (settings, password, reason) in refusals {
        clinic.login(settings, password, "SELECT 1").code_is(2).tells(&[reason]);
    }
    // A statement that fails may hold health data, so its text is in no log.
    clinic.login(VERIFIED, password, "SELECT 1/0 /* a diagnosis */").code_is(1);
    let log = clinic.postgres("cat /var/log/postgresql/*.log").ok().stdout;
    assert!(log.contains("division by zero") && !log.contains("a diagnosis"), "{log}");

    assert_eq!(clinic.redis_app(&["set", "kept", "value"]), "OK");
    for (user, password) in [("app", "wrong"), ("default", "x"), ("admin", "")] {
        let told = clinic.redis_cli(user, password, &["get", "kept"]);
        assert!(told.contains("NOAUTH"), "{user}: {told}");
    }
    for command in
        [&["flushall"][..], &["config", "get", "*"], &["keys", "*"], &["acl", "list"], &["shutdown"]]
    {
        assert!(clinic.redis_app(command).contains("NOPERM"), "{command:?}");
    }
    let plain = stage.exec("worker", &["timeout", "5", "redis-cli", "-h", REDIS_ADDRESS, "ping"]);
    assert!(!plain.stdout.contains("PONG"), "without TLS: {plain}");

    for (url, up) in [("10.0.2.10:9187", "pg_up 1"), ("10.0.2.20:9121", "redis_up 1")] {
        let metrics =
            stage.exec("worker", &["curl", "-sS", "-m", "10", &format!("http://{url}/metrics")]).ok();
        assert!(metrics.stdout.lines().any(|line| line == up), "no {up}");
    }
}

/// Nine days of backups, made by copying one of today with other dates, and one of today: the seven newest remain.
fn seven_days_remain(clinic: &Clinic<'_>) {
    clinic.app(
        "CREATE TABLE patients (id int PRIMARY KEY, name text, born date, notes jsonb);
         INSERT INTO patients SELECT i, md5(i::text), date '1950-01-01' + i, json_build_object('n', i)
         FROM generate_series(1, 5000) i;
         CREATE TABLE \"Odd \"\"table\" (t text); INSERT INTO \"Odd \"\"table\" VALUES ('x')",
    );
    // What is made up here has no place there.
    clinic.postgres("systemctl stop pg-backup-sync.timer").ok();
    let first = clinic.backup("now")["name"].as_str().unwrap().to_owned();
    let script = format!(
        "umask 077; cd /mnt/data/backups/dumps
         for day in 1 2 3 4 5 6 7 8 9; do
           moment=$(date -u -d \"$day days ago\" +%Y%m%dT010000Z)
           cp {first}.dump nornos-$moment.dump
           sed \"s/{first}/nornos-$moment/; s/\\\"created_at\\\": \\\".*\\\"/\\\"created_at\\\": \
         \\\"$(date -u -d \"$day days ago\" +%Y-%m-%dT01:00:00Z)\\\"/\" {first}.json >nornos-$moment.json
           echo nornos-$moment
         done"
    );
    let faked: Vec<String> = clinic.postgres(&script).ok().stdout.lines().map(str::to_owned).collect();
    assert_eq!(faked.len(), 9);
    assert_eq!(clinic.names().len(), 10);
    let second = clinic.backup("now")["name"].as_str().unwrap().to_owned();
    let mut expected: Vec<String> = faked[..6].iter().rev().cloned().collect();
    expected.extend([first, second]);
    assert_eq!(clinic.names(), expected, "today and the six days before");
    let listed = clinic.backup("list");
    assert_eq!((&listed["keep_days"], &listed["wal"]["archiving"]), (&json!(7), &json!(true)));
    // At three in the morning in Germany, which is one or two o'clock of world time.
    let next = listed["next"].as_str().unwrap();
    assert!(next.ends_with("T01:00:00Z") || next.ends_with("T02:00:00Z"), "{next}");
    let metrics = clinic.postgres("curl -sS http://10.0.2.10:9187/metrics").ok().stdout;
    assert!(metrics.contains("pg_backup_age_seconds"), "{metrics}");
}

fn damage_is_found(clinic: &Clinic<'_>) {
    let results = clinic.backup("verify all")["results"].as_array().unwrap().clone();
    assert!(results.len() == 8 && results.iter().all(|result| result["ok"] == true), "{results:?}");
    let drill = clinic.backup("drill latest");
    let table = |name: &str, rows: u32| json!({"table": name, "rows_backup": rows, "rows_restored": rows, "same": true});
    assert_eq!(
        drill["tables"],
        json!([table("public.\"Odd \"\"table\"", 1), table("public.patients", 5000)])
    );
    assert_eq!(drill["ok"], true);

    // One byte in the middle of one dump.
    let victim = clinic.names()[3].clone();
    let flip = format!(
        "file=/mnt/data/backups/dumps/{victim}.dump; at=$(($(stat -c %s $file) / 2))
         byte=$(od -An -tu1 -j $at -N 1 $file)
         printf \"\\\\x$(printf %x $(((byte + 1) % 256)))\" | dd of=$file bs=1 seek=$at conv=notrunc status=none"
    );
    clinic.postgres(&flip).ok();
    let run = clinic.postgres("pg-backup verify all --json").code_is(1);
    for result in run.json()["results"].as_array().unwrap() {
        assert_eq!(result["ok"], result["name"] != victim, "{result}");
        let error = result["error"].as_str().unwrap_or_default();
        assert_eq!(error.contains("SHA-256"), result["name"] == victim, "{result}");
    }
    for command in ["restore", "drill", "fetch"] {
        clinic.postgres(&format!("pg-backup {command} {victim}")).code_is(1).tells(&["damaged", &victim]);
    }
    assert_eq!(clinic.ask("postgres", DATABASES), "nornos", "nothing is left of what was refused");
    // A backup of which the manifest tells something else than what was in the tables is found out by the drill.
    let latest = clinic.names().pop().unwrap();
    let change = |from: &str, to: &str| {
        format!("sed -i 's/\"rows\": {from}/\"rows\": {to}/' /mnt/data/backups/dumps/{latest}.json")
    };
    clinic.postgres(&change("5000", "4999")).ok();
    let drill = clinic.postgres("pg-backup drill latest --json").code_is(1).json();
    assert_eq!((&drill["ok"], &drill["tables"][1]["same"]), (&json!(false), &json!(false)));
    clinic.postgres(&change("4999", "5000")).ok();
}

/// Databases that are not PostgreSQL's own.
const DATABASES: &str = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'";

/// What is in the table of patients.
const CONTENT: &str = "SELECT count(*), md5(string_agg(p::text, ',' ORDER BY id)) FROM patients p";

fn a_dropped_table_and_a_moment_come_back(clinic: &Clinic<'_>) {
    let before = clinic.app(CONTENT);
    clinic.app("DROP TABLE patients");
    clinic.postgres("pg-backup restore latest").ok().tells(&["is kept as nornos_before_"]);
    assert_eq!(clinic.app(CONTENT), before, "as the application sees it");
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'patients'";
    assert_eq!(clinic.app(owner), "nornos_admin");
    let databases = clinic.ask("postgres", DATABASES);
    assert!(databases.starts_with("nornos nornos_before_"), "{databases}");

    // A moment between two transactions, of which no dump has either.
    clinic.backup("now");
    clinic.app("INSERT INTO patients VALUES (5001, 'before', '2000-01-01', '{}')");
    let moment = clinic.app(
        "SELECT pg_sleep(1.5); SELECT to_char(clock_timestamp() - interval '0.5 s', 'YYYY-MM-DD\"T\"HH24:MI:SS.MSOF\":00\"')",
    );
    let moment = moment.trim().to_owned();
    clinic.app("DELETE FROM patients; INSERT INTO patients VALUES (5002, 'after', '2000-01-01', '{}')");
    clinic.postgres(&format!("pg-backup restore latest --at {moment} --into moment")).ok();
    let names = "SELECT count(*), bool_or(name = 'before'), bool_or(name = 'after') FROM patients";
    assert_eq!(clinic.ask("moment", names), "5001|t|f");
    assert_eq!(clinic.app(names), "1|f|t", "the database in use is left alone");
    clinic.postgres(&format!("pg-backup restore latest --at {moment}")).ok();
    assert_eq!(clinic.app(names), "5001|t|f");

    let refusals = [
        ("latest --at 2001-01-01T00:00:00Z", "the earliest moment is"),
        ("latest --at 2999-01-01T00:00:00Z", "in the future"),
        ("latest --at yesterday", "no moment with a zone"),
        ("latest --into moment", "there is a database moment already"),
        ("nosuch", "there is no backup nosuch"),
    ];
    for (words, reason) in refusals {
        clinic.postgres(&format!("pg-backup restore {words}")).code_is(1).tells(&[reason]);
    }
    assert_eq!(
        clinic.postgres("ls -A /mnt/data/backups/scratch").ok().stdout,
        "",
        "nothing is left of recoveries"
    );
}

fn copies_are_in_object_storage(clinic: &Clinic<'_>) {
    clinic.postgres("systemctl start pg-backup-sync.timer").ok();
    let made = clinic.backup("now");
    let name = made["name"].as_str().unwrap();
    assert_eq!(clinic.location(name), "both");
    let fetched = clinic.postgres(&format!("pg-backup fetch {name} | sha256sum")).ok().stdout;
    assert!(fetched.starts_with(made["sha256"].as_str().unwrap()), "{fetched}");
    clinic
        .postgres(&format!("rm /mnt/data/backups/dumps/{name}.dump /mnt/data/backups/dumps/{name}.json"))
        .ok();
    assert_eq!(clinic.location(name), "object-storage");
    let fetched = clinic.postgres(&format!("pg-backup fetch {name} | sha256sum")).ok().stdout;
    assert!(fetched.starts_with(made["sha256"].as_str().unwrap()), "{fetched}");

    // In parts, of which the last is smaller.
    clinic
        .postgres(
            "cd /tmp; head -c 3500000 /dev/urandom >large; export OBJECT_STORAGE_PART_MIB=1
             object-storage put large large; object-storage get large back; cmp large back
             object-storage list | grep -qx '3500000 large'; object-storage delete large
             ! object-storage get large back 2>/dev/null",
        )
        .ok();
    // A wrong secret is found out, and the backup on the volume is made all the same.
    let count = clinic.names().len();
    clinic.postgres("sed -i.kept s/a-secret-of-tests/another-secret/ /etc/clinic/object-storage.curl").ok();
    let run = clinic.postgres("pg-backup now").code_is(1);
    run.tells(&["the backup is on the volume, but not in object storage", "SignatureDoesNotMatch"]);
    clinic.postgres("mv /etc/clinic/object-storage.curl.kept /etc/clinic/object-storage.curl").ok();
    assert_eq!(clinic.names().len(), count + 1);
    clinic.postgres("pg-backup sync").ok();

    // Nobody but root reads what may have keys and passwords: all but certificates and what the node's exporter is told.
    let open = "find /etc/clinic /mnt/data/backups -type f -perm /077 ! -name '*.crt' ! -name '*.pem' ! -name node-exporter";
    assert_eq!(clinic.postgres(open).ok().stdout, "");
    assert_eq!(
        clinic.redis("find /etc/clinic -type f -perm /077 ! -name '*.crt' ! -name node-exporter").ok().stdout,
        ""
    );
}

fn reboots_lose_nothing(clinic: &Clinic<'_>) {
    let before = clinic.app(CONTENT);
    let machines: Vec<Value> = [POSTGRES, REDIS].map(|name| clinic.stage.machine(name)).to_vec();
    for machine in &machines {
        let reboot = format!("/v1/servers/{}/actions/reboot", machine["id"]);
        clinic.stage.project.cloud().call("POST", &reboot, &Value::Null);
    }
    for machine in &machines {
        let name = machine["name"].as_str().unwrap();
        soon(
            &format!("{name} has rebooted"),
            || !matches!(&clinic.stage.machine(name)["leader"], now if now.is_null() || *now == machine["leader"]),
        );
        clinic.stage.project.run(&format!("cloud wait -for=boot {name}")).ok();
    }
    let password = clinic.passwords["postgres"].as_str().unwrap();
    soon("PostgreSQL answers", || clinic.login(VERIFIED, password, "SELECT 1").code() == Some(0));
    assert_eq!(clinic.app(CONTENT), before);
    soon("Redis answers", || clinic.redis_app(&["get", "kept"]) == "value");
    // Filters, metrics and the timer are back too, without anybody's doing.
    for (address, other, ports) in
        [(POSTGRES_ADDRESS, REDIS, [5432, 9187]), (REDIS_ADDRESS, POSTGRES, [6379, 9121])]
    {
        clinic.stage.only_from(address, &ports, "worker", other);
    }
    assert!(clinic.backup("list")["next"].is_string(), "the timer");
    assert_eq!(clinic.ask("postgres", "SHOW shared_buffers"), "1GB");
}

fn a_new_server_takes_the_volume_over(clinic: &Clinic<'_>) {
    let before = clinic.app(CONTENT);
    let id = clinic.stage.machine(POSTGRES)["id"].clone();
    let words = "apply -local -auto-approve -wait-for-boot=10m -replace=module.postgres.hcloud_server.this";
    let apply = clinic.stage.project.start(words);
    apply.within(std::time::Duration::from_secs(600)).wait().ok();
    assert_ne!(clinic.stage.machine(POSTGRES)["id"], id);
    assert_eq!(clinic.app(CONTENT), before);
    assert_eq!(clinic.backup("verify latest")["results"][0]["ok"], true);

    // The owner's password: what is set stays so when the set-up runs again.
    let new = "Another-password.of:40";
    clinic.postgres(&format!("echo '{new}' | pg-backup password; setup-postgres")).ok();
    clinic.login(VERIFIED, new, "SELECT 1").ok();
    let old = clinic.passwords["postgres"].as_str().unwrap();
    clinic.login(VERIFIED, old, "SELECT 1").code_is(2).tells(&["password authentication failed"]);
    clinic.postgres("echo short | pg-backup password").code_is(1).tells(&["12 to 128"]);
    clinic.postgres(&format!("echo '{old}' | pg-backup password")).ok();
}

/// As a new volume is at first boot: empty. A new cluster begins, and the old one's backups are in object storage.
fn a_lost_volume_comes_back_from_object_storage(clinic: &Clinic<'_>) {
    clinic.app("INSERT INTO patients VALUES (6000, 'in the archive only', '2000-01-01', '{}')");
    let moment =
        clinic.ask("nornos", "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
    let content = clinic.app(CONTENT);
    // A transaction from after the moment tells that nothing is missing up to it.
    clinic.ask("postgres", "SELECT pg_current_xact_id()");
    clinic.ask("postgres", "SELECT pg_switch_wal()");
    soon("the segment is archived", || {
        let waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
        clinic.ask("postgres", waiting) == "0"
    });
    clinic.postgres("pg-backup sync").ok();
    clinic
        .postgres(
            "systemctl stop pg-backup-sync.timer pg-backup.timer postgresql@15-main
             rm -rf /mnt/data/* /mnt/data/backups /etc/postgresql/15
             setup-postgres",
        )
        .ok();
    assert_eq!(clinic.app("SELECT count(*) FROM pg_tables WHERE tablename = 'patients'"), "0");
    let listed = clinic.backup("list");
    let backups = listed["backups"].as_array().unwrap();
    assert!(
        backups.len() >= 3 && backups.iter().all(|backup| backup["location"] == "object-storage"),
        "{listed}"
    );
    clinic.postgres("pg-backup restore latest").ok();
    assert_eq!(clinic.app("SELECT count(*) FROM patients WHERE name = 'before'"), "1");
    clinic.postgres(&format!("pg-backup restore latest --at {moment}")).ok();
    assert_eq!(clinic.app(CONTENT), content, "with what no dump has");
    // The new cluster's backups and archive lie beside the old one's.
    clinic.backup("now");
    assert_eq!(clinic.backup("verify latest")["results"][0]["ok"], true);
    let systems = clinic.postgres("object-storage list wal | cut -d / -f 2 | sort -u | wc -l").ok().stdout;
    assert_eq!(systems.trim(), "2");
}
