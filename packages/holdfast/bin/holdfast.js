#!/usr/bin/env node
// Finds a Node that runs Holdfast (24 or newer) and the command itself: the TypeScript source in a
// checkout, the built files in an installed package. What Node made of it is kept for the next start,
// which then takes a third of the time and, from sources, a third less memory.
import { spawnSync } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { constants, homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import "./own-imports.js";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "..", "src", "cli", "main.ts");
const built = join(here, "..", "dist", "cli", "main.js");
const entry = existsSync(source) ? source : built;
// By then whatever is started has been loaded, also what does not listen.
const startMs = 2_000;

if (Number(process.versions.node.split(".")[0]) >= 24) {
  optimise(false);
  // What becomes hot while nothing is optimised may never be optimised later: a server that got its first
  // requests then would stay as slow as it was.
  subscribe("tracing:net.server.listen:asyncEnd", () => optimise(true));
  keepCompiled();
  await import(pathToFileURL(entry).href);
} else {
  const node = pinnedNode();
  if (node === undefined) {
    console.error(
      `Holdfast needs Node 24 or newer; this is ${process.version}. Install it, or run: npm install node@24`,
    );
    process.exit(1);
  }
  const self = fileURLToPath(import.meta.url);
  const result = spawnSync(node, [self, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exit(result.status ?? 128 + (constants.signals[result.signal ?? "SIGTERM"] ?? 0));
}

// In the user's own folder: who can write there decides what runs, so that Node's default in the
// common folder for temporary files will not do. A folder that cannot be written is done without.
function keepCompiled() {
  const { XDG_CACHE_HOME: cache } = process.env;
  nodeModule.enableCompileCache(join(cache || join(homedir(), ".cache"), "holdfast", "compiled"));
  setTimeout(() => {
    // A server is not always ended in a way that leaves time for this.
    nodeModule.flushCompileCache();
    optimise(true);
  }, startMs).unref();
}

// What is hot in a start is the loading of a hundred modules, and cold ever after: to optimise it makes
// 7 MB of the engine's compilers resident, which an idle server never needs again.
function optimise(on) {
  for (const compiler of ["turbofan", "maglev"]) setFlagsFromString(`--${on ? "" : "no-"}${compiler}`);
}

function pinnedNode() {
  try {
    return nodeModule.createRequire(import.meta.url).resolve("node/bin/node");
  } catch {
    return undefined;
  }
}
