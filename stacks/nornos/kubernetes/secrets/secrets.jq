# The platform's secrets, from the outputs of an environment (ferroform output -json). Nothing is left out silently: what every
# environment has and is missing here ends with an error that names it.
def need($path; $what):
  getpath($path) as $value
  | if $value == null or $value == "" then error("the outputs have no \($path | join(".")): \($what)") else $value end;

def secret($name; $namespace; $type; $data):
  {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: $name,
      namespace: $namespace,
      # Not app.kubernetes.io/part-of, so that a deployment of the services never prunes them.
      labels: { "app.kubernetes.io/managed-by": "nornos-secrets" }
    },
    type: $type,
    data: ($data | map_values(@base64))
  };

def alertmanager($webhook):
  {
    route: {
      receiver: (if $webhook == "" then "nobody" else "slack" end),
      group_by: ["alertname", "namespace"],
      group_wait: "30s",
      group_interval: "5m",
      repeat_interval: "4h",
      # Always firing, to show that alerts come through at all.
      routes: [{ matchers: ["alertname = Watchdog"], receiver: "nobody" }]
    },
    inhibit_rules: [
      {
        source_matchers: ["severity = critical"],
        target_matchers: ["severity = warning"],
        equal: ["instance", "namespace", "deployment"]
      }
    ],
    receivers: (
      [{ name: "nobody" }]
      + if $webhook == "" then [] else
        [
          {
            name: "slack",
            slack_configs: [
              {
                api_url: $webhook,
                channel: "#operations",
                send_resolved: true,
                title: "{{ .GroupLabels.alertname }} ({{ .Status }})",
                text: "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ end }}"
              }
            ]
          }
        ]
      end
    )
  };

. as $outputs
| [
    secret("database"; "nornos"; "Opaque"; {
      # The services have the authority's certificate, so they verify whom they talk to.
      url: (
        $outputs
        | need(["secrets", "value", "database_url"]; "the URL of PostgreSQL")
        | sub("sslmode=require"; "sslmode=verify-full&sslrootcert=/etc/nornos/ca/postgres.crt")
      )
    }),
    secret("redis"; "nornos"; "Opaque"; {
      url: ($outputs | need(["secrets", "value", "redis_url"]; "the URL of Redis"))
    }),
    secret("alertmanager-config"; "monitoring"; "Opaque"; {
      # JSON is YAML.
      "alertmanager.yaml": (alertmanager($ENV.SLACK_WEBHOOK_URL // "") | tojson)
    }),
    secret("databases-ca"; "nornos"; "Opaque"; {
      "postgres.crt": ($outputs | need(["postgres", "value", "certificate_authority"]; "the authority of PostgreSQL")),
      "redis.crt": ($outputs | need(["redis", "value", "certificate_authority"]; "the authority of Redis"))
    }),
    ($outputs.secrets.value.object_storage
      | select(. != null)
      | secret("object-storage"; "nornos"; "Opaque"; {
          endpoint: need(["endpoint"]; "the endpoint of the object storage"),
          region: need(["region"]; "the region of the object storage"),
          documents: need(["documents"]; "the bucket for documents"),
          "access-key": need(["access_key"]; "the access key of the object storage"),
          "secret-key": need(["secret_key"]; "the secret key of the object storage")
        })),
    (($ENV.REGISTRY_SERVER // "") | select(. != "") as $server
      | secret("registry"; "nornos"; "kubernetes.io/dockerconfigjson"; {
          ".dockerconfigjson": ({
            auths: {
              ($server): { auth: ("\($ENV.REGISTRY_USER):\($ENV.REGISTRY_PASSWORD)" | @base64) }
            }
          } | tojson)
        }))
  ]
| { apiVersion: "v1", kind: "List", items: . }
