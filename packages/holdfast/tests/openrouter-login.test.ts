/** `holdfast auth login openrouter`, against a server that checks the proof as OpenRouter does. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { json, text } from "node:stream/consumers";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";

const bin = resolve(import.meta.dirname, "../bin/holdfast.js");
const key = "sk-or-v1-made-for-this-login-0123456789";

test("a login by the browser leaves a key in the vault, and gives none to whoever saw the code", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "holdfast-openrouter-"));
  removeAtExit(data);
  const challenges = new Map<string, string>();
  const exchanged: number[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    if (url.pathname === "/auth") {
      const back = new URL(url.searchParams.get("callback_url") ?? "");
      assert.equal(url.searchParams.get("code_challenge_method"), "S256");
      challenges.set("code-1", url.searchParams.get("code_challenge") ?? "");
      if (url.searchParams.get("deny") === null) back.searchParams.set("code", "code-1");
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    const { code, code_verifier: verifier } = Object(await json(request));
    const proof = createHash("sha256").update(String(verifier)).digest("base64url");
    const right = url.pathname === "/api/v1/auth/keys" && challenges.get(code) === proof;
    challenges.delete(code);
    exchanged.push(right ? 200 : 403);
    response.writeHead(right ? 200 : 403).end(JSON.stringify(right ? { key, user_id: "u" } : {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [bin, "auth", ...args, "--data", data], {
      env: { PATH: process.env["PATH"], HOLDFAST_OPENROUTER_BASE_URL: base },
      stdio: ["ignore", "pipe", "pipe"],
    });
    t.after(() => child.kill());
    return { child, errors: text(child.stderr), exit: once(child, "exit") };
  };
  const login = async () => {
    const { child, errors, exit } = start("login", "openrouter", "--port", "0");
    const said: string[] = [];
    const opened = Promise.withResolvers<string>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(line);
      const address = /http:\S+\/auth\?\S+/.exec(line)?.[0];
      if (address !== undefined) opened.resolve(address);
    });
    const address = await Promise.race([opened.promise, exit.then(async () => assert.fail(await errors))]);
    return { address, said, errors, exit };
  };

  const first = await login();
  const back = new URL(new URL(first.address).searchParams.get("callback_url") ?? "");
  assert.equal((await fetch(`http://127.0.0.1:${back.port}/?code=stolen`)).status, 404, "not its address");
  // As a browser opens it ahead of need: the command ends without waiting for it.
  const ahead = connect(Number(back.port), "127.0.0.1");
  t.after(() => ahead.destroy());
  await once(ahead, "connect");
  const page = await fetch(first.address);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /close this page/);
  assert.deepEqual((await first.exit)[0], 0, await first.errors);
  assert.deepEqual(exchanged, [200]);
  assert.ok(!first.said.join("\n").includes(key));
  const kept = readdirSync(data, { recursive: true })
    .map((name) => join(data, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"));
  assert.ok(
    kept.every((each) => !each.includes(key)),
    "encrypted at rest",
  );
  const status = start("status");
  assert.match(await text(status.child.stdout), /openrouter +ready +uses a stored API key/);

  const denied = await login();
  assert.equal((await fetch(`${denied.address}&deny=1`)).status, 200);
  assert.equal((await denied.exit)[0], 1);
  assert.match(await denied.errors, /not authorized.*vault\.login_failed/);
  const stolen = await login();
  const place = new URL(new URL(stolen.address).searchParams.get("callback_url") ?? "");
  place.searchParams.set("code", "code-of-another");
  await fetch(place);
  assert.equal((await stolen.exit)[0], 1);
  assert.match(await stolen.errors, /it responded with status 403/);
});
