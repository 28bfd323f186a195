/**
 * A host of machines that see another sandbox, a bucket and a folder in memory: `node mounting-machines.ts <url> <token>
 * <base> <directory> <bucket endpoint>`. Prints its address.
 */
import { join } from "node:path";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { setup } from "holdfast";
import { agentOs, createInMemoryFileSystem, createS3Backend, createSandboxFs } from "../src/index.ts";

const [, , baseUrl = "", token = "", basePath = "", directory = "", endpoint = ""] = process.argv;
const client = await SandboxAgent.connect({ baseUrl, token });
const driver = createSandboxFs({ client, basePath });
const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
const bucket = createS3Backend({ bucket: "files", prefix: "own", endpoint, credentials });

export const registry = setup({
  use: {
    vm: agentOs({
      dataDirectory: join(directory, "machines"),
      mounts: [
        { path: "/sandbox", driver },
        { path: "/readable", plugin: driver, readOnly: true },
        { path: "/bucket", driver: bucket },
        { path: "/memory", driver: createInMemoryFileSystem() },
      ],
    }),
    gvisor: agentOs({
      dataDirectory: join(directory, "gvisor"),
      jails: { driver: "gvisor" },
      mounts: [{ path: "/memory", driver: createInMemoryFileSystem() }],
    }),
  },
  ...{ dataDirectory: join(directory, "data"), enginePort: 0, noWelcome: true },
});
const { url } = await registry.start();
process.stdout.write(`${url}\n`);
