import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode, systemClock } from "@holdfast/core";
import { openVault, type ProviderName, type VaultConfig } from "@holdfast/gate";
import { matchRule } from "../src/egress/decisions/upstreams.ts";
import { CredentialVault, vaultFiles } from "../src/vault/credential-vault.ts";
import { eventually, startUpstream, temporaryDirectory } from "./support.ts";

const typed = (code: string) => (error: unknown) => isErrorCode(error, "vault", code);
const key = "sk-ant-api03-0123456789abcdef";

function vaultOf(t: TestContext, config: VaultConfig, clock = systemClock): CredentialVault {
  return new CredentialVault(
    vaultFiles(join(temporaryDirectory(t), "vault"), clock),
    { env: {}, homeDir: "/nonexistent", ...config },
    clock,
  );
}

const provider = (name: ProviderName) => ({ kind: "provider", provider: name }) as const;

describe("where credentials come from", () => {
  test("no credential, with what to do", async (t) => {
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
      ["environment", "environment", undefined, undefined, undefined],
    );
    assert.deepEqual(await vault.present(provider("anthropic")), { headers: { "x-api-key": key } });
    assert.deepEqual(await vault.present(provider("openai")), {
      headers: { authorization: "Bearer sk-proj-abcdef" },
    });
    const { name, baseUrl } = await vault.upstream("openai");
    assert.deepEqual([name, baseUrl], ["openai", "https://api.openai.com/v1"]);
  });

  test("a provider allows generation and token counting only", async (t) => {
    const names: readonly ProviderName[] = [
      "anthropic",
      "openai",
      "openrouter",
      "openai-compatible",
      "google",
    ];
    const vault = vaultOf(t, {
      env: Object.fromEntries(
        names.map((name) => [
          `HOLDFAST_${name.toUpperCase().replace("-", "_")}_BASE_URL`,
          "http://127.0.0.1:9",
        ]),
      ),
    });
    const allowed = await Promise.all(
      names.map(async (name) => {
        const { allow } = await vault.upstream(name);
        return (path: string) => matchRule(allow, "POST", path, "") !== undefined;
      }),
    );
    const [anthropic, openai, router, own, google] = allowed;
    for (const path of ["/v1/messages", "/v1/messages/count_tokens"])
      assert.equal(anthropic?.(path), true, path);
    for (const chat of [openai, router, own])
      for (const path of ["/responses", "/responses/compact", "/responses/input_tokens", "/chat/completions"])
        assert.equal(chat?.(path), true, path);
    assert.equal(google?.("/v1beta/models/gemini:generateContent"), true);
    const outliving = [
      "/v1/messages/batches",
      "/v1/messages/batches/b1/cancel",
      "/responses/r1/cancel",
      "/chat/completions/c1",
      "/v1beta/models/gemini:batchGenerateContent",
      "/batches",
      "/files",
    ];
    for (const path of outliving) for (const each of allowed) assert.equal(each(path), false, path);
  });

  test("a custom model server without a key", async (t) => {
    const vault = vaultOf(t, { env: { HOLDFAST_OPENAI_BASE_URL: "http://127.0.0.1:11434/v1" } });
    const upstream = await vault.upstream("openai");
    assert.deepEqual(
      [upstream.baseUrl, upstream.credential],
      ["http://127.0.0.1:11434/v1", { kind: "none" }],
    );
  });

  test("Google, OpenRouter and any server of the operator's, each with its own address and form of key", async (t) => {
    const vault = vaultOf(t, {
      env: { GEMINI_API_KEY: "AIza-0123456789", OPENROUTER_API_KEY: "sk-or-0123456789" },
    });
    const google = await vault.upstream("google");
    assert.deepEqual(google.baseUrl, "https://generativelanguage.googleapis.com");
    assert.deepEqual(await vault.present(google.credential), {
      headers: { "x-goog-api-key": "AIza-0123456789" },
    });
    const openrouter = await vault.upstream("openrouter");
    assert.deepEqual(
      [openrouter.baseUrl, (await vault.present(openrouter.credential)).headers],
      ["https://openrouter.ai/api/v1", { authorization: "Bearer sk-or-0123456789" }],
    );
    await assert.rejects(vault.upstream("openai-compatible"), typed("no_credential"));
    for (const bad of ["ftp://x/", "https://user:pass@x/", "https://x/?key=1", "x"]) {
      await assert.rejects(vault.setBaseUrl("openai-compatible", bad), typed("invalid_base_url"));
    }
    await vault.setBaseUrl("openai-compatible", "http://10.0.0.7:8000/v1/");
    const own = await vault.upstream("openai-compatible");
    assert.deepEqual([own.baseUrl, own.credential], ["http://10.0.0.7:8000/v1", { kind: "none" }]);
    await vault.setApiKey("openai-compatible", "own-key-0123456789");
    assert.deepEqual((await vault.present((await vault.upstream("openai-compatible")).credential)).headers, {
      authorization: "Bearer own-key-0123456789",
    });
    await vault.setBaseUrl("openai-compatible", undefined);
    await assert.rejects(vault.upstream("openai-compatible"), typed("no_credential"));
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
    const again = new CredentialVault(
      vaultFiles(directory, systemClock),
      { env: {}, logins: false },
      systemClock,
    );
    assert.deepEqual(await again.present(provider("anthropic")), { headers: { "x-api-key": key } });
    const sealed = readFileSync(join(directory, "credentials.json"), "utf8");
    writeFileSync(
      join(directory, "credentials.json"),
      sealed.replace(/"data":"(.)/, (_, first) => `"data":"${first === "+" ? "/" : "+"}`),
    );
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

  test("is not shown to a server whose own key was deleted while a way out to it is open", async (t) => {
    const vault = vaultOf(t, { homeDir: claudeHome(t, Date.now() + 3_600_000) });
    await vault.setBaseUrl("anthropic", "http://127.0.0.1:9");
    await vault.setApiKey("anthropic", key);
    const { baseUrl, credential } = await vault.upstream("anthropic");
    const use = (host: string) => ({ principal: {}, host, path: "/v1/messages", method: "POST" });
    const there = use(new URL(baseUrl).host);
    assert.deepEqual(await vault.present(credential, there), { headers: { "x-api-key": key } });
    await vault.deleteApiKey("anthropic");
    await assert.rejects(vault.present(credential, there), typed("no_credential"));
    const { headers } = await vault.present(credential, use("api.anthropic.com"));
    assert.deepEqual(headers, { authorization: "Bearer old-access-token" });
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

  test("is not refreshed twice by concurrent readers", async (t) => {
    const homeDir = claudeHome(t, Date.now() - 1);
    const path = join(homeDir, ".claude", ".credentials.json");
    const before = readFileSync(path);
    const released = Promise.withResolvers<void>();
    const renewed = { access_token: "new-access-token", refresh_token: "refresh-2", expires_in: 3_600 };
    const answer = () => ({ chunks: [JSON.stringify(renewed)] });
    const issuer = await startUpstream(t, answer, released.promise);
    const vault = vaultOf(t, { homeDir, claudeTokenUrl: issuer.url });
    const present = () => vault.present(provider("anthropic"));
    const first = present();
    await eventually("the renewal is asked for", () => issuer.requests.length === 1);
    // A pipe in its place holds up who reads the file until the renewal is over.
    rmSync(path);
    execFileSync("mkfifo", [path]);
    const second = present();
    const pipe = await open(path, "w");
    released.resolve();
    await first;
    await pipe.writeFile(before);
    await pipe.close();
    assert.equal((await second).headers["authorization"], "Bearer new-access-token");
    assert.equal(issuer.requests.length, 1, "the refresh token was used up by the first");
  });

  test("that is a link to a file elsewhere stays one, and the file has what is new", async (t) => {
    const homeDir = claudeHome(t, Date.now() - 1);
    const path = join(homeDir, ".claude", ".credentials.json");
    const elsewhere = join(temporaryDirectory(t), "credentials.json");
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
    const renewed = { access_token: "new-access-token", refresh_token: "refresh-2", expires_in: 3_600 };
    const issuer = await startUpstream(t, () => ({ chunks: [JSON.stringify(renewed)] }));
    await vaultOf(t, { homeDir, claudeTokenUrl: issuer.url }).present(provider("anthropic"));
    assert.equal(readlinkSync(path), elsewhere);
    assert.equal(JSON.parse(readFileSync(elsewhere, "utf8")).claudeAiOauth.refreshToken, "refresh-2");
  });

  test("is not used up by a refresh that cannot be saved", async (t) => {
    const homeDir = claudeHome(t, Date.now() - 1);
    const path = join(homeDir, ".claude", ".credentials.json");
    // Beside a file with the longest name that there is, none with a longer one can be made, by any user.
    const elsewhere = join(homeDir, "n".repeat(255));
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
    const issuer = await startUpstream(t, () => ({ status: 500, chunks: [] }));
    const vault = vaultOf(t, { homeDir, claudeTokenUrl: issuer.url });
    await assert.rejects(vault.present(provider("anthropic")), (error: unknown) => {
      assert.ok(isErrorCode(error, "vault", "refresh_failed"));
      assert.match(error.message, /its file cannot be written/);
      return true;
    });
    assert.equal(issuer.requests.length, 0);
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

  test("is not reported as expired when the server is busy, broken, or disconnects", async (t) => {
    const homeDir = claudeHome(t, Date.now() - 1);
    const answers = [{ status: 503 }, { status: 429 }, { status: 200, headers: { "content-length": "100" } }];
    const issuer = createServer((_request, response) => {
      const { status, headers } = answers.shift() ?? { status: 500 };
      response.writeHead(status, headers);
      // Less than the length that was announced.
      if (headers !== undefined) response.write("{", () => response.destroy());
      else response.end("{}");
    });
    issuer.listen(0, "127.0.0.1");
    await once(issuer, "listening");
    t.after(() => issuer.close());
    const { port } = issuer.address() as AddressInfo;
    const vault = vaultOf(t, { homeDir, claudeTokenUrl: `http://127.0.0.1:${port}` });
    for (let n = 0; n < 4; n++)
      await assert.rejects(vault.present(provider("anthropic")), typed("refresh_failed"), `answer ${n}`);
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

describe("a secret of the vault", () => {
  const use = {
    principal: { session: "s1", user: "ann", organization: "acme" },
    host: "git.example",
    path: "/acme/app/info/refs",
    method: "GET",
  };
  const credential = { kind: "secret", name: "git-token", as: "basic", username: "x" } as const;
  const token = "token-0123456789";
  const grant = {
    principal: { user: "ann" },
    secret: "git-token",
    owner: { user: "ann" },
    host: "git.example",
    pathPrefix: "/acme/app",
    methods: ["GET", "POST"],
  };

  test("is used by the principal, at the host, for the path and methods and until the expiry of a grant only", async (t) => {
    let now = 1_000_000;
    const vault = vaultOf(t, {}, { now: () => now });
    await vault.setSecret({ name: "git-token", owner: { user: "ann" } }, token);
    await assert.rejects(
      vault.present(credential, use),
      typed("not_granted"),
      "nobody has it before a grant",
    );
    const { id } = await vault.grant({ ...grant, expiresAt: now + 1_000 });
    const expected = { headers: { authorization: `Basic ${Buffer.from(`x:${token}`).toString("base64")}` } };
    assert.deepEqual(await vault.present(credential, use), expected);
    const others = [
      { principal: { session: "s1", user: "bob", organization: "acme" } },
      { principal: { session: "s1" } },
      { host: "git.example:8443" },
      { path: "/acme/application" },
      { path: "/acme" },
      { method: "PUT" },
    ];
    for (const other of others)
      await assert.rejects(vault.present(credential, { ...use, ...other }), typed("not_granted"));
    await assert.rejects(vault.present(credential), typed("no_credential"));
    now += 1_000;
    await assert.rejects(vault.present(credential, use), typed("not_granted"), "it has expired");
    now -= 1_000;
    assert.equal(await vault.revoke(id), true);
    assert.equal(await vault.revoke(id), false);
    await assert.rejects(vault.present(credential, use), typed("not_granted"), "it is revoked");
  });

  test("belongs to one user or organisation: a wide grant does not lend it to another", async (t) => {
    const vault = vaultOf(t, {});
    await vault.setSecret({ name: "git-token", owner: { user: "ann" } }, token);
    await vault.setSecret({ name: "git-token", owner: { organization: "acme" } }, "acme-0123456789");
    assert.deepEqual(await vault.secretEntries(), [
      { name: "git-token", owner: { user: "ann" } },
      { name: "git-token", owner: { organization: "acme" } },
    ]);
    await vault.grant({ ...grant, principal: { organization: "acme" } });
    const bob = { ...use, principal: { user: "bob", organization: "acme" } };
    await assert.rejects(vault.present(credential, bob), typed("not_granted"));
    await vault.grant({ ...grant, principal: { organization: "acme" }, owner: { organization: "acme" } });
    const headers = (await vault.present(credential, bob)).headers;
    assert.equal(headers["authorization"], `Basic ${Buffer.from("x:acme-0123456789").toString("base64")}`);
    assert.equal(vault.redact(`see ${headers["authorization"]} and ${token}`).includes("acme-0123"), false);
  });

  test("and a grant are refused when they are not exact", async (t) => {
    const vault = vaultOf(t, {});
    for (const bad of [
      { principal: {} },
      { host: "GIT.example" },
      { host: "" },
      { methods: [] },
      { pathPrefix: "x" },
      { secret: "" },
      { secret: "Git-Token" },
      { secret: "git token" },
      { secret: "x".repeat(101) },
    ])
      await assert.rejects(vault.grant({ ...grant, ...bad }), typed("invalid_grant"));
    await assert.rejects(vault.setSecret({ name: "Bad name", owner: {} }, token), typed("invalid_secret"));
    await assert.rejects(vault.setSecret({ name: "short", owner: {} }, "1234567"), typed("invalid_secret"));
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => vault.setSecret({ name: `s${n}`, owner: {} }, `${token}${n}`)),
    );
    assert.equal((await vault.secretEntries()).length, 10, "none is lost where many are set at once");
  });
});
