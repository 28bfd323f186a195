/**
 * One node: the actors of the demonstration, and a Studio whose agents work in jails. What makes it a node is in its
 * environment, which `cluster.ts` sets. It reports its URLs to its parent, and issues tickets for the Studio.
 */
import { createStudio } from "@holdfast/studio";
import { setup } from "holdfast";
import { actors } from "./actors.ts";

/** What a node tells its parent. */
export type NodeMessage =
  | { readonly type: "started"; readonly url: string; readonly studioUrl: string }
  | { readonly type: "ticket"; readonly ticket: string };

const variable = (name: string): string => process.env[name] ?? "";
const ttlMs = Number(variable("DEMO_TTL_MS"));
const tell = (message: NodeMessage): void => void process.send?.(message);

const registry = setup({ use: actors, httpPort: 0, noWelcome: true, cluster: { ttlMs } });
const { url } = await registry.start();
const studio = await createStudio({
  dataDirectory: variable("DEMO_STUDIO_DATA"),
  store: variable("DEMO_STUDIO_STORE"),
  cluster: {
    node: variable("HOLDFAST_NODE"),
    advertise: variable("DEMO_STUDIO_ADVERTISE"),
    listen: variable("DEMO_STUDIO_LISTEN"),
    secret: variable("HOLDFAST_CLUSTER_SECRET"),
    ttlMs,
  },
});
process.on("message", () => void studio.issueTicket().then((ticket) => tell({ type: "ticket", ticket })));
process.once("SIGTERM", () => {
  void Promise.all([registry.shutdown(), studio.close()]).then(() => process.exit());
});
// A node of a demonstration whose page has gone is of no use.
process.once("disconnect", () => process.exit());
tell({ type: "started", url, studioUrl: studio.url });
