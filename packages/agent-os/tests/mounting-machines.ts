/** A host of machines that see another sandbox: `node mounting-machines.ts <url> <token> <base> <directory>`. Prints its address. */
import { join } from "node:path";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { setup } from "holdfast";
import { agentOs, createSandboxFs } from "../src/index.ts";

const [, , baseUrl = "", token = "", basePath = "", directory = ""] = process.argv;
const client = await SandboxAgent.connect({ baseUrl, token });
const driver = createSandboxFs({ client, basePath });

export const registry = setup({
  use: {
    vm: agentOs({
      dataDirectory: join(directory, "machines"),
      mounts: [
        { path: "/sandbox", driver },
        { path: "/readable", plugin: driver, readOnly: true },
      ],
    }),
  },
  ...{ dataDirectory: join(directory, "data"), enginePort: 0, noWelcome: true },
});
const { url } = await registry.start();
process.stdout.write(`${url}\n`);
