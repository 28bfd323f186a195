/** Builds `dist/guest` for the published package: `node src/jail/build-guest.ts`. */
import { fileURLToPath } from "node:url";
import { writeGuestBundle } from "./bundle.ts";

await writeGuestBundle(fileURLToPath(new URL("../../dist/guest", import.meta.url)));
