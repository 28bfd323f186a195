/** Contents of a data directory's backup besides the store. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
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
