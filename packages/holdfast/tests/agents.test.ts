import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { command, scratch } from "./support.ts";

test("agents on the PATH are found, and those of the project that npm puts there are not the person's", async (t) => {
  const directory = scratch(t);
  const [own, projects] = [join(directory, "bin"), join(directory, "project", "node_modules", ".bin")];
  for (const [folder, name] of [
    [own, "opencode"],
    [projects, "gemini"],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), "#!/bin/sh\n", { mode: 0o755 });
  }
  const { code, stdout, stderr } = await command(["agents", "list", "--json"], {
    env: { PATH: [projects, own].join(delimiter), HOLDFAST_DATA: join(directory, "data") },
  });
  assert.equal(code, 0, stderr);
  const installed = (JSON.parse(stdout) as { id: string; installed: boolean }[]).filter(
    (each) => each.installed,
  );
  assert.deepEqual(
    installed.map(({ id }) => id),
    ["demo", "opencode"],
  );
});
