/** Writes `dist/guest` for the published package: `node src/jail/build-guest.ts`. */
import { fileURLToPath } from "node:url";
import { prebuildGuest } from "./bundle.ts";

await prebuildGuest(fileURLToPath(new URL("../../dist/guest", import.meta.url)));
