/** What a browser fetches before the Studio shows anything: of the built app, which `npm test` builds first. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const folder = join(import.meta.dirname, "..", "dist", "web");
const maxBytes = 200_000;

/** Paths of the scripts that the page asks for by itself, from the root of the app. */
function firstScripts(): readonly string[] {
  const page = readFileSync(join(folder, "index.html"), "utf8");
  return [...page.matchAll(/(?:src|href)="(\/[^"]+\.js)"/g)].flatMap(([, path]) => path ?? []);
}

test("the first load is less than 200 kB of JavaScript, compressed", () => {
  const scripts = firstScripts();
  assert.ok(scripts.length > 1, `only ${scripts.join(", ")}`);
  const sizes = scripts.map((path) => [path, gzipSync(readFileSync(join(folder, path))).length] as const);
  const sum = sizes.reduce((all, [, bytes]) => all + bytes, 0);
  const list = sizes.map(([path, bytes]) => `${path} ${bytes}`).join("\n");
  assert.ok(sum < maxBytes, `${sum} bytes:\n${list}`);
});
