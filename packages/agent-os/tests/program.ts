/** A program with machines, as the tests kill it: `node program.ts <directory> [intervalMs] [spares]`. Prints its address. */
import { join } from "node:path";
import { setup } from "holdfast";
import { agentOs } from "../src/index.ts";

const [, , directory = "", intervalMs = "60000", spares = "0"] = process.argv;

export const registry = setup({
  use: {
    vm: agentOs({
      dataDirectory: join(directory, "machines"),
      snapshots: { intervalMs: Number(intervalMs) },
      spares: Number(spares),
      sleepTimeout: 600_000,
    }),
  },
  dataDirectory: join(directory, "data"),
  enginePort: 0,
  noWelcome: true,
});
const { url } = await registry.start();
process.stdout.write(`${url}\n`);
