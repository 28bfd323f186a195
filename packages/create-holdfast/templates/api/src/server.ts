import { app } from "./app.ts";
import { registry } from "./registry.ts";

// One port for both: the routes of the app, and clients of the actors beside them.
const { url } = await registry.listen({ application: app });
console.log(`Try: curl ${url}/notes/ann -d '{"text":"Buy bread"}'`);
