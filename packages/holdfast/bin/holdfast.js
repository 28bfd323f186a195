#!/usr/bin/env node
// Finds a Node that runs Holdfast (24 or newer) and the command itself: the TypeScript source in a
// checkout, the built files in an installed package.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "..", "src", "cli", "main.ts");
const built = join(here, "..", "dist", "cli", "main.js");
const entry = existsSync(source) ? source : built;

if (Number(process.versions.node.split(".")[0]) >= 24) {
  await import(pathToFileURL(entry).href);
} else {
  const node = pinnedNode();
  if (node === undefined) {
    console.error(
      `Holdfast needs Node 24 or newer; this is ${process.version}. Install it, or run: npm install node@24`,
    );
    process.exit(1);
  }
  const result = spawnSync(node, [entry, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exit(result.status ?? 128 + (constants.signals[result.signal ?? "SIGTERM"] ?? 0));
}

function pinnedNode() {
  try {
    return createRequire(import.meta.url).resolve("node/bin/node");
  } catch {
    return undefined;
  }
}
