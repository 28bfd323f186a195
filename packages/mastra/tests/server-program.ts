/** A server to be killed: `node server-program.ts DIRECTORY` reports its address to its parent. */
import { openRegistry } from "./support.ts";

const { url } = await openRegistry(process.argv[2] ?? "").listen({ host: "127.0.0.1", port: 0 });
process.send?.(url);
