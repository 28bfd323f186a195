/** Contents of a data directory's backup besides the store. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { backupDataDirectory, restoreDataDirectory } from "@holdfast/studio";
import { temporaryFolder } from "./support.ts";

test("a restored gate keeps the rate limits that were used up before the backup", async (t) => {
  const data = join(temporaryFolder(t), "data");
  const [copy, restored] = [join(temporaryFolder(t), "copy"), join(temporaryFolder(t), "restored")];
  mkdirSync(join(data, "gate"), { recursive: true });
  mkdirSync(restored);
  const rates = JSON.stringify({ version: 1, buckets: [["jail\0calls\0s", { left: 0, at: 1 }]] });
  writeFileSync(join(data, "gate", "rates.json"), rates);
  await backupDataDirectory(data, copy);
  await restoreDataDirectory(copy, restored);
  assert.equal(readFileSync(join(restored, "gate", "rates.json"), "utf8"), rates);
});

test("a data directory whose actors are in PostgreSQL is not copied without them", async (t) => {
  const data = join(temporaryFolder(t), "data");
  mkdirSync(join(data, "postgres-cache"), { recursive: true });
  const target = join(temporaryFolder(t), "copy");
  await assert.rejects(backupDataDirectory(data, target), (error: Error) => {
    assert.match(error.message, /pg_dump --format=custom/);
    return isErrorCode(error, "backup", "store_elsewhere");
  });
  assert.equal(existsSync(target), false);
  assert.equal(existsSync(join(data, "actors")), false, "no empty store was made");
});
