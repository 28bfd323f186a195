/**
 * `npm run cluster`: PostgreSQL, NATS and three nodes on this machine, and a page where they can be killed, frozen, cut
 * off and drained. Options: --port (6480), --ttl seconds (3).
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "@holdfast/testing/free-port";
import { startNats } from "@holdfast/testing/nats";
import { findProgram, startPostgres } from "@holdfast/testing/postgres";
import { buildPage } from "./build-page.ts";
import { DemoCluster } from "./cluster.ts";
import { Control } from "./control.ts";

/** A demonstration that runs. */
export interface Demo {
  /** URL of the page. */
  readonly url: string;
  readonly cluster: DemoCluster;
  close(): Promise<void>;
}

export interface DemoOptions {
  readonly port?: number;
  readonly ttlMs?: number;
  readonly log?: (text: string) => void;
}

export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { port = 0, ttlMs = 3_000, log = () => undefined } = options;
  const cleanup = new AsyncDisposableStack();
  try {
    log("PostgreSQL starts");
    const server = await startPostgres();
    cleanup.defer(() => server.stop());
    // Without it nodes wake each other over their links.
    const nats = findProgram("nats-server") === undefined ? undefined : await startNats();
    if (nats !== undefined) cleanup.defer(() => nats.stop());
    const directory = join(import.meta.dirname, ".holdfast", String(process.pid));
    mkdirSync(directory, { recursive: true });
    cleanup.defer(() => rmSync(directory, { recursive: true, force: true }));
    let control: Control | undefined;
    const cluster = new DemoCluster({
      ...{ store: server.createDatabase(), studioStore: server.createDatabase() },
      ...{ nats: nats?.url, directory, ttlMs, log },
      secret: randomBytes(24).toString("base64url"),
      clusterKey: randomBytes(32).toString("base64"),
      changed: () => control?.changed(),
    });
    const files = await buildPage();
    const page = new Control({ cluster, ttlMs, hasNats: nats !== undefined, directory, files });
    control = page;
    cleanup.defer(() => page.close());
    log("Three nodes start");
    cleanup.defer(() => cluster.stop());
    await cluster.start(freePort);
    const bound = await page.listen(port);
    void page.startAgent().catch((error: unknown) => log(`The task could not start: ${String(error)}`));
    return { url: `http://127.0.0.1:${bound}/`, cluster, close: () => cleanup.disposeAsync() };
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: "string" }, ttl: { type: "string" } },
  });
  const demo = await startDemo({
    port: Number(values.port ?? 6480),
    ttlMs: Number(values.ttl ?? 3) * 1_000,
    log: (text) => console.log(text),
  });
  console.log(`\nOpen ${demo.url}\nCtrl-C ends everything.`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void demo.close().then(() => process.exit(0)));
  }
}
