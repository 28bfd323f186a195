/**
 * Builds the web apps (the Studio, the inspector of a sandbox server) and the description of the Studio's API whose sources are newer than their builds. `npm
 * start` and `npm test` call it, so that a fresh clone and a pulled change both show current apps.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

interface WebApp {
  readonly title: string;
  /** The package with `vite.config.ts` and `dist/web`. */
  readonly folder: string;
  readonly stamp: string;
  /** Sources that are part of the bundle, relative to `packages`. */
  readonly sources: readonly string[];
}

const apps: readonly WebApp[] = [
  {
    title: "the web app",
    folder: "studio",
    stamp: "web.stamp",
    sources: [
      "studio/src",
      "web-parts/src",
      "web-parts/public",
      "sandbox-react/src",
      "client/src",
      "core/src",
    ],
  },
  {
    title: "the inspector of a sandbox server",
    folder: "sandbox-ui",
    stamp: "sandbox-ui.stamp",
    sources: [
      "sandbox-ui/src",
      "web-parts/src",
      "web-parts/public",
      "sandbox-react/src",
      "sandbox-client/src",
      "core/src",
    ],
  },
];

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Sources of the bundle, and of the tools that build it. */
function fingerprint(app: WebApp): string {
  const hash = createHash("sha256");
  const inputs = [
    ...app.sources.flatMap((source) => filesBelow(join(root, "packages", source))),
    join(root, "packages", app.folder, "vite.config.ts"),
    join(root, "package-lock.json"),
  ];
  for (const path of inputs) hash.update(path.slice(root.length)).update(readFileSync(path));
  return hash.digest("hex");
}

function build(app: WebApp): void {
  const folder = join(root, "packages", app.folder);
  const stamp = join(root, ".cache", app.stamp);
  const current = fingerprint(app);
  const built =
    existsSync(join(folder, "dist", "web", "index.html")) &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === current;
  if (built) return;
  console.log(`Building ${app.title}`);
  const result = spawnSync(
    process.execPath,
    [join(root, "node_modules", "vite", "bin", "vite.js"), "build", "--logLevel", "warn"],
    { cwd: folder, stdio: "inherit" },
  );
  if (result.status !== 0) process.exit(result.status ?? 1);
  mkdirSync(join(root, ".cache"), { recursive: true });
  writeFileSync(stamp, current);
}

/** `dist/api` of the Studio: schemas from the types of its contract. Takes a few seconds, so that no stamp is kept. */
function buildApi(): void {
  const script = join(root, "packages", "studio", "src", "api", "build.ts");
  const result = spawnSync(process.execPath, [script], { stdio: "inherit" });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

for (const app of apps) build(app);
buildApi();
