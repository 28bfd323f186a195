/** Tokens that are made for one repository and one session: the real gate, git, and git's own server. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, randomBytes, verify } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { startGitServer } from "@holdfast/testing/git-server";
import { openGitGate } from "./git-gate.ts";

interface Made {
  readonly token: string;
  readonly repository: string;
  readonly access: string;
  revoked: boolean;
}

/** The part of GitHub's API by which an app gets tokens, with what it has made. */
async function startTokenServer(t: TestContext, key: KeyObject) {
  const made: Made[] = [];
  const state = { broken: false };
  const isApp = (bearer: string): boolean => {
    const [head = "", body = "", signature = ""] = bearer.split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8") || "{}");
    const lasts = claims.exp - claims.iat;
    const signed = verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"));
    return signed && claims.iss === "17" && lasts > 0 && lasts <= 660;
  };
  const server = createServer(async (request, response) => {
    const bearer = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    const place = `${request.method} ${request.url}`;
    if (place === "POST /api/v3/app/installations/42/access_tokens" && !state.broken && isApp(bearer)) {
      const asked = Object(await json(request));
      const token = `ghs_${randomBytes(18).toString("hex")}`;
      made.push({
        token,
        repository: asked.repositories.join(),
        access: asked.permissions.contents,
        revoked: false,
      });
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      response.writeHead(201).end(JSON.stringify({ token, expires_at }));
      return;
    }
    const own = made.find(({ token }) => token === bearer);
    if (place === "DELETE /api/v3/installation/token" && own !== undefined) {
      own.revoked = true;
      response.writeHead(204).end();
      return;
    }
    response.writeHead(401).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3`, made, state };
}

function textsBelow(directory: string): string {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
}

test("a token is made for one repository, is nowhere but at the proxy, and ends with the session", async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const github = await startTokenServer(t, publicKey);
  const server = await startGitServer({
    password: (given, path) =>
      github.made.some(
        ({ token, repository, access, revoked }) =>
          token === given &&
          !revoked &&
          path.startsWith(`/acme/${repository}`) &&
          (access === "write" || !path.includes("receive-pack")),
      ),
    repositories: ["acme/app", "acme/docs"],
  });
  t.after(() => server.close());
  const { dataDir, work, gate, call } = await openGitGate(t, {
    git: {
      baseUrl: server.url,
      app: { id: "17", installation: "42", credential: "APP_KEY", api: github.url },
      repositories: [
        { path: "acme/app", push: true, minted: true },
        { path: "acme/docs", minted: true },
      ],
    },
    credentials: { APP_KEY: privateKey.export({ type: "pkcs8", format: "pem" }) },
  });
  const made = () => github.made.map(({ repository, access }) => `${access} ${repository}`);

  github.state.broken = true;
  assert.match(await call("branches", { repository: "acme/app" }), /GIT_UNAVAILABLE|token_not_minted/);
  github.state.broken = false;
  assert.match(await call("branches", { repository: "acme/app" }), /"main"/);
  assert.match(await call("branches", { repository: "acme/app" }), /"main"/);
  assert.deepEqual(made(), ["read app"], "made once, and only to read");
  assert.match(await call("branches", { repository: "acme/docs" }), /"main"/);
  const fetched = { repository: "acme/app", branch: "main", folder: "work", path: "app" };
  assert.match(await call("fetch", fetched), /"files":1/);
  writeFileSync(join(work, "app", "new.txt"), "new\n");
  const push = {
    repository: "acme/app",
    folder: "work",
    path: "app",
    branch: "change",
    base: "main",
    message: "m",
  };
  assert.match(await call("push", push), /"changed":1/);
  assert.deepEqual(made(), ["read app", "read docs", "write app"]);
  assert.equal(server.git("acme/app", "show", "change:new.txt"), "new");

  assert.ok(github.made.every(({ revoked }) => !revoked));
  await gate.close();
  assert.ok(
    github.made.every(({ revoked }) => revoked),
    "revoked with the session",
  );
  const left = `${textsBelow(join(dataDir, "gate"))}${textsBelow(work)}`;
  for (const { token } of github.made) assert.ok(!left.includes(token), "no token is in what is kept");
  const log = left.match(/egress\.token_(?:minted|revoked)/g) ?? [];
  // The one that could not be made is on record too.
  assert.deepEqual([log.filter((each) => each.endsWith("minted")).length, log.length], [4, 7]);
});
