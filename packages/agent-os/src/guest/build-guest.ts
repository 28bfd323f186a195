/** Builds `dist/guest-bundle` for the published package: `node src/guest/build-guest.ts`. */
import { fileURLToPath } from "node:url";
import { publishMachinePrograms } from "./programs.ts";

await publishMachinePrograms(fileURLToPath(new URL("../../dist/guest-bundle", import.meta.url)));
