/** Command-line options of a node. */
import { clusterOptions } from "@holdfast/server";
import type { StudioOptions } from "@holdfast/studio";
import { sharedStoreUrl } from "./shared-store.ts";

export const nodeOptions = {
  store: { type: "string" },
  advertise: { type: "string" },
  "listen-nodes": { type: "string" },
  node: { type: "string" },
  serve: { type: "string" },
  zone: { type: "string" },
  "cluster-key-file": { type: "string" },
  nats: { type: "string" },
} as const;

/** Help text of the options. */
export const nodeUsage = `  --store URL        PostgreSQL database of the actors, or several with commas, or a Redis server
                     (default: HOLDFAST_STORE, or SQLite in the data directory)
  --advertise URL    URL of this node for the other nodes of a cluster (default: HOLDFAST_ADVERTISE);
                     the cluster's secret is in HOLDFAST_CLUSTER_SECRET
  --listen-nodes HOST:PORT
                     where it listens for them (default: HOLDFAST_LISTEN or the advertised address)
  --node NAME        name of this node (default: HOLDFAST_NODE or host name and port)
  --serve NAMES      actors that it runs, with commas (default: HOLDFAST_SERVE or all);
                     a node without "task" needs no jails
  --zone NAME        shown with the node (default: HOLDFAST_ZONE)
  --nats URL         NATS servers for wake-ups between the nodes (default: HOLDFAST_NATS or none)
  --cluster-key-file FILE
                     key that seals the secrets of all nodes: 32 bytes in base64, the same on all
                     (default: HOLDFAST_CLUSTER_KEY or HOLDFAST_CLUSTER_KEY_FILE)`;

/** The variable that each option overrides. */
const variables = {
  advertise: "HOLDFAST_ADVERTISE",
  "listen-nodes": "HOLDFAST_LISTEN",
  node: "HOLDFAST_NODE",
  serve: "HOLDFAST_SERVE",
  zone: "HOLDFAST_ZONE",
  nats: "HOLDFAST_NATS",
} as const;

type Values = { readonly [Name in keyof typeof nodeOptions]?: string | undefined };

/** Store and cluster of the Studio to start. Throws `gateway.invalid_config`. */
export function parseNode(values: Values): Pick<StudioOptions, "store" | "cluster" | "clusterKeyFile"> {
  const environment: Record<string, string | undefined> = { ...process.env };
  for (const [option, variable] of Object.entries(variables)) {
    const value = values[option as keyof typeof variables];
    if (value !== undefined) environment[variable] = value;
  }
  const store = values.store ?? sharedStoreUrl();
  const cluster = clusterOptions(undefined, environment);
  const file = values["cluster-key-file"];
  return {
    ...(file === undefined ? {} : { clusterKeyFile: file }),
    ...(store === undefined ? {} : { store }),
    ...(cluster === undefined ? {} : { cluster }),
  };
}
