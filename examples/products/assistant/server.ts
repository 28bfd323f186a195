/** One port for the page, the actors and signing in. HOLDFAST_PORT, HOLDFAST_HOST and HOLDFAST_DATA are its settings. */
import { join } from "node:path";
import { registry } from "./actors.ts";
import { signInRoutes } from "./sign-in/routes.ts";

/** A page that is built already, as in a container; otherwise it is built at each start. */
const built = process.env["HOLDFAST_PUBLIC_DIR"];
const publicDir = built ?? join(import.meta.dirname, "dist");
const isDevelopment = process.env["NODE_ENV"] === "development";
if (built === undefined) {
  const { build, buildOnSave } = await import("./build.ts");
  await build(publicDir);
  if (isDevelopment) buildOnSave(publicDir);
}
const { url } = await registry.listen({ publicDir, application: signInRoutes(registry.client) });
// In development, `holdfast dev` prints the address: it stays when the program is loaded anew.
if (!isDevelopment) console.log(`Listening on ${url}`);
