import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

test("removes a tree deeper than the descriptor limit, and nothing outside of it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-directory-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const kept = join(directory, "kept");
  await mkdir(kept);
  await writeFile(join(kept, "file"), "");
  const deep = join(directory, "deep");
  for (const branch of ["a", "b"]) {
    const end = join(deep, ...Array.from({ length: 400 }, () => branch));
    await mkdir(end, { recursive: true });
    await writeFile(join(end, "file"), "");
    await symlink(kept, join(end, "link"));
  }
  const url = new URL("./directory.ts", import.meta.url).href;
  const source = `import { remove } from ${JSON.stringify(url)}; await remove(process.argv[1], true);`;
  const args = ["--input-type=module", "--eval", source, deep];
  await promisify(execFile)("/bin/sh", ["-c", 'ulimit -n 200; exec "$@"', "sh", process.execPath, ...args]);
  assert.equal(existsSync(deep), false);
  assert.equal(existsSync(join(kept, "file")), true);
});
