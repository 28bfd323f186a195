import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSandboxServer, customAgent } from "../src/index.ts";

/** A server on the data directory of a test, as a process that the test can kill. */
const directory = process.argv[2] ?? "";
const agent = JSON.parse(await readFile(join(directory, "agent.json"), "utf8"));
const server = await createSandboxServer({
  listen: { host: "127.0.0.1", port: 0 },
  unsafeNoToken: true,
  home: join(directory, "home"),
  cwd: join(directory, "work"),
  dataDirectory: join(directory, "data"),
  agents: [customAgent(agent)],
});
process.once("SIGTERM", () => void server.close().then(() => process.exit(0)));
process.stdout.write(`${server.url}\n`);
