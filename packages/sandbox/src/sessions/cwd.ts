import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Paths } from "../fs/paths/paths.ts";
import { invalid } from "../http/problem.ts";
import type { Mounts } from "../internal/mounts/mounts.ts";

export interface CwdOptions {
  /** The default directory, and the base of relative paths. */
  readonly base: string;
  readonly home: string;
  readonly mounts: Mounts;
  /** Set if working directories must be inside the root. */
  readonly paths?: Paths;
}

/**
 * Resolves the working directory of a session. A root does not confine the agent itself; the check only
 * catches mistakes of callers.
 */
export async function sessionCwd(cwd: string | undefined, options: CwdOptions): Promise<string> {
  const { base, home, mounts, paths } = options;
  if (cwd === undefined) return base;
  if (paths) {
    const resolved = await paths.walk(cwd, { follow: true });
    await resolved.close();
    return resolved.display;
  }
  const path = resolve(base, cwd === "~" || cwd.startsWith("~/") ? home + cwd.slice(1) : cwd);
  await mounts.checkResponsive([path]);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw invalid(`the working directory "${cwd}" does not exist`);
  return path;
}
