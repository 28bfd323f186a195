/** One port for the page, the actors and signing in. HOLDFAST_PORT, HOLDFAST_HOST and HOLDFAST_DATA are its settings. */
import { join } from "node:path";
import { registry } from "./actors.ts";
import { answer } from "./routes.ts";
import { signWith } from "./sessions.ts";

/** A page that is built already, as in a container; otherwise it is built at each start. */
const built = process.env["HOLDFAST_PUBLIC_DIR"];
const publicDir = built ?? join(import.meta.dirname, "dist");
if (built === undefined) await (await import("./build.ts")).build(publicDir);
signWith(await registry.client.keyring.getOrCreate(["main"]).secret());
const { url } = await registry.listen({ publicDir, application: { fetch: answer } });
console.log(`Listening on ${url}`);
