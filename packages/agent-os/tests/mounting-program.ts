/**
 * A host that mounts a sandbox: `node mounting-program.ts <url> <token> <base> <directory> [timeoutMs]`. Prints the path;
 * SIGTERM unmounts.
 */
import { once } from "node:events";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { createSandboxFs } from "../src/index.ts";

const [, , baseUrl = "", token = "", basePath = "", directory = "", timeoutMs = "10000"] = process.argv;
const client = await SandboxAgent.connect({ baseUrl, token, skipHealthCheck: true });
const driver = createSandboxFs({ client, basePath, timeoutMs: Number(timeoutMs) });
const folder = await driver.mount(directory);
const terminated = once(process, "SIGTERM");
process.stdout.write(`${folder.path}\n`);
// Without its mount, nothing else keeps the process alive.
const alive = setInterval(() => {}, 2 ** 30);
await terminated;
clearInterval(alive);
await folder.close();
await client.dispose();
