/**
 * Programs written in the public API of the peer (`rivetkit`), run and type-checked here with nothing
 * but their imports changed. Where the peer's own package is installed beside the repository
 * (HOLDFAST_PEER names the folder whose node_modules has it), the originals are checked against its types.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { embeddedOnly } from "@holdfast/testing/backends";
import { ProgramProcess } from "./program-process.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const originals = join(import.meta.dirname, "programs");
const copies = join(root, ".cache", "compat");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const files = readdirSync(originals).filter((name) => name.endsWith(".ts"));

const compilerOptions = {
  target: "es2024",
  lib: ["es2024", "esnext", "dom", "dom.iterable"],
  module: "nodenext",
  moduleResolution: "nodenext",
  strict: true,
  noUncheckedIndexedAccess: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
  types: ["node"],
};

/** The peer's types lose what these programs rely on: payloads of `conn.on`, `conn.connId`, circular helpers. */
const unlikePeerTypes = [
  "chat-room.ts",
  "context-types.ts",
  "disposal.ts",
  "reconnect.ts",
  "registry-routes.ts",
  "schemas.ts",
];

rmSync(copies, { recursive: true, force: true });
mkdirSync(copies, { recursive: true });
for (const name of files) {
  const text = readFileSync(join(originals, name), "utf8");
  writeFileSync(
    join(copies, name),
    text
      .replaceAll('"@rivetkit/react"', '"holdfast/react"')
      .replaceAll(/"rivetkit(\/[\w/]+)?"/g, '"holdfast$1"'),
  );
}

function checkTypes(directory: string, include: readonly string[], others: object = {}): Promise<unknown> {
  const config = { compilerOptions: { ...compilerOptions, ...others }, include };
  const file = join(directory, "tsconfig.json");
  writeFileSync(file, JSON.stringify(config));
  return run(process.execPath, [tsc, "-p", file], { maxBuffer: 1 << 24 }).catch(
    (error: { stdout: string }) => {
      assert.fail(error.stdout);
    },
  );
}

describe("programs of the peer", () => {
  const data = mkdtempSync(join(tmpdir(), "holdfast-compat-"));
  const programs = new ProgramProcess();
  after(() => {
    programs.close();
    rmSync(data, { recursive: true, force: true });
  });

  for (const name of files) {
    test(name, async () => {
      await programs.run({ file: join(copies, name), directory: join(data, name) });
    });
  }

  const skip = embeddedOnly("types are the same on every store");
  test("type-check with only the imports changed", { skip }, async () => {
    await checkTypes(copies, files);
  });

  test("type-check as a bundler reads them, where undefined is not the same as nothing", {
    skip,
  }, async () => {
    const others = { module: "esnext", moduleResolution: "bundler", exactOptionalPropertyTypes: true };
    await checkTypes(copies, files, others);
  });

  test("type-check against the peer's own package", { skip }, async (t) => {
    const peer = process.env["HOLDFAST_PEER"];
    if (peer === undefined || !existsSync(join(peer, "node_modules", "rivetkit"))) {
      t.diagnostic("the peer's package is not installed; HOLDFAST_PEER names the folder that has it");
      return;
    }
    const there = join(peer, "holdfast-compat");
    cpSync(originals, there, { recursive: true });
    await checkTypes(
      there,
      files.filter((name) => !unlikePeerTypes.includes(name)),
    );
  });
});
