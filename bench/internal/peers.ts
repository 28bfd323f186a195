/** Peers that do the same call, where they are installed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Call } from "./calls.ts";
import { Target } from "./target.ts";

export interface Peer {
  readonly target: Target;
  readonly call: Call;
}

const jsonHeaders = { "content-type": "application/json" };
const payload = Buffer.from(JSON.stringify({ args: [1] })).toString("base64");

/** Entry file of miniflare, which runs Durable Objects in workerd; undefined when it is not installed. */
export function miniflareEntry(): string | undefined {
  const runtimes = join(import.meta.dirname, "..", "..", ".cache", "runtimes");
  const entry = join(runtimes, "node_modules", "miniflare", "dist", "src", "index.js");
  return existsSync(entry) ? entry : undefined;
}

/** Starts a Durable Object with a SQLite counter in `directory`, or returns the reason why it cannot. */
export async function startDurableObjects(directory: string): Promise<Peer | string> {
  const entry = miniflareEntry();
  if (entry === undefined)
    return "Durable Objects were not measured: miniflare is not installed in .cache/runtimes";
  const target = await Target.start("durable-object-target", [entry, join(directory, "objects")]);
  return { target, call: { transport: "http", paths: ["/"], payload, headers: jsonHeaders } };
}

/**
 * Starts an actor of the peer's own package that saves its state in each call, or returns the reason why it cannot.
 * BENCH_PEER names the folder whose node_modules has the package.
 */
export async function startPeer(directory: string): Promise<Peer | string> {
  const folder = process.env["BENCH_PEER"];
  if (folder === undefined)
    return "rivetkit was not measured: set BENCH_PEER to a folder whose node_modules has it";
  const target = await Target.start("rivetkit-target", [folder, join(directory, "rivetkit")]);
  const headers = { ...jsonHeaders, "x-rivet-encoding": "json" };
  const path = `/gateway/${target.about["actorId"]}/action/increment`;
  return { target, call: { transport: "http", paths: [path], payload, headers } };
}
