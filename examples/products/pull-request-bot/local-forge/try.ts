/** Starts a forge on this machine and the bot beside it: `npm run try`. */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { LocalForge } from "./forge.ts";
import { files, issues } from "./sample.ts";

const directory = resolve(process.env["HOLDFAST_DATA"] ?? ".holdfast", "local-forge");
const secret = randomBytes(20).toString("hex");
const port = process.env["HOLDFAST_PORT"] ?? "6420";
const webhook = { url: `http://127.0.0.1:${port}/webhook`, secret };
const forge = await LocalForge.start({ directory, files, issues, webhook });
Object.assign(process.env, {
  ...{ FORGE_API_URL: `${forge.url}/api/v1`, FORGE_URL: forge.url },
  ...{ FORGE_TOKEN: "none", WEBHOOK_SECRET: secret },
});
// Its settings are read when it is loaded.
await import("../server.ts");
console.log(`Issues for it are at ${forge.url}`);
