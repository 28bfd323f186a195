/** The location of the built inspector, and what it shows of the program beside its actors. */
import { fileURLToPath } from "node:url";

export type { DevProblem, DevStatus, TypeProblem } from "./dev-status.ts";

/** The folder of the built app: `index.html` and `assets/`. Empty in a checkout that was not built. */
export function actorInspectorDirectory(): string {
  // Published code is in `dist`, beside the app; sources are in `src`.
  const folder = import.meta.url.endsWith(".ts") ? "../dist/web/" : "./web/";
  return fileURLToPath(new URL(folder, import.meta.url));
}
