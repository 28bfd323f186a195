import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { field, startSandbox, temporary } from "./harness.ts";

const formats = [["--format=gnu"], ...["0.0", "0.1", "1.0"].map(pax)];

function pax(version: string): string[] {
  return ["--format=posix", `--sparse-version=${version}`];
}

for (const format of formats) {
  test(`a sparse file in an archive (${format.join(" ")}) is rejected, not written in parts`, async (t) => {
    const source = await temporary(t);
    const file = await open(join(source, "holes"), "w");
    await file.write("in the middle", 5_000_000);
    await file.truncate(10_000_000);
    await file.close();
    const archive = execFileSync("tar", ["-C", source, ...format, "--sparse", "-cf", "-", "holes"]);
    assert.ok(archive.length < 100_000, "the holes are not in the archive");

    const sandbox = await startSandbox(t);
    const answer = await sandbox.fetch(`${sandbox.url}/v1/fs/upload-batch?path=to`, {
      method: "POST",
      headers: { "content-type": "application/x-tar" },
      body: new Uint8Array(archive),
    });
    assert.deepEqual([answer.status, field(await answer.json(), "code")], [400, "invalid_request"]);
    assert.deepEqual(await readdir(join(sandbox.home, "to")), []);
  });
}
