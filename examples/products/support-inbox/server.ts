/** One port for the pages, the actors and the routes. HOLDFAST_PORT, HOLDFAST_HOST and HOLDFAST_DATA are its settings. */
import { join } from "node:path";
import { registry } from "./actors.ts";
import { routes } from "./http/routes.ts";

/** Pages that are built already, as in a container; otherwise they are built at each start. */
const built = process.env["HOLDFAST_PUBLIC_DIR"];
const publicDir = built ?? join(import.meta.dirname, "dist");
if (built === undefined) await (await import("./build.ts")).build(publicDir);
const { url } = await registry.listen({ publicDir, application: routes(registry.client) });
console.log(`Listening on ${url}`);
