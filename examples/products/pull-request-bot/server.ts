/** One port for the page, the actors, the sign-in and the webhook: `node server.ts`. */
import { join } from "node:path";
import { registry } from "./actors.ts";
import { application } from "./routes.ts";
import { agent, forge, isJailed, password } from "./settings.ts";

for (const [name, value] of Object.entries({ FORGE_TOKEN: forge.token, WEBHOOK_SECRET: forge.webhookSecret }))
  if (value === "") console.warn(`${name} is not set, so that no job can start: see README.md`);
if (!isJailed) console.warn("Agents are not isolated: whoever writes an issue can run programs as you");
if (agent === "demo") console.log("The demo agent works: it needs no key. For a real one: AGENT=claude");

/** A page that is built already, as in a container; otherwise it is built at each start. */
const built = process.env["HOLDFAST_PUBLIC_DIR"];
const publicDir = built ?? join(import.meta.dirname, "dist");
const isDevelopment = process.env["NODE_ENV"] === "development";
if (built === undefined) {
  const { build, buildOnSave } = await import("./build.ts");
  await build(publicDir);
  if (isDevelopment) buildOnSave(publicDir);
}
const { url } = await registry.listen({ publicDir, application });
// Also makes the board, which pages only look up, and takes up what waits.
await registry.client.board.getOrCreate(["main"]).resume();
const secret = process.env["BOT_PASSWORD"] ? "BOT_PASSWORD" : password();
// In development, `holdfast dev` prints the address: it stays when the program is loaded anew.
console.log(isDevelopment ? `Sign in with ${secret}` : `Open ${url} and sign in with ${secret}`);
