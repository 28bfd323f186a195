/** One port for the page, the actors and the routes: `node server.ts`. */
import { join } from "node:path";
import { registry } from "./actors.ts";
import { modelName } from "./model.ts";
import { application } from "./routes.ts";

if (modelName === "demo")
  console.log("The demo model summarises: it needs no key. For a real one: README.md");

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
// In development, `holdfast dev` prints the address: it stays when the program is loaded anew.
if (!isDevelopment) console.log(`Listening on ${url}`);
