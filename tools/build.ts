/**
 * Builds what is newer in its sources than in `dist`: the web apps (the Studio, the inspectors of a sandbox server and
 * of actors) and the description of the Studio's API. Keeps the modules of all packages without their types. `npm
 * start` and `npm test` call it, so that a fresh clone and a pulled change both show current ones.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

interface Product {
  readonly title: string;
  /** The folder where its program runs. */
  readonly folder: string;
  readonly program: readonly string[];
  /** A file that is there once it is built. */
  readonly result: string;
  readonly stamp: string;
  /** What it is made of, and the tools that make it: files and folders. */
  readonly sources: readonly string[];
}

const buildWeb = [join(root, "node_modules", "vite", "bin", "vite.js"), "build", "--logLevel", "warn"];
const shared = ["packages/web-parts/src", "packages/web-parts/public", "packages/sandbox-react/src"];

const products: readonly Product[] = [
  {
    title: "the web app",
    folder: "packages/studio",
    program: buildWeb,
    result: "packages/studio/dist/web/index.html",
    stamp: "web.stamp",
    sources: [
      ...["packages/studio/src", ...shared, "packages/client/src", "packages/core/src"],
      "packages/studio/vite.config.ts",
    ],
  },
  {
    title: "the inspector of a sandbox server",
    folder: "packages/sandbox-ui",
    program: buildWeb,
    result: "packages/sandbox-ui/dist/web/index.html",
    stamp: "sandbox-ui.stamp",
    sources: [
      ...["packages/sandbox-ui/src", ...shared, "packages/sandbox-client/src", "packages/core/src"],
      "packages/sandbox-ui/vite.config.ts",
    ],
  },
  {
    title: "the inspector of actors",
    folder: "packages/inspector-ui",
    program: buildWeb,
    result: "packages/inspector-ui/dist/web/index.html",
    stamp: "inspector-ui.stamp",
    sources: [
      ...["packages/inspector-ui/src", ...shared, "packages/core/src"],
      "packages/inspector-ui/vite.config.ts",
    ],
  },
  {
    title: "the description of the API",
    folder: ".",
    program: [join(root, "packages", "studio", "tools", "api", "build.ts")],
    result: "packages/studio/dist/api/api.json",
    stamp: "api.stamp",
    sources: [
      "packages/studio/src",
      "packages/core/src",
      "packages/sandbox-client/src",
      "packages/studio/tools",
    ],
  },
];

function filesOf(source: string): string[] {
  const path = join(root, source);
  if (/\.ts$/.test(source)) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function fingerprint({ sources }: Product): string {
  const hash = createHash("sha256");
  for (const path of [...sources.flatMap(filesOf), join(root, "package-lock.json")])
    hash.update(path.slice(root.length)).update(readFileSync(path));
  return hash.digest("hex");
}

function build(product: Product): void {
  const stamp = join(root, ".cache", product.stamp);
  const current = fingerprint(product);
  const isBuilt =
    existsSync(join(root, product.result)) && existsSync(stamp) && readFileSync(stamp, "utf8") === current;
  if (isBuilt) return;
  console.log(`Building ${product.title}`);
  const { status } = spawnSync(process.execPath, product.program, {
    cwd: join(root, product.folder),
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  mkdirSync(join(root, ".cache"), { recursive: true });
  writeFileSync(stamp, current);
}

for (const product of products) build(product);
// Node calls what it is done with experimental.
const strip = ["--disable-warning=ExperimentalWarning", join(root, "tools", "strip-sources.ts")];
const { status } = spawnSync(process.execPath, strip, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
