import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { ownImports } from "@holdfast/testing/own-imports";

/** Prints what is imported, and whether the fetch client of Node was loaded with it. */
const program = `
  import http, { createServer, request } from "node:http";
  const isLoaded = process.moduleLoadList.some((name) => name.endsWith("internal/deps/undici/undici"));
  console.log(http === process.getBuiltinModule("node:http"), typeof createServer, typeof request, isLoaded);`;

test("modules of Holdfast get node:http without the fetch client, and others get it whole", () => {
  const run = (cwd: string) =>
    execFileSync(process.execPath, [...ownImports, "--input-type=module", "--eval", program], {
      cwd,
      encoding: "utf8",
    });
  // A program on the command line counts as a module of the folder that it is run in.
  assert.equal(run(import.meta.dirname), "true function function false\n");
  assert.equal(run(tmpdir()), "true function function true\n");
});
