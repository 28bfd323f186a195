import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode, systemClock } from "@holdfast/core";
import { openVault, type VaultConfig } from "@holdfast/gate";
import { CredentialVault } from "../src/vault/credential-vault.ts";
import { startUpstream, temporaryDirectory } from "./support.ts";

const typed = (code: string) => (error: unknown) => isErrorCode(error, "vault", code);
const key = "sk-ant-api03-0123456789abcdef";

function vaultOf(t: TestContext, config: VaultConfig, clock = systemClock): CredentialVault {
  return new CredentialVault(
    join(temporaryDirectory(t), "vault"),
    { env: {}, homeDir: "/nonexistent", ...config },
    clock,
  );
}

const provider = (name: "anthropic" | "openai") => ({ kind: "provider", provider: name }) as const;

describe("where credentials come from", () => {
  test("nothing, said with what to do", async (t) => {
    const vault = vaultOf(t, {});
    const [anthropic, openai] = await vault.status();
    assert.deepEqual([anthropic?.available, openai?.available], [false, false]);
    assert.match(anthropic?.detail ?? "", /ANTHROPIC_API_KEY.*holdfast auth api-key anthropic/);
    await assert.rejects(vault.upstream("openai"), typed("no_credential"));
  });

  test("the environment of the host, for each provider in its own way", async (t) => {
    const vault = vaultOf(t, { env: { ANTHROPIC_API_KEY: key, OPENAI_API_KEY: "sk-proj-abcdef" } });
    assert.deepEqual(
      (await vault.status()).map((each) => each.source),
      ["environment", "environment"],
    );
    assert.deepEqual(await vault.present(provider("anthropic")), { headers: { "x-api-key": key } });
    assert.deepEqual(await vault.present(provider("openai")), {
      headers: { authorization: "Bearer sk-proj-abcdef" },
    });
    const { name, baseUrl } = await vault.upstream("openai");
    assert.deepEqual([name, baseUrl], ["openai", "https://api.openai.com/v1"]);
  });

  test("a model server of one's own, without a key", async (t) => {
    const vault = vaultOf(t, { env: { HOLDFAST_OPENAI_BASE_URL: "http://127.0.0.1:11434/v1" } });
    const upstream = await vault.upstream("openai");
    assert.deepEqual(
      [upstream.baseUrl, upstream.credential],
      ["http://127.0.0.1:11434/v1", { kind: "none" }],
    );
  });

  test("a stored key: sealed at rest, private, found again, gone when deleted", async (t) => {
    const dataDir = temporaryDirectory(t);
    const vault = openVault(dataDir, { env: {}, logins: false });
    await vault.setApiKey("anthropic", `  ${key}\n`);
    const directory = join(dataDir, "vault");
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      assert.equal(statSync(path).mode & 0o777, 0o600, name);
      const content = readFileSync(path);
      for (const encoding of ["utf8", "base64", "hex"] as const) {
        assert.equal(content.toString("latin1").includes(Buffer.from(key).toString(encoding)), false);
      }
    }
    const again = new CredentialVault(directory, { env: {}, logins: false }, systemClock);
    assert.deepEqual(await again.present(provider("anthropic")), { headers: { "x-api-key": key } });
    const sealed = readFileSync(join(directory, "credentials.json"), "utf8");
    writeFileSync(join(directory, "credentials.json"), sealed.replace(/"data":"./, '"data":"+'));
    await assert.rejects(again.present(provider("anthropic")), typed("damaged"));
    writeFileSync(join(directory, "credentials.json"), sealed.replace('"anthropic"', '"openai"'));
    await assert.rejects(
      again.present(provider("openai")),
      typed("damaged"),
      "a key cannot be moved to another name",
    );
    writeFileSync(join(directory, "credentials.json"), sealed);
    assert.equal(await again.deleteApiKey("anthropic"), true);
    assert.equal(await again.deleteApiKey("anthropic"), false);
    for (const bad of ["", "short", "with space in it", "line\nbreak-in-it", "ümlaut-key"]) {
      await assert.rejects(vault.setApiKey("openai", bad), typed("invalid_key"), bad);
    }
  });
});

function claudeHome(t: TestContext, expiresAt: number): string {
  const home = temporaryDirectory(t);
  mkdirSync(join(home, ".claude"));
  const claudeAiOauth = {
    accessToken: "old-access-token",
    refreshToken: "refresh-1",
    expiresAt,
    scopes: ["user:inference"],
  };
  writeFileSync(
    join(home, ".claude", ".credentials.json"),
    JSON.stringify({ claudeAiOauth, other: "kept" }),
    { mode: 0o600 },
  );
  return home;
}

const jwt = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.signature`;

describe("the person's own login", () => {
  test("of Claude is read at use, and goes with the flag that the API wants", async (t) => {
    const homeDir = claudeHome(t, Date.now() + 3_600_000);
    const vault = vaultOf(t, { homeDir });
    assert.equal((await vault.status())[0]?.source, "login");
    assert.deepEqual(await vault.present(provider("anthropic")), {
      headers: { authorization: "Bearer old-access-token" },
      appended: { "anthropic-beta": "oauth-2025-04-20" },
    });
    assert.equal(vault.redact("it is old-access-token."), "it is [redacted].");
    assert.equal((await vaultOf(t, { homeDir, logins: false }).status())[0]?.available, false);
  });

  test("is never shown to a server of another address", async (t) => {
    const homeDir = claudeHome(t, Date.now() + 3_600_000);
    const vault = vaultOf(t, { homeDir, env: { HOLDFAST_ANTHROPIC_BASE_URL: "http://127.0.0.1:9" } });
    assert.deepEqual((await vault.upstream("anthropic")).credential, { kind: "none" });
  });

  test("is renewed once when it has expired, and the file keeps everything else", async (t) => {
    const homeDir = claudeHome(t, Date.now() - 1);
    const issuer = await startUpstream(t, () => ({
      headers: { "content-type": "application/json" },
      chunks: [
        JSON.stringify({ access_token: "new-access-token", refresh_token: "refresh-2", expires_in: 3_600 }),
      ],
    }));
    const vault = vaultOf(t, { homeDir, claudeTokenUrl: issuer.url });
    const presented = await Promise.all(
      Array.from({ length: 8 }, () => vault.present(provider("anthropic"))),
    );
    assert.ok(presented.every(({ headers }) => headers["authorization"] === "Bearer new-access-token"));
    assert.equal(issuer.requests.length, 1);
    const asked = JSON.parse(issuer.requests[0]?.body ?? "") as Record<string, string>;
    assert.deepEqual([asked["grant_type"], asked["refresh_token"]], ["refresh_token", "refresh-1"]);
    const path = join(homeDir, ".claude", ".credentials.json");
    const file = JSON.parse(readFileSync(path, "utf8"));
    assert.equal(file.other, "kept");
    assert.deepEqual(file.claudeAiOauth.scopes, ["user:inference"]);
    assert.equal(file.claudeAiOauth.refreshToken, "refresh-2");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await vault.present(provider("anthropic"));
    assert.equal(issuer.requests.length, 1);
  });

  test("that cannot be renewed says how to log in again, without a token in the message", async (t) => {
    const homeDir = claudeHome(t, Date.now() - 1);
    const issuer = await startUpstream(t, () => ({ status: 400, chunks: ["refresh-1 is void"] }));
    const vault = vaultOf(t, { homeDir, claudeTokenUrl: issuer.url });
    await assert.rejects(vault.present(provider("anthropic")), (error: unknown) => {
      assert.ok(isErrorCode(error, "vault", "login_expired"));
      assert.match(error.message, /claude \/login/);
      assert.doesNotMatch(error.message, /refresh-1/);
      return true;
    });
    const gone = vaultOf(t, { homeDir, claudeTokenUrl: "http://127.0.0.1:1" });
    await assert.rejects(gone.present(provider("anthropic")), typed("refresh_failed"));
  });

  test("of ChatGPT goes with its account, and is renewed by the end of its token", async (t) => {
    const homeDir = temporaryDirectory(t);
    mkdirSync(join(homeDir, ".codex"));
    const path = join(homeDir, ".codex", "auth.json");
    const fresh = jwt(Math.floor(Date.now() / 1_000) + 3_600);
    const tokens = { access_token: jwt(1), refresh_token: "r1", account_id: "acct-1", id_token: "i1" };
    writeFileSync(path, JSON.stringify({ OPENAI_API_KEY: null, tokens }));
    const issuer = await startUpstream(t, () => ({
      chunks: [JSON.stringify({ access_token: fresh, refresh_token: "r2" })],
    }));
    const vault = vaultOf(t, { homeDir, chatgptTokenUrl: issuer.url });
    assert.equal((await vault.upstream("openai")).baseUrl, "https://chatgpt.com/backend-api/codex");
    assert.deepEqual(await vault.present(provider("openai")), {
      headers: { authorization: `Bearer ${fresh}`, "chatgpt-account-id": "acct-1" },
    });
    const { tokens: kept } = JSON.parse(readFileSync(path, "utf8"));
    assert.deepEqual([kept.refresh_token, kept.id_token, kept.account_id], ["r2", "i1", "acct-1"]);
  });
});

describe("redaction", () => {
  test("finds a key in every form in which it could be repeated", (t) => {
    const vault = vaultOf(t, { env: { ANTHROPIC_API_KEY: key } });
    const forms = [
      key,
      encodeURIComponent(key),
      Buffer.from(key).toString("hex"),
      [...key].reverse().join(""),
      ...["", "x", "xx"].map((before) => Buffer.from(`${before}${key}tail`).toString("base64")),
    ];
    for (const form of forms) {
      const text = vault.redact(`before ${form} after`);
      assert.match(text, /^before .*\[redacted\].* after$/, form);
    }
    assert.equal(vault.redact("nothing here"), "nothing here");
  });
});
