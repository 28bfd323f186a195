import { Histogram, writeMetric } from "./prometheus.ts";

/** What a node counts of its part in the cluster. */
export class ClusterMetrics {
  readonly renewals = { ok: 0, error: 0 };
  readonly renewalDuration = new Histogram();
  /** Sessions that ended although the node ran on. */
  sessionsLost = 0;
  /** Shards that came from other nodes or were free, and those that were passed on. */
  readonly shardsMoved = { in: 0, out: 0 };
  /** Requests that other nodes were to answer, by outcome. */
  readonly forwarded = { ok: 0, here: 0, error: 0 };
  readonly forwardDuration = new Histogram();
  /** Answers of nodes that do not serve the actor any more. */
  misdirected = 0;

  /** In the text format of Prometheus; `gauges` are read at the time of the call. */
  text(gauges: ClusterGauges): string {
    const { nodes, links, shards, leaving, revision, leaseMs, clockDiffersMs } = gauges;
    return [
      ...byLabel("holdfast_cluster_nodes", "gauge", "Nodes with a session, by state", "state", nodes),
      ...plain("holdfast_cluster_shards", "gauge", "Shards that this node holds", shards),
      ...plain(
        "holdfast_cluster_shards_leaving",
        "gauge",
        "Shards that this node has yet to hand over",
        leaving,
      ),
      ...plain("holdfast_cluster_revision", "gauge", "Number of changes of nodes and leases", revision),
      ...byLabel(
        "holdfast_cluster_shards_moved_total",
        "counter",
        "Shards that came to this node, or went to another",
        "direction",
        this.shardsMoved,
      ),
      ...plain(
        "holdfast_cluster_lease_remaining_seconds",
        "gauge",
        "Time until this node stops to serve, unless it renews its session",
        Math.max(0, leaseMs) / 1_000,
      ),
      ...byLabel(
        "holdfast_cluster_renewals_total",
        "counter",
        "Renewals of the session of this node",
        "result",
        this.renewals,
      ),
      ...this.renewalDuration.write("holdfast_cluster_renewal_duration_seconds", "Of a renewal", {}),
      ...plain(
        "holdfast_cluster_sessions_lost_total",
        "counter",
        "Sessions that ended while the node ran",
        this.sessionsLost,
      ),
      ...byLabel(
        "holdfast_cluster_forwarded_total",
        "counter",
        "Requests for actors of other nodes, by outcome",
        "result",
        this.forwarded,
      ),
      ...this.forwardDuration.write(
        "holdfast_cluster_forward_duration_seconds",
        "From the decision to forward to the head of the answer",
        {},
      ),
      ...plain(
        "holdfast_cluster_misdirected_total",
        "counter",
        "Answers of nodes that did not serve the actor any more",
        this.misdirected,
      ),
      ...byLabel("holdfast_cluster_links", "gauge", "Links to other nodes, by state", "state", links),
      ...plain(
        "holdfast_cluster_clock_difference_seconds",
        "gauge",
        "Time of the database minus that of this machine",
        clockDiffersMs / 1_000,
      ),
      "",
    ].join("\n");
  }
}

/** State of a link to another node. */
export type LinkState = "connected" | "connecting" | "disconnected";

/** Values that are read on demand instead of counted. */
export interface ClusterGauges {
  readonly nodes: Readonly<Record<"serving" | "draining" | "expired", number>>;
  readonly links: Readonly<Record<LinkState, number>>;
  readonly shards: number;
  /** Shards of this node that others should hold. */
  readonly leaving: number;
  readonly revision: number;
  /** Remaining time in which this node may serve; negative if it may not. */
  readonly leaseMs: number;
  readonly clockDiffersMs: number;
}

function plain(name: string, type: "counter" | "gauge", help: string, value: number): readonly string[] {
  return writeMetric(name, type, help, [{ labels: {}, value }]);
}

function byLabel(
  name: string,
  type: "counter" | "gauge",
  help: string,
  label: string,
  values: Readonly<Record<string, number>>,
): readonly string[] {
  const samples = Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
  return writeMetric(name, type, help, samples);
}
