/** Nodes behind scale-to-zero HTTP: started by a request, and gone when they are idle. */
import { HoldfastError } from "@holdfast/core";
import { defaultPool } from "../place.ts";

/** A process that runs while requests keep it alive, and listens for no other node. Times are in milliseconds. */
export interface ServerlessOptions {
  /** Time without a request and without an actor in memory after which it leaves the cluster: 30,000. */
  readonly idleMs?: number;
  /** Time between two signs of life in the response to a start request: 10,000. */
  readonly pingMs?: number;
}

/** Where a node that listens starts others. Times are in milliseconds. */
export interface ServerlessPoolOptions {
  /** Where the registry is mounted: "https://app.example.com/api/holdfast". Start requests go to `/start` below it. */
  readonly url: string;
  /** Actors of this pool run there; "default" is that of actors without a pool. */
  readonly name?: string;
  /** Sent with each request to `url`, such as a key that the host asks for. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the host lets a request last: 3,600,000. The node is replaced before. */
  readonly lifespanMs?: number;
  /** The end of that time, in which the node hands over its actors: 30,000. */
  readonly graceMs?: number;
  /** Time limit for a node to start: 30,000. */
  readonly startTimeoutMs?: number;
  /** Age after which the list of actors that `url` has is read again, when an unknown one is asked for: 10,000. */
  readonly metadataMs?: number;
}

export const serverlessDefaults = {
  idleMs: 30_000,
  pingMs: 10_000,
  lifespanMs: 3_600_000,
  graceMs: 30_000,
  startTimeoutMs: 30_000,
  metadataMs: 10_000,
} as const;

/**
 * Pools as the environment names them: URLs with commas, each with the name of its pool and "=" in front, unless that
 * is the default one: "gpu=https://gpu.example.com/api/holdfast". Throws `gateway.invalid_config`.
 */
export function parsePools(text: string): readonly ServerlessPoolOptions[] {
  return text.split(",").map((entry) => {
    const [, name, url = ""] = /^(?:([^=:/?]+)=)?(.*)$/.exec(entry.trim()) ?? [];
    return { url, ...(name === undefined ? {} : { name }) };
  });
}

const durations = ["lifespanMs", "graceMs", "startTimeoutMs", "metadataMs"] as const;

/** Throws `gateway.invalid_config`. */
export function checkPools(pools: readonly ServerlessPoolOptions[]): void {
  const names = new Set<string>();
  for (const pool of pools) {
    const { url, name = defaultPool, lifespanMs, graceMs } = pool;
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw invalid(
        `"${url}" is not the URL of a serverless pool. Set "cluster.serverlessPools" or HOLDFAST_SERVERLESS_POOLS to a URL such as "https://app.example.com/api/holdfast"`,
      );
    }
    if (names.has(name)) throw invalid(`The serverless pool "${name}" has two URLs. Give each pool one`);
    names.add(name);
    for (const key of durations) checkDuration(`serverlessPools.${key}`, pool[key]);
    const { lifespanMs: all, graceMs: end } = serverlessDefaults;
    if ((lifespanMs ?? all) <= (graceMs ?? end)) {
      throw invalid(`The lifespan of the serverless pool "${name}" is not longer than its "graceMs"`);
    }
  }
}

/** Throws `gateway.invalid_config`. */
export function checkServerless({ idleMs, pingMs }: ServerlessOptions): void {
  checkDuration("serverless.idleMs", idleMs);
  checkDuration("serverless.pingMs", pingMs);
}

function checkDuration(name: string, value: unknown): void {
  if (value === undefined || (typeof value === "number" && value > 0 && value < 2 ** 31)) return;
  throw invalid(`"cluster.${name}" is not a number of milliseconds above 0`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}
