import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { redactKey } from "./credential.ts";
import { detectCredentials } from "./detect.ts";

async function homeWith(t: TestContext, files: Readonly<Record<string, unknown>>): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "holdfast-credentials-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  return home;
}

const cases: readonly (readonly [path: string, content: unknown, provider: string, authType: string])[] = [
  [".claude.json.api", { primaryApiKey: "secret" }, "anthropic", "api_key"],
  [".claude.json", { apiKey: "secret" }, "anthropic", "api_key"],
  [".claude/.credentials.json", { claudeAiOauth: { accessToken: "secret" } }, "anthropic", "oauth"],
  [".claude-oauth-credentials.json", { claudeAiOauth: { accessToken: "secret" } }, "anthropic", "oauth"],
  [".codex/auth.json", { OPENAI_API_KEY: "secret", tokens: { access_token: "no" } }, "openai", "api_key"],
  [".codex/auth.json", { OPENAI_API_KEY: null, tokens: { access_token: "secret" } }, "openai", "oauth"],
  [".local/share/opencode/auth.json", { openai: { type: "api", key: "secret" } }, "openai", "api_key"],
  [".local/share/opencode/auth.json", { google: { type: "oauth", access: "secret" } }, "google", "oauth"],
  [".amp/config.json", { anthropicApiKey: "secret" }, "anthropic", "api_key"],
];

describe("credentials", () => {
  test("each well-known file is read", async (t) => {
    for (const [path, content, provider, authType] of cases) {
      const home = await homeWith(t, { [path]: content });
      const expected = { provider, authType, key: "secret", source: `~/${path}` };
      assert.deepEqual(await detectCredentials({ home, env: {} }), { [provider]: expected }, path);
      const withoutLogins = await detectCredentials({ home, env: {}, oauth: false });
      assert.deepEqual(Object.keys(withoutLogins), authType === "oauth" ? [] : [provider], path);
    }
  });

  test("each well-known variable is read, and wins over files", async (t) => {
    const home = await homeWith(t, { ".claude.json": { apiKey: "of-the-file" } });
    const names = [
      ["ANTHROPIC_API_KEY", "CLAUDE_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_AUTH_TOKEN"],
      ["OPENAI_API_KEY", "CODEX_API_KEY"],
    ].flat();
    for (const name of names) {
      const found = Object.values(await detectCredentials({ home, env: { [name]: " of-the-variable " } }));
      const sources = found.map((each) => each?.source);
      assert.ok(sources.includes(`environment:${name}`), `${name}: ${sources}`);
      assert.ok(found.some((each) => each?.key === "of-the-variable"));
    }
    const blank = await detectCredentials({ home, env: { ANTHROPIC_API_KEY: "  " } });
    assert.equal(blank.anthropic?.key, "of-the-file");
  });

  test("malformed files are ignored", async (t) => {
    const home = await homeWith(t, {
      ".claude.json": "{",
      ".codex/auth.json": "[]",
      ".amp/config.json": "1",
    });
    assert.deepEqual(await detectCredentials({ home, env: {} }), {});
  });

  test("a redacted key never reveals the complete key", () => {
    assert.equal(redactKey("sk-ant-0123456789abcdef"), "sk-a...cdef");
    assert.equal(redactKey("0123456789abcdef"), "0123...cdef");
    assert.equal(redactKey("0123456789abcde"), "****");
    assert.equal(redactKey("short"), "****");
  });
});
