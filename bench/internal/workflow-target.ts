/** Starts workflows in the store of its first argument and waits to be killed. Usage: `<directory> <count>`. */
import { serveTarget } from "./target.ts";
import { openWorkflows } from "./workflows.ts";

const [directory = "", count = "0"] = process.argv.slice(2);
const { client } = openWorkflows(directory);
for (let n = 0; n < Number(count); n++) {
  const handle = client.waiting.getOrCreate(String(n), { createWithInput: {} });
  let waits: unknown;
  while (waits !== true) waits = await handle.query("waits").catch(() => false);
}
serveTarget({ port: 0 });
