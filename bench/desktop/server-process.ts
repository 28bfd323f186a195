/** `server-process.ts <home>`: a sandbox server whose processor time is its own. Tells its parent its address. */
import { createSandboxServer } from "@holdfast/sandbox";

const [home = ""] = process.argv.slice(2);
const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, home, cwd: home });
process.send?.({ url: server.url, token: server.token });
process.once("disconnect", () => void server.close().then(() => process.exit()));
