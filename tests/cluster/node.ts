/** One node, forked by the tests: all that makes it one is in its environment. It sends its URL. */
import { setup } from "holdfast";
import { clusterActors } from "./actors.ts";

const serve = process.env["TEST_DEFINES"]?.split(",");
const use = Object.fromEntries(
  Object.entries(clusterActors).filter(([name]) => serve === undefined || serve.includes(name)),
) as typeof clusterActors;
const ttlMs = Number(process.env["TEST_TTL_MS"] ?? 10_000);
const registry = setup({ use, noWelcome: true, httpPort: 0, cluster: { ttlMs } });
const { url } = await registry.start();
process.send?.({ url });
