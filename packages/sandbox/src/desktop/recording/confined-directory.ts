import { lstat, mkdir, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { problem } from "../../http/problem.ts";

/**
 * Creates a directory below `root`, and resolves to its path without links. Throws `permission_denied` if it, or a link
 * on the way to it, leaves the root.
 */
export async function makeConfinedDirectory(directory: string, root: string): Promise<string> {
  const realRoot = await realpath(root);
  const path = resolve(directory);
  const existing = await firstExisting(path);
  const real = await realpath(existing).catch(() => undefined);
  // A link to nowhere would be created at its target.
  if (real === undefined || !isInside(real, realRoot)) throw outside();
  const target = join(real, path.slice(existing.length));
  await mkdir(target, { recursive: true });
  if (!isInside(await realpath(target), realRoot)) throw outside();
  return target;
}

/** The path, or the nearest of its parents, that is there. */
async function firstExisting(path: string): Promise<string> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  return isThere || dirname(path) === path ? path : await firstExisting(dirname(path));
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

function outside(): Error {
  return problem("permission_denied", 403, "stateDir must be inside the root of the server");
}
