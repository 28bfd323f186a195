/** What a vault does with files that are not as it left them, logins that are over, and grants at their edges. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode, systemClock } from "@holdfast/core";
import { PluginCredentials } from "../src/plugins/credentials/credentials.ts";
import { pluginName } from "../src/plugins/manifest/names.ts";
import { CredentialVault, vaultFiles } from "../src/vault/credential-vault.ts";
import { KnownSecrets } from "../src/vault/redaction/known-secrets.ts";
import { fullDisk, isRoot, temporaryDirectory } from "./support.ts";

const typed = (code: string, words = /./) => {
  return (error: unknown) => isErrorCode(error, "vault", code) && words.test(error.message);
};

function vaultOf(t: TestContext, homeDir = "/nonexistent") {
  const directory = join(temporaryDirectory(t), "vault");
  mkdirSync(directory, { mode: 0o700 });
  return {
    directory,
    vault: new CredentialVault(vaultFiles(directory, systemClock), { env: {}, homeDir }, systemClock),
  };
}

const token = "token-0123456789";
const entry = { name: "git-token", owner: {} };
const grant = {
  ...{ principal: { user: "ann" }, secret: "git-token", owner: {}, host: "git.example" },
  ...{ pathPrefix: "/", methods: ["GET"] },
};
const use = {
  ...{ principal: { session: "s", user: "ann", organization: "acme" }, host: "git.example" },
  ...{ path: "/a", method: "GET" },
};
const credential = { kind: "secret", name: "git-token", as: "bearer" } as const;

test("a vault that cannot be read is an error, never an empty one", async (t) => {
  const { directory, vault } = vaultOf(t);
  await vault.setSecret(entry, token);
  rmSync(join(directory, "key"));
  await assert.rejects(vault.readSecret(entry), typed("damaged", /its key file is missing/));
  for (const text of [
    "",
    "[]",
    '{"version":2,"entries":{}}',
    '{"version":1}',
    '{"version":1,"entries":null}',
  ]) {
    writeFileSync(join(directory, "credentials.json"), text);
    await assert.rejects(vault.secretEntries(), typed("damaged"), text);
  }
  rmSync(join(directory, "credentials.json"));
  mkdirSync(join(directory, "credentials.json"));
  await assert.rejects(vault.secretEntries(), { code: "EISDIR" });
});

test("a vault on a full disk reports it and stays unchanged", {
  skip: !isRoot && "needs root to mount a small file system",
}, async (t) => {
  const directory = fullDisk(t, "vault");
  if (directory === undefined) return t.skip("no file system can be mounted");
  const vault = new CredentialVault(
    vaultFiles(directory, systemClock),
    { env: {}, homeDir: "/nonexistent" },
    systemClock,
  );
  const full = typed("unavailable", /nothing was changed: no space left on device/);
  await assert.rejects(vault.setSecret(entry, token), full);
  await assert.rejects(vault.setApiKey("openai", token), full);
  await assert.rejects(vault.grant(grant), full);
  assert.deepEqual(await vault.secretEntries(), []);
  assert.deepEqual(readdirSync(directory), ["filler"]);
  const credentials = new PluginCredentials(join(directory, "plugins"), () => {});
  await assert.rejects(credentials.write(pluginName("mail"), "TOKEN", token), full);
  assert.deepEqual(await credentials.read(pluginName("mail")), {});
});

test("unreadable grants allow nothing", async (t) => {
  const { directory, vault } = vaultOf(t);
  await vault.setSecret(entry, token);
  for (const text of ["", '{"version":2,"grants":[]}', '{"version":1,"grants":{}}']) {
    writeFileSync(join(directory, "grants.json"), text);
    await assert.rejects(vault.present(credential, use), typed("damaged"), text);
  }
});

test("there are not more grants than may be", async (t) => {
  const { directory, vault } = vaultOf(t);
  const grants = (count: number) => {
    const all = Array.from({ length: count }, (_, n) => ({ ...grant, id: `${n}` }));
    writeFileSync(join(directory, "grants.json"), JSON.stringify({ version: 1, grants: all }));
  };
  grants(9_999);
  await vault.grant(grant);
  grants(10_000);
  await assert.rejects(vault.grant(grant), typed("invalid_grant", /10000 grants/));
});

test("what is an organisation's is used for that organisation alone, whoever was granted", async (t) => {
  const { vault } = vaultOf(t);
  const owner = { organization: "acme" };
  await vault.setSecret({ ...entry, owner }, token);
  await vault.grant({ ...grant, owner });
  assert.deepEqual(await vault.present(credential, use), { headers: { authorization: `Bearer ${token}` } });
  for (const principal of [{ user: "ann" }, { user: "ann", organization: "other" }])
    await assert.rejects(
      vault.present(credential, { ...use, principal: { session: "s", ...principal } }),
      typed("not_granted"),
    );
});

test("what was granted and is not stored, or has no key and no login, is said to be missing", async (t) => {
  const { vault } = vaultOf(t);
  await vault.grant(grant);
  await assert.rejects(vault.present(credential, use), typed("no_credential", /is not stored/));
  await assert.rejects(vault.present({ kind: "provider", provider: "google" }), typed("no_credential"));
});

test("a login that is gone, or can be renewed no more, says how to log in again", async (t) => {
  const homeDir = temporaryDirectory(t);
  const { vault } = vaultOf(t, homeDir);
  const anthropic = { kind: "provider", provider: "anthropic" } as const;
  await assert.rejects(vault.present(anthropic), typed("login_expired", /there is no login.*claude \/login/));
  mkdirSync(join(homeDir, ".claude"));
  const path = join(homeDir, ".claude", ".credentials.json");
  writeFileSync(path, "{}");
  await assert.rejects(vault.present(anthropic), typed("login_expired", /there is no login/));
  writeFileSync(path, JSON.stringify({ claudeAiOauth: { accessToken: "old-token", expiresAt: 1 } }));
  await assert.rejects(vault.present(anthropic), typed("login_expired", /cannot be renewed.*claude \/login/));
});

test("both alphabets of base64 are known", () => {
  const value = "?>?>~~?>?>~~?>";
  const known = new KnownSecrets();
  known.add(value);
  for (const before of ["", "x", "xy"]) {
    for (const encoding of ["base64", "base64url"] as const) {
      const encoded = Buffer.from(`${before}${value}`).toString(encoding);
      assert.match(encoded, encoding === "base64" ? /[+/]/ : /[-_]/);
      assert.match(known.redact(` ${encoded} `), /\[redacted\]/, encoded);
    }
  }
});
