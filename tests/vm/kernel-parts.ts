import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** Modules are called with underscores by each other, and with either in the names of their files. */
const nameOf = (path: string) =>
  basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");

/**
 * The modules `wanted` below a folder of a kernel's modules, with those that they need in front of them, as they
 * are loaded; without what is built into the kernel. Throws for one that is neither.
 */
export function kernelParts(folder: string, wanted: readonly string[]): Buffer[] {
  const paths = globSync("kernel/**/*.ko*", { cwd: folder });
  const files = new Map(paths.map((path) => [nameOf(path), join(folder, path)]));
  const builtIn = new Set(
    readFileSync(join(folder, "modules.builtin"), "utf8").trim().split("\n").map(nameOf),
  );
  const loaded = new Map<string, Buffer>();
  const load = (name: string): void => {
    if (loaded.has(name) || builtIn.has(name)) return;
    const path = files.get(name);
    if (path === undefined) throw new Error(`the kernel has no part ${name}`);
    const content = unpacked(path);
    for (const needed of neededBy(content)) load(needed);
    loaded.set(name, content);
  };
  for (const name of wanted) load(name);
  return [...loaded.values()];
}

function unpacked(path: string): Buffer {
  if (!path.endsWith(".xz")) return readFileSync(path);
  const { status, stdout, stderr } = spawnSync("xz", ["--decompress", "--stdout", path], {
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${path} cannot be unpacked: ${String(stderr)}`);
  return stdout;
}

/** Module metadata such as `depends=a,b`, separated by zero bytes. */
function neededBy(module: Buffer): string[] {
  const [, names = ""] = /\0depends=([^\0]*)\0/.exec(module.toString("latin1")) ?? [];
  return names
    .split(",")
    .filter((name) => name !== "")
    .map((name) => name.replaceAll("-", "_"));
}
