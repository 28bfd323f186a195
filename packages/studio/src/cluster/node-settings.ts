import { hostname } from "node:os";
import type { ClusterOptions } from "@holdfast/server";

/** False for a node that runs no tasks: it needs no jails. */
export function servesTasks(cluster: ClusterOptions | undefined): boolean {
  return cluster?.serve?.includes("task") !== false;
}

/** Names the node, because tasks and repositories refer to it. A free port is not known before the node listens. */
export function withNodeName(cluster: ClusterOptions): ClusterOptions {
  if (cluster.node !== undefined) return cluster;
  const { advertise = "" } = cluster;
  const port = URL.canParse(advertise) ? new URL(advertise).port || "80" : "0";
  return { ...cluster, node: `${hostname()}:${port === "0" ? `pid-${process.pid}` : port}` };
}
