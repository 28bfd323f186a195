import { registry } from "./registry.ts";

// One port for both: the built pages, and the actors beside them.
const { url } = await registry.listen({ publicDir: "dist" });
console.log(`Listening on ${url}`);
