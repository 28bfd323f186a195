import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { isErrorCode, systemClock } from "@holdfast/core";
import type { Audit, AuditEntry } from "../../audit/audit.ts";
import { type GitTokenMint, GitTokens, type MintedToken } from "./git-tokens.ts";
import { githubAppTokens } from "./github-app.ts";

const notMinted = (error: unknown) => isErrorCode(error, "egress", "token_not_minted");

function parts(happened: string[], broken = false) {
  const keep = async ({ type }: AuditEntry) => {
    if (broken) throw new Error("disk full");
    happened.push(type);
  };
  return {
    jailId: "j",
    session: "s",
    clock: systemClock,
    audit: { append: keep, note: keep } as unknown as Audit,
  };
}

function mintOf(happened: string[], token: (n: number) => Promise<MintedToken>): GitTokenMint {
  let made = 0;
  return {
    username: "u",
    mint: () => {
      happened.push("mint");
      made += 1;
      return token(made);
    },
    revoke: async ({ value }) => {
      happened.push(`revoke ${value}`);
    },
  };
}

const wanted = (mint: GitTokenMint, access: "read" | "write" = "read") =>
  ({ kind: "git-token", mint, repository: "a/b", access }) as const;
const later = (ms: number) => Date.now() + ms;

test("a token is issued once, after its record, and again only for another access or shortly before it expires", async () => {
  const happened: string[] = [];
  const tokens = new GitTokens(parts(happened));
  let leftMs = 3_600_000;
  const mint = mintOf(happened, async (n) => ({ value: `t${n}`, expiresAt: later(leftMs) }));
  assert.deepEqual(await tokens.present(wanted(mint)), { username: "u", value: "t1" });
  assert.deepEqual(happened, ["egress.token_minted", "mint"]);
  assert.equal((await tokens.present(wanted(mint))).value, "t1");
  leftMs = 30_000;
  assert.equal((await tokens.present(wanted(mint, "write"))).value, "t2");
  assert.equal((await tokens.present(wanted(mint, "write"))).value, "t3");
  await tokens.close();
  assert.deepEqual(happened.filter((each) => each.startsWith("revoke")).toSorted(), [
    "revoke t1",
    "revoke t2",
    "revoke t3",
  ]);
});

test("without its record no token is made", async () => {
  const happened: string[] = [];
  const mint = mintOf(happened, async () => ({ value: "t", expiresAt: later(3_600_000) }));
  await assert.rejects(new GitTokens(parts(happened, true)).present(wanted(mint)), /disk full/);
  assert.deepEqual(happened, []);
});

test("a token that arrives after the end of the session is revoked and not used", async () => {
  const happened: string[] = [];
  const tokens = new GitTokens(parts(happened));
  const coming = Promise.withResolvers<MintedToken>();
  const asked = assert.rejects(tokens.present(wanted(mintOf(happened, () => coming.promise))), notMinted);
  const closed = tokens.close();
  coming.resolve({ value: "late", expiresAt: later(3_600_000) });
  await Promise.all([asked, closed]);
  assert.ok(happened.includes("revoke late"));
});

test("an answer of GitHub that is a refusal or lacks a token is an error", async (t) => {
  const answers: [status: number, body: string][] = [];
  const server = createServer((_request, response) => {
    const [status, body] = answers.shift() ?? [500, ""];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const mint = githubAppTokens({ api, appId: "1", installationId: "2", privateKey });
  const { signal } = new AbortController();
  const good = { token: "t", expires_at: "2100-01-01T00:00:00Z" };
  answers.push([201, JSON.stringify(good)]);
  const token = await mint.mint("a/b", "read", signal);
  assert.deepEqual(token, { value: "t", expiresAt: Date.parse(good.expires_at) });
  for (const bad of [{}, { ...good, token: "" }, { ...good, token: 7 }, { ...good, expires_at: "soon" }]) {
    answers.push([201, JSON.stringify(bad)]);
    await assert.rejects(mint.mint("a/b", "read", signal), /no token/);
  }
  answers.push([403, JSON.stringify(good)]);
  await assert.rejects(mint.mint("a/b", "read", signal), /403/);
  answers.push([403, "{}"]);
  await assert.rejects(mint.revoke(token, signal), /403/);
});
