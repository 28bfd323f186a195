import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openVault } from "@holdfast/gate";
import { command, holdfast, scratch } from "./support.ts";

const value = "a-secret-that-is-nowhere";

test("secrets come in by standard input, and are nowhere in clear", async (t) => {
  const data = `${scratch(t)}/data`;
  const run = (args: readonly string[], input?: string) => {
    const all = [...args, "--data", data];
    return input === undefined ? command(all) : holdfast(all, { input });
  };
  assert.equal((await run(["secrets", "set", "deploy"], `${value}\n`)).stdout, "The secret is stored.\n");
  const own = await run(["secrets", "set", "deploy", "--user", "ada", "--json"], `${value}-of-ada\n`);
  assert.deepEqual(JSON.parse(own.stdout), { name: "deploy", owner: { user: "ada" }, stored: true });
  const short = await run(["secrets", "set", "short"], "x\n");
  assert.deepEqual([short.code, /vault\.invalid_secret/.test(short.stderr)], [1, true]);
  assert.equal((await run(["secrets", "set", "deploy", value])).code, 2, "a value is no argument");
  for (const args of [
    ["secrets", "set", "deploy"],
    ["auth", "api-key", "anthropic"],
  ]) {
    const file = await run(args, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    assert.deepEqual([file.code, /^A secret is one line of text/.test(file.stderr)], [2, true], file.stderr);
  }
  const listed = await run(["secrets", "list"]);
  assert.equal(listed.stdout, `${"deploy".padEnd(24)} of the host\n${"deploy".padEnd(24)} user ada\n`);
  for (const name of readdirSync(join(data, "vault")))
    assert.ok(!readFileSync(join(data, "vault", name)).includes(value), name);
  const vault = openVault(data);
  assert.equal(await vault.readSecret({ name: "deploy", owner: { user: "ada" } }), `${value}-of-ada`);

  const add = (...more: string[]) =>
    run(["grants", "add", "--secret", "deploy", "--host", "API.example.org", "--json", ...more]);
  const granted = await add(
    "--for",
    "agent=claude",
    "--methods",
    "get,post",
    "--path",
    "/v1",
    "--expires",
    "12h",
  );
  assert.equal(granted.stderr, "");
  const grant = JSON.parse(granted.stdout) as { id: string; expiresAt: number };
  const { id, expiresAt, ...rest } = grant;
  assert.ok(expiresAt > Date.now());
  assert.deepEqual(rest, {
    principal: { agent: "claude" },
    secret: "deploy",
    owner: {},
    host: "api.example.org",
    pathPrefix: "/v1",
    methods: ["GET", "POST"],
  });
  const misused = [[], ["--for", "everybody=1"], ["--for", "user=ada", "--expires", "2001-01-01"]];
  const answers = await Promise.all(misused.map((more) => add(...more)));
  assert.deepEqual(
    answers.map(({ code }) => code),
    [2, 2, 2],
    "a grant is for somebody, and for a time to come",
  );
  const early = await add("--for", "user=ada", "--user", "bob");
  assert.deepEqual(
    [early.code, /^The secret deploy \(user bob\) does not exist yet/.test(early.stderr)],
    [0, true],
  );
  const { id: ofBob } = JSON.parse(early.stdout) as { id: string };
  assert.equal((await run(["grants", "remove", ofBob])).code, 0);
  const wrong = await add("--for", "user=ada", "--path", "v1");
  assert.deepEqual([wrong.code, /invalid_grant/.test(wrong.stderr)], [1, true]);
  const list = await run(["grants", "list"]);
  assert.match(
    list.stdout,
    new RegExp(`^${id} {2}agent=claude may use deploy \\(of the host\\) for GET,POST api`),
  );
  assert.deepEqual((await run(["grants", "remove", id])).stdout, "The grant was revoked.\n");
  assert.equal((await run(["grants", "remove", id])).code, 1);
  assert.equal((await run(["grants", "list"])).stdout, "There are no grants.\n");
  assert.equal((await run(["secrets", "remove", "deploy"])).stdout, "The secret was deleted.\n");
  assert.equal((await run(["secrets", "remove", "deploy"])).code, 1);
  assert.equal(
    (await run(["secrets", "list", "--json"])).stdout,
    '{"name":"deploy","owner":{"user":"ada"}}\n',
  );
});
