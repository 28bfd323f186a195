import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { mock, test } from "node:test";
import { encodeKey } from "@holdfast/core";
import { embeddedOnly } from "@holdfast/testing/backends";
import { actorsCommand } from "../src/cli/actors.ts";
import { actorPathOf, addressOf } from "../src/cli/management-client.ts";
import { notes } from "./actors-support.ts";
import { command, scratch, startServer } from "./support.ts";

const ofCommandLine = embeddedOnly("what the command line prints");

/** Runs `holdfast actors ... --json` in this process, since there are many, and returns what it prints. */
async function actors(url: string, ...args: string[]): Promise<unknown> {
  const lines: string[] = [];
  const log = mock.method(console, "log", (line: string) => void lines.push(line));
  try {
    assert.equal(await actorsCommand([...args, "--json", "--url", url]), 0);
  } finally {
    log.mock.restore();
  }
  return JSON.parse(lines.join("\n"));
}

test("actors of a running server are listed, read, called, put to sleep and ended", async (t) => {
  const { url, registry } = await notes(t);
  const { actors: found } = (await actors(url, "list", "note")) as {
    actors: { id: string; key: string[] }[];
  };
  assert.deepEqual(
    found.map(({ key }) => key),
    [["team", "a/b"], ["plain"]],
  );
  assert.deepEqual(await actors(url, "count", "note", "--prefix", "team"), { count: 1 });
  const team = "note/@team,a%2Fb,";
  assert.deepEqual(await actors(url, "state", team), { text: "hello", edits: ["$BigInt", "1"] });
  assert.deepEqual(await actors(url, "state", "note/plain"), { text: "world", edits: ["$BigInt", "1"] });
  assert.deepEqual(await actors(url, "call", `note/${found[0]?.id}`, "write", '"again"'), ["$BigInt", "2"]);
  const edited = '{"text":"set","edits":["$BigInt","9"]}';
  assert.deepEqual(await actors(url, "state", team, edited), JSON.parse(edited));
  assert.equal(await registry.client.note.get(["team", "a/b"]).write("x"), 10n);
  await actors(url, "queue", team, "send", "inbox", '"hi"');
  assert.equal(((await actors(url, "queue", team)) as { size: number }).size, 1);
  await registry.client.note.get("plain").remind();
  const { schedules } = (await actors(url, "schedules", "note/plain")) as { schedules: { id: string }[] };
  assert.deepEqual(await actors(url, "schedules", "note/plain", "delete", schedules[0]?.id ?? ""), {
    ok: true,
  });
  assert.deepEqual(await actors(url, "sql", team, "SELECT 1 AS one"), [{ one: 1 }]);
  assert.equal(
    ((await actors(url, "workflow", team)) as { isWorkflowEnabled: boolean }).isWorkflowEnabled,
    false,
  );
  assert.deepEqual(await actors(url, "sleep", team), { ok: true });
  const { actors: asleep } = (await actors(url, "list", "note", "--status", "sleeping")) as {
    actors: unknown[];
  };
  assert.equal(asleep.length, 1);
  assert.deepEqual(await actors(url, "destroy", "note/plain"), { destroyed: 1 });
  assert.deepEqual(await actors(url, "destroy", "note", "--all"), { destroyed: 1, failed: [], more: false });
  assert.deepEqual(await actors(url, "count"), { count: 0 });
});

test("an actor is forked, exported into a private file and imported", async (t) => {
  const { url } = await notes(t);
  const file = join(scratch(t), "note.hfex");
  await actors(url, "fork", "note/plain", "copy/of");
  assert.deepEqual(await actors(url, "state", "note/copy/of"), { text: "world", edits: ["$BigInt", "1"] });
  await actors(url, "export", "note/plain", file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await actors(url, "import", file, "note/third");
  assert.deepEqual(await actors(url, "state", "note/third"), { text: "world", edits: ["$BigInt", "1"] });
  const absent = await command(["actors", "import", `${file}.absent`, "--url", url]);
  assert.equal(absent.code, 2);
  assert.match(absent.stderr, /note\.hfex\.absent cannot be read \(ENOENT\)/);
  const folder = await command(["actors", "import", scratch(t), "--url", url]);
  assert.deepEqual([folder.code, /cannot be read \(EISDIR\)/.test(folder.stderr)], [2, true], folder.stderr);
  const time = String(Date.now());
  assert.deepEqual(await actors(url, "at", "note/plain", "--time", time), {
    text: "world",
    edits: ["$BigInt", "1"],
  });
});

test("a data directory is read where no server runs, and left alone where one does", {
  skip: embeddedOnly("reads the files of SQLite"),
}, async (t) => {
  const { directory, registry } = await notes(t);
  const run = (...args: string[]) => command(["actors", ...args, "--data", directory, "--json"]);
  const locked = await run("list");
  assert.equal(locked.code, 1);
  assert.match(locked.stderr, /"group":"store","code":"locked"/);
  await registry.shutdown();
  const listed = await run("list", "note", "--prefix", "team");
  assert.equal(listed.code, 0, listed.stderr);
  const { actors: found } = JSON.parse(listed.stdout) as { actors: { key: string[]; status: string }[] };
  assert.deepEqual(
    found.map(({ key, status }) => [key, status]),
    [[["team", "a/b"], "sleeping"]],
  );
  assert.deepEqual(JSON.parse((await run("count")).stdout), { count: 2 });
  assert.deepEqual(JSON.parse((await run("state", "note/plain")).stdout), {
    text: "world",
    edits: ["$BigInt", "1"],
  });
  const exported = join(scratch(t), "file");
  assert.equal((await run("export", "note/plain", exported)).code, 0);
  assert.ok(statSync(exported).size > 50);
  for (const args of [
    ["call", "note/plain", "write", '"x"'],
    ["destroy", "note/plain"],
    ["state", "note/plain", "{}"],
  ]) {
    const { code, stderr } = await run(...args);
    assert.equal(code, 1);
    assert.match(stderr, /"group":"control","code":"not_running"/);
  }
  const text = await command(["actors", "list", "note", "--data", directory]);
  assert.match(text.stdout, / {2}note\/plain\n/);
  const none = await command(["actors", "list", "--data", scratch(t)]);
  assert.match(none.stderr, /control\.not_running/);
});

test("an actor is named so that the command line finds it again", () => {
  assert.equal(addressOf("note", ["team", "a b"]), "note/team/a b");
  for (const key of [["a/b"], [""], ["@x,"], ["01a208b1-af05-7154-b3c8-bd4a0d8fe4d0"]])
    assert.equal(addressOf("note", key), `note/@${encodeKey(key)}`);
  assert.equal(addressOf("note", []), "note/");
  assert.equal(actorPathOf("note/"), "/actors/note/@");
});

test("wrong usage is told apart from what a server says", { skip: ofCommandLine }, async (t) => {
  const { url } = await notes(t);
  const run = (...args: string[]) => command(["actors", ...args, "--url", url]);
  for (const args of [
    [],
    ["explode"],
    ["state"],
    ["state", "note"],
    ["call", "note/plain"],
    ["at", "note/plain"],
  ]) {
    assert.equal((await run(...args)).code, 2, args.join(" "));
  }
  assert.equal((await run("call", "note/plain", "write", "no json")).code, 2);
  assert.equal((await run("at", "note/plain", "--time", "soon")).code, 2);
  assert.equal((await run("destroy", "note/plain", "note")).code, 2);
  assert.equal((await run("state", "note/plain")).code, 0, "none was ended");
  const missing = await run("state", "note/none");
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /actor\.not_found/);
  assert.match(
    (await command(["actors", "list", "--url", "http://127.0.0.1:1"])).stderr,
    /client\.network_error/,
  );
  assert.match((await command(["actors", "list", "--url", "ftp://x"])).stderr, /client\.invalid_endpoint/);
  assert.equal((await run("--help")).code, 0);
});

test("what an actor keeps, and what a server says, cannot steer a terminal", {
  skip: ofCommandLine,
}, async (t) => {
  const { url } = await notes(t);
  const edited = '{"text":"\u009b2J\u202e","edits":["$BigInt","1"]}';
  for (const more of [[], ["--json"]]) {
    const told = await command(["actors", "state", "note/plain", edited, "--url", url, ...more]);
    assert.doesNotMatch(told.stdout, /[\u009b\u202e]/);
    assert.deepEqual(JSON.parse(told.stdout), JSON.parse(edited));
  }
  const server = createServer((_request, response) => {
    const problem = { group: "odd", code: "refused", detail: "no\u001b[2J\u009b" };
    response.writeHead(400).end(JSON.stringify(problem));
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const refused = await command(["actors", "list", "--url", `http://127.0.0.1:${port}`]);
  assert.deepEqual([refused.code, refused.stderr], [1, "no\\u001b[2J\\u009b (odd.refused)\n"]);
});

test("the Studio's actors are the owner's; programs of this machine read its documents and metrics", {
  skip: embeddedOnly("starts a server of its own"),
}, async (t) => {
  const data = scratch(t);
  const server = await startServer(t, data, ["--unsafe-no-jail"]);
  const listed = await command(["actors", "list", "--data", data, "--json"]);
  assert.equal(listed.code, 0, listed.stderr);
  const { actors: found } = JSON.parse(listed.stdout) as { actors: { name: string }[] };
  assert.ok(found.some(({ name }) => name === "access"));
  const access = await command(["actors", "state", "access/local", "--data", data, "--json"]);
  const { logins } = JSON.parse(access.stdout) as { logins: Record<string, unknown> };
  assert.equal(Object.keys(logins).length, 1, "the login of the command before has ended");
  const ticket = new URL(server.link).hash.slice("#ticket=".length);
  const login = await fetch(`${server.url}/auth/exchange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ticket }),
  });
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const status = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
    const response = await fetch(server.url + path, { headers });
    await response.body?.cancel();
    return response.status;
  };
  for (const path of ["/openapi.json", "/asyncapi.json", "/docs", "/metrics"]) {
    assert.equal(await status(path), 200, path);
    assert.equal(await status(path, { "x-forwarded-for": "192.0.2.1" }), 401, `${path} through a proxy`);
    assert.equal(await status(path, { "sec-fetch-site": "cross-site" }), 401, `${path} for another page`);
    assert.equal(await status(path, { cookie, "x-forwarded-for": "192.0.2.1" }), 200, path);
  }
  for (const path of ["/actors", "/actors/access/@local,/inspector/state"]) {
    assert.equal(await status(path), 401, path);
    assert.equal(await status(path, { cookie }), 200, path);
  }
  assert.equal(await server.stop(), 0);
});

test("a change that the server did not make is a failure", async (t) => {
  const { url } = await notes(t);
  const change = (...words: string[]) => command(["actors", ...words, "--url", url]);
  assert.deepEqual(await change("queue", "note/plain", "delete", "9"), {
    code: 1,
    stdout: "",
    stderr: "There is no message 9 to delete (queue.message_not_found)\n",
  });
  assert.deepEqual(await change("schedules", "note/plain", "run", "nightly"), {
    code: 1,
    stdout: "",
    stderr: 'There is no schedule "nightly", or it is running (inspector.not_found)\n',
  });
});

test("actors that could not be destroyed are told, and are a failure", async (t) => {
  const failed = [{ id: "1", group: "store", code: "unavailable" }];
  const server = createServer((_request, response) => {
    response.end(JSON.stringify({ destroyed: 2, failed, more: false }));
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(
    await command(["actors", "destroy", "note", "--all", "--url", `http://127.0.0.1:${port}`]),
    {
      code: 1,
      stdout: "Destroyed 2\n",
      stderr: "Not destroyed: 1 (store.unavailable)\n",
    },
  );
});
