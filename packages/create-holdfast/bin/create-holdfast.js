#!/usr/bin/env node
// Says plainly what an old Node lacks, in words that it understands, before anything newer is loaded.
import { existsSync } from "node:fs";

const version = process.versions.node;
const source = new URL("../src/main.ts", import.meta.url);

if (Number(version.split(".")[0]) < 24) {
  console.error(
    `Holdfast needs Node 24 or newer; this is ${version}. Install it from https://nodejs.org, or with a version manager: nvm install 24`,
  );
  process.exitCode = 1;
} else {
  // In a checkout the sources, in an installed package what was built of them.
  const main = existsSync(source) ? source.href : new URL("../dist/main.js", import.meta.url).href;
  void import(main);
}
