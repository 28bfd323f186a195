/**
 * `node tests/upgrade/support/write.ts VERSION`: writes what is kept of a release, with the program of this version, as
 * part of the release. What is there already was published and is never written again.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordClient } from "./record-client.ts";
import { folderOf, kinds, pack, recordingFile } from "./releases.ts";
import { writeActors } from "./write-actors.ts";
import { writeStudio } from "./write-studio.ts";

const [version] = process.argv.slice(2);
if (version === undefined) throw new Error("Which version? node tests/upgrade/support/write.ts 1.2.3");
const folder = folderOf(version);
if (existsSync(folder))
  throw new Error(`${folder} is there: what a release has left is never written again.`);

const writers = { actors: writeActors, studio: writeStudio };
const scratch = mkdtempSync(join(tmpdir(), "holdfast-golden-"));
try {
  const partial = join(scratch, "kept");
  mkdirSync(partial);
  for (const kind of kinds) {
    const directory = join(scratch, kind);
    await writers[kind](directory);
    pack(partial, kind, directory);
  }
  const recording = await recordClient(join(scratch, "client"));
  writeFileSync(join(partial, recordingFile), `${JSON.stringify(recording, null, 1)}\n`);
  cpSync(partial, folder, { recursive: true });
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}
