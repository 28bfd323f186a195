import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Guarantee } from "../jail.ts";
import { ProofFile } from "./proof-file.ts";

const held: readonly Guarantee[] = [{ name: "network.none", held: true, detail: "measured" }];

function setUp(t: { after(end: () => void): void }) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-proof-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const program = join(directory, "bwrap");
  writeFileSync(program, "#!/bin/sh\n");
  const path = join(directory, "proof.json");
  return {
    path,
    file: new ProofFile(path),
    driver: { name: "bubblewrap", program, support: { groups: [1] } },
  };
}

test("a proof is read where it was made", (t) => {
  const { path, file, driver } = setUp(t);
  assert.equal(file.read(driver), undefined);
  file.write(driver, held);
  assert.deepEqual(new ProofFile(path).read({ ...driver }), held);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("another driver, other findings and another program have no proof", (t) => {
  const { file, driver } = setUp(t);
  file.write(driver, held);
  assert.equal(file.read({ ...driver, name: "gvisor" }), undefined);
  assert.equal(file.read({ ...driver, support: { groups: [2] } }), undefined);
  appendFileSync(driver.program, "exit 0\n");
  assert.equal(file.read(driver), undefined);
});

test("a proof of another boot does not count", (t) => {
  const { path, file, driver } = setUp(t);
  file.write(driver, held);
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const text = readFileSync(path, "utf8");
  assert.ok(text.includes(boot));
  writeFileSync(path, text.replace(boot, "00000000-0000-0000-0000-000000000000"));
  assert.equal(file.read(driver), undefined);
});

test("a file that others may write, or that is damaged, does not count", (t) => {
  const { path, file, driver } = setUp(t);
  file.write(driver, held);
  chmodSync(path, 0o620);
  assert.equal(file.read(driver), undefined);
  chmodSync(path, 0o600);
  assert.deepEqual(file.read(driver), held);
  writeFileSync(path, "{");
  assert.equal(file.read(driver), undefined);
});

test("what did not hold is measured again", (t) => {
  const { file, driver } = setUp(t);
  file.write(driver, [...held, { name: "limits.disk", held: false, detail: "ended as exit" }]);
  assert.equal(file.read(driver), undefined);
});
