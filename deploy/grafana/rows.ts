/** The rows of the dashboard: its panels and their expressions. */
import { byActor, node, perSecond, quantile, quantiles, type Row, studio } from "./panels.ts";

export const rows: readonly Row[] = [
  {
    title: "Overview",
    panels: [
      {
        title: "Nodes",
        description: "Nodes that answer the scraper.",
        unit: "short",
        stat: true,
        queries: [[`count(holdfast_commits_total{${node}})`, "nodes"]],
      },
      {
        title: "Calls",
        unit: "ops",
        stat: true,
        queries: [[`sum(${perSecond(`holdfast_actions_total{${byActor}}`)})`, "calls"]],
      },
      {
        title: "Calls that fail",
        unit: "percentunit",
        stat: true,
        queries: [
          [
            `sum(${perSecond(`holdfast_actions_total{${byActor},result="error"}`)}) / sum(${perSecond(`holdfast_actions_total{${byActor}}`)})`,
            "errors",
          ],
        ],
      },
      {
        title: "Actors in memory",
        unit: "short",
        stat: true,
        queries: [[`sum(holdfast_actors_active{${byActor}})`, "actors"]],
      },
    ],
  },
  {
    title: "Calls",
    panels: [
      {
        title: "Calls by actor",
        unit: "ops",
        queries: [[`sum by (actor) (${perSecond(`holdfast_actions_total{${byActor}}`)})`, "{{actor}}"]],
      },
      {
        title: "Errors by actor",
        description: "Calls that ended with an error, those that the program throws on purpose included.",
        unit: "ops",
        queries: [
          [`sum by (actor) (${perSecond(`holdfast_actions_total{${byActor},result="error"}`)})`, "{{actor}}"],
        ],
      },
      {
        title: "Calls that run",
        unit: "short",
        queries: [[`sum by (actor) (holdfast_actions_in_flight{${byActor}})`, "{{actor}}"]],
      },
      {
        title: "Calls of clients at nodes of a cluster",
        description: "Beyond maxCallsInProgress a node refuses calls with server.busy.",
        unit: "short",
        queries: [
          [`holdfast_calls_in_progress{${node}}`, "{{instance}} in progress"],
          [perSecond(`holdfast_calls_refused_total{${node}}`), "{{instance}} refused per second"],
        ],
      },
    ],
  },
  {
    title: "Latency",
    panels: [
      {
        title: "From a call to its answer",
        description: "With the commit before the answer.",
        unit: "s",
        queries: quantiles("holdfast_action_duration_seconds", byActor),
      },
      {
        title: "p99 by actor",
        unit: "s",
        queries: [[quantile(0.99, "holdfast_action_duration_seconds", byActor, ["actor"]), "{{actor}}"]],
      },
    ],
  },
  {
    title: "Actors",
    panels: [
      {
        title: "In memory",
        unit: "short",
        queries: [[`sum by (actor) (holdfast_actors_active{${byActor}})`, "{{actor}}"]],
      },
      {
        title: "Created and woken",
        unit: "ops",
        queries: [
          [`sum by (actor) (${perSecond(`holdfast_actors_created_total{${byActor}}`)})`, "{{actor}} created"],
          [`sum by (actor) (${perSecond(`holdfast_actors_woken_total{${byActor}}`)})`, "{{actor}} woken"],
        ],
      },
      {
        title: "Stopped, by reason",
        description:
          "failed: the actor's memory was discarded. fenced: another node has taken the actor over.",
        unit: "ops",
        queries: [
          [`sum by (reason) (${perSecond(`holdfast_actors_stopped_total{${byActor}}`)})`, "{{reason}}"],
        ],
      },
      {
        title: "Open connections",
        unit: "short",
        queries: [[`sum by (actor) (holdfast_connections{${byActor}})`, "{{actor}}"]],
      },
    ],
  },
  {
    title: "Queues and schedules",
    panels: [
      {
        title: "Messages that wait in queues",
        description: "Of actors in memory.",
        unit: "short",
        queries: [[`sum by (actor) (holdfast_queue_messages{${byActor}})`, "{{actor}}"]],
      },
      {
        title: "Sleeping actors that came due",
        unit: "ops",
        queries: [
          [`sum by (instance) (${perSecond(`holdfast_alarm_delay_seconds_count{${node}}`)})`, "{{instance}}"],
        ],
      },
      {
        title: "Delay of schedules",
        description: "From the time at which a sleeping actor was due until it was in memory.",
        unit: "s",
        queries: quantiles("holdfast_alarm_delay_seconds", node),
      },
    ],
  },
  {
    title: "Store commits",
    panels: [
      {
        title: "Commits",
        unit: "ops",
        queries: [[perSecond(`holdfast_commits_total{${node}}`), "{{instance}}"]],
      },
      {
        title: "From hand-over to durable",
        unit: "s",
        queries: quantiles("holdfast_commit_duration_seconds", node),
      },
      {
        title: "Commits that are not durable yet",
        unit: "short",
        queries: [
          [`holdfast_commits_in_flight{${node}}`, "{{instance}}"],
          [`holdfast_store_waiting_commits{${node}}`, "{{instance}} waiting for PostgreSQL"],
        ],
      },
      {
        title: "Failures of the store",
        description: "By the code of the error; there is no series before the first one.",
        unit: "ops",
        queries: [[`sum by (code) (${perSecond(`holdfast_store_errors_total{${node}}`)})`, "{{code}}"]],
      },
      {
        title: "Embedded store",
        unit: "ops",
        queries: [
          [perSecond(`holdfast_store_syncs_total{${node}}`), "{{instance}} syncs"],
          [perSecond(`holdfast_store_transactions_total{${node}}`), "{{instance}} transactions"],
          [perSecond(`holdfast_store_checkpoints_total{${node}}`), "{{instance}} checkpoints"],
        ],
      },
      {
        title: "Write-ahead logs of the embedded store",
        unit: "bytes",
        queries: [[`holdfast_store_wal_bytes{${node}}`, "{{instance}}"]],
      },
      {
        title: "Store on PostgreSQL",
        unit: "ops",
        queries: [
          [perSecond(`holdfast_store_retries_total{${node}}`), "{{instance}} retries"],
          [perSecond(`holdfast_store_settled_total{${node}}`), "{{instance}} settled"],
          [perSecond(`holdfast_store_pages_loaded_total{${node}}`), "{{instance}} pages loaded"],
        ],
      },
      {
        title: "Databases that cannot be reached",
        unit: "short",
        queries: [[`holdfast_store_unavailable_databases{${node}}`, "{{instance}}"]],
      },
    ],
  },
  {
    title: "Cluster: leases and links",
    panels: [
      {
        title: "Nodes by state",
        description: "As the node sees it that sees most.",
        unit: "short",
        queries: [[`max by (state) (holdfast_cluster_nodes{${node}})`, "{{state}}"]],
      },
      {
        title: "Time until a node stops to serve",
        description:
          "Unless it renews its session. It stays above two thirds of the session while all is well.",
        unit: "s",
        queries: [[`holdfast_cluster_lease_remaining_seconds{${node}}`, "{{instance}}"]],
      },
      {
        title: "Shards",
        unit: "short",
        queries: [
          [`holdfast_cluster_shards{${node}}`, "{{instance}}"],
          [`holdfast_cluster_shards_leaving{${node}}`, "{{instance}} to hand over"],
        ],
      },
      {
        title: "Shards that move",
        unit: "ops",
        queries: [[perSecond(`holdfast_cluster_shards_moved_total{${node}}`), "{{instance}} {{direction}}"]],
      },
      {
        title: "Renewals of sessions that fail, sessions lost",
        unit: "short",
        queries: [
          [
            `increase(holdfast_cluster_renewals_total{${node},result="error"}[$__rate_interval])`,
            "{{instance}} failed renewals",
          ],
          [
            `increase(holdfast_cluster_sessions_lost_total{${node}}[$__rate_interval])`,
            "{{instance}} sessions lost",
          ],
        ],
      },
      {
        title: "Links to other nodes",
        unit: "short",
        queries: [[`sum by (state) (holdfast_cluster_links{${node}})`, "{{state}}"]],
      },
      {
        title: "Requests passed on",
        unit: "ops",
        queries: [
          [`sum by (result) (${perSecond(`holdfast_cluster_forwarded_total{${node}}`)})`, "{{result}}"],
          [`sum(${perSecond(`holdfast_cluster_misdirected_total{${node}}`)})`, "misdirected"],
        ],
      },
      {
        title: "Until the other node answers",
        unit: "s",
        queries: quantiles("holdfast_cluster_forward_duration_seconds", node),
      },
      {
        title: "Clocks: database minus machine",
        unit: "s",
        queries: [[`holdfast_cluster_clock_difference_seconds{${node}}`, "{{instance}}"]],
      },
    ],
  },
  {
    title: "Tasks of the Studio",
    collapsed: true,
    panels: [
      {
        title: "Tasks, sessions and groups in memory",
        unit: "short",
        queries: [[`sum by (actor) (holdfast_actors_active{${studio}})`, "{{actor}}"]],
      },
      {
        title: "Calls",
        unit: "ops",
        queries: [[`sum by (actor) (${perSecond(`holdfast_actions_total{${studio}}`)})`, "{{actor}}"]],
      },
      {
        title: "Errors",
        unit: "ops",
        queries: [
          [`sum by (actor) (${perSecond(`holdfast_actions_total{${studio},result="error"}`)})`, "{{actor}}"],
        ],
      },
    ],
  },
  {
    title: "Sandbox servers",
    collapsed: true,
    panels: [
      {
        title: "Requests by route",
        unit: "ops",
        queries: [[`sum by (route) (${perSecond("holdfast_sandbox_requests_total")})`, "{{route}}"]],
      },
      {
        title: "Answers with a server error",
        unit: "ops",
        queries: [
          [
            `sum by (route, status) (${perSecond('holdfast_sandbox_requests_total{status=~"5.."}')})`,
            "{{route}} {{status}}",
          ],
        ],
      },
      {
        title: "p99 by route",
        unit: "s",
        queries: [
          [
            `histogram_quantile(0.99, sum by (le, route) (${perSecond("holdfast_sandbox_request_duration_seconds_bucket")}))`,
            "{{route}}",
          ],
        ],
      },
      {
        title: "In flight",
        unit: "short",
        queries: [
          ["sum(holdfast_sandbox_requests_in_flight)", "requests"],
          ["sum(holdfast_sandbox_websockets_open)", "WebSockets"],
        ],
      },
    ],
  },
  {
    title: "Processes",
    panels: [
      {
        title: "CPU",
        description: "Cores in use.",
        unit: "short",
        queries: [
          [
            `${perSecond(`process_cpu_user_seconds_total{${node}}`)} + ${perSecond(`process_cpu_system_seconds_total{${node}}`)}`,
            "{{instance}}",
          ],
        ],
      },
      {
        title: "Memory",
        unit: "bytes",
        queries: [
          [`process_resident_memory_bytes{${node}}`, "{{instance}} resident"],
          [`nodejs_heap_size_used_bytes{${node}}`, "{{instance}} heap"],
        ],
      },
      {
        title: "Delay of the event loop, p99",
        unit: "s",
        queries: [[`nodejs_eventloop_lag_p99_seconds{${node}}`, "{{instance}}"]],
      },
      {
        title: "Since the start",
        unit: "s",
        queries: [[`process_uptime_seconds{${node}}`, "{{instance}}"]],
      },
    ],
  },
];
