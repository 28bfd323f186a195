/** Where the built inspector lies. */
import { fileURLToPath } from "node:url";

/** The folder with the built app: `index.html` and `assets/`. It is empty in a checkout that was not built. */
export function inspectorDirectory(): string {
  // Published code lies in `dist`, beside the app; sources lie in `src`.
  const folder = import.meta.url.endsWith(".ts") ? "../dist/web/" : "./web/";
  return fileURLToPath(new URL(folder, import.meta.url));
}
