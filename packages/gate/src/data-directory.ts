import { resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";

/**
 * The absolute path of the data directory that `caller` was given. There is no default: an empty path would be
 * the working directory, where keys and databases would lie beside somebody's sources.
 * Throws `gate.invalid_config`.
 */
export function requireDataDirectory(dataDir: unknown, caller: string): string {
  if (typeof dataDir === "string" && dataDir.trim() !== "") return resolve(dataDir);
  throw new HoldfastError(
    "gate",
    "invalid_config",
    `${caller} was given no data directory. Pass the directory in which the gate keeps its files, for example ".holdfast".`,
    { statusCode: 400 },
  );
}
