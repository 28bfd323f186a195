import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { pluginName } from "../manifest/names.ts";
import { pluginLimits } from "../plugin-limits.ts";
import { PluginCredentials } from "./credentials.ts";

function open(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-credentials-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const remembered: string[] = [];
  const base = join(directory, "plugins");
  return {
    directory,
    base,
    remembered,
    credentials: new PluginCredentials(base, (each) => remembered.push(each)),
  };
}

const one = pluginName("one");

test("a credential is written for this user alone, and remembered", async (t) => {
  const { credentials, base, remembered } = open(t);
  await credentials.write(one, "TOKEN", "a-secret-value");
  assert.equal(statSync(join(base, "one")).mode & 0o777, 0o700);
  assert.equal(statSync(join(base, "one", "TOKEN")).mode & 0o777, 0o600);
  assert.deepEqual(await credentials.read(one), { TOKEN: "a-secret-value" });
  assert.deepEqual(new Set(remembered), new Set(["a-secret-value"]));
});

test("an empty credential and one that is too long are refused, and change nothing", async (t) => {
  const { credentials, base } = open(t);
  const most = "x".repeat(pluginLimits.maxCredentialBytes);
  await credentials.write(one, "TOKEN", most);
  for (const value of ["", `${most}x`, "é".repeat(pluginLimits.maxCredentialBytes / 2 + 1)]) {
    await assert.rejects(credentials.write(one, "TOKEN", value), (error) =>
      isErrorCode(error, "plugin", "invalid_credential"),
    );
  }
  assert.equal(readFileSync(join(base, "one", "TOKEN"), "utf8"), most);
});

test("nothing is written through a link", async (t) => {
  const isLink = (error: unknown) => isErrorCode(error, "plugin", "credential_is_link");
  for (const at of ["plugins", "plugins/one", "plugins/one/TOKEN"]) {
    const { credentials, directory } = open(t);
    const elsewhere = join(directory, "elsewhere");
    if (at.endsWith("TOKEN")) writeFileSync(elsewhere, "before");
    else mkdirSync(elsewhere);
    mkdirSync(join(directory, at, ".."), { recursive: true });
    symlinkSync(elsewhere, join(directory, at));
    await assert.rejects(credentials.write(one, "TOKEN", "a-secret-value"), isLink, at);
    if (at.endsWith("TOKEN")) assert.equal(readFileSync(elsewhere, "utf8"), "before");
    else assert.ok(!existsSync(join(elsewhere, "TOKEN")) && !existsSync(join(elsewhere, "one")));
  }
});

test("what is read is bounded, plainly named and a file", async (t) => {
  const { credentials, base } = open(t);
  mkdirSync(join(base, "one", "FOLDER"), { recursive: true });
  writeFileSync(join(base, "one", "KEY"), "line\n");
  writeFileSync(join(base, "one", "LARGE"), "x".repeat(pluginLimits.maxCredentialBytes + 1));
  writeFileSync(join(base, "one", ".hidden"), "x");
  assert.deepEqual(await credentials.read(one), { KEY: "line" });
  assert.deepEqual(await credentials.read(pluginName("other")), {});
});
