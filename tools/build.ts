/**
 * Builds the Studio's web app when its sources are newer than what is there. `npm start` and
 * `npm test` call it, so that a fresh clone and a pulled change both show the app that belongs to them.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

const studio = join(root, "packages", "studio");
const output = join(studio, "dist", "web");
const stamp = join(root, ".cache", "web.stamp");

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Everything that ends up in the bundle, and what builds it. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const inputs = [
    ...filesBelow(join(studio, "src")),
    ...filesBelow(join(root, "packages", "client", "src")),
    ...filesBelow(join(root, "packages", "core", "src")),
    join(studio, "vite.config.ts"),
    join(root, "package-lock.json"),
  ];
  for (const path of inputs) hash.update(path.slice(root.length)).update(readFileSync(path));
  return hash.digest("hex");
}

const current = fingerprint();
const built =
  existsSync(join(output, "index.html")) && existsSync(stamp) && readFileSync(stamp, "utf8") === current;
if (!built) {
  console.log("Building the web app");
  const result = spawnSync(
    process.execPath,
    [join(root, "node_modules", "vite", "bin", "vite.js"), "build", "--logLevel", "warn"],
    {
      cwd: studio,
      stdio: "inherit",
    },
  );
  if (result.status !== 0) process.exit(result.status ?? 1);
  mkdirSync(join(root, ".cache"), { recursive: true });
  writeFileSync(stamp, current);
}
