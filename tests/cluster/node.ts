/** One node, forked by the tests: all that makes it one is in its environment. It sends its URL. */
import type { ServerlessPoolOptions } from "@holdfast/server";
import { setup } from "holdfast";
import { clusterActors, nextNotebook } from "./actors.ts";

const serve = process.env["TEST_DEFINES"]?.split(",");
const isNextRelease = process.env["TEST_RELEASE"] === "2";
const release = isNextRelease ? { ...clusterActors, notebook: nextNotebook } : clusterActors;
const use = Object.fromEntries(
  Object.entries(release).filter(([name]) => serve === undefined || serve.includes(name)),
) as typeof clusterActors;
const ttlMs = Number(process.env["TEST_TTL_MS"] ?? 10_000);
/** Variables of the tests that the product has as options only. */
const {
  TEST_WAKEUPS: wakeups,
  TEST_POLL_MS: pollMs,
  TEST_NATS_REQUIRED: required,
  TEST_MAX_CALLS: maxCalls,
  TEST_SERVERLESS_POOLS: pools,
} = process.env;
const cluster = {
  ttlMs,
  ...(wakeups === undefined
    ? {}
    : { wakeups: wakeups === "none" ? [] : [wakeups as "nats" | "links" | "notify"] }),
  ...(maxCalls === undefined ? {} : { maxCallsInProgress: Number(maxCalls) }),
  ...(pollMs === undefined ? {} : { pollMs: Number(pollMs) }),
  ...(pools === undefined ? {} : { serverlessPools: JSON.parse(pools) as ServerlessPoolOptions[] }),
  ...(required === undefined ? {} : { nats: { url: "", required: true } }),
};
const registry = setup({ use, noWelcome: true, httpPort: 0, cluster });
const { url } = await registry.start();
process.send?.({ url });
