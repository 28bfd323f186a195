import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { connectWithCookie, createStudio, createStudioClient, type Studio } from "../src/index.ts";
import { logIn, makeRepository, needsJail, temporaryFolder, Watch } from "./support.ts";

async function serve(
  t: TestContext,
  dataDirectory = join(temporaryFolder(t), "data"),
  host = "127.0.0.1",
): Promise<Studio> {
  const webDirectory = join(temporaryFolder(t), "web");
  mkdirSync(join(webDirectory, "assets"), { recursive: true });
  writeFileSync(join(webDirectory, "index.html"), "<!doctype html><title>app</title>");
  writeFileSync(join(webDirectory, "assets", "app-1a2b.js"), "export {};");
  writeFileSync(join(webDirectory, "..", "outside.txt"), "outside");
  const studio = await createStudio({
    dataDirectory,
    webDirectory,
    host,
    environment: {},
    vault: { logins: false },
  });
  t.after(() => studio.close());
  return studio;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Like `fetch`, but sends headers and path verbatim. */
function send(
  studio: Studio,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port: studio.port, path, method, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

describe("the page", () => {
  test("is served with a strict policy; hashed files are cached, the page is not", async (t) => {
    if (!needsJail(t)) return;
    const studio = await serve(t);
    for (const path of ["/", "/tasks/1", "/system"]) {
      const page = await send(studio, path);
      assert.equal(page.status, 200);
      assert.match(page.body, /<title>app/);
      assert.equal(page.headers["cache-control"], "no-store");
      assert.match(
        String(page.headers["content-security-policy"]),
        /default-src 'none'.*frame-ancestors 'none'/,
      );
      assert.equal(page.headers["x-content-type-options"], "nosniff");
    }
    const asset = await send(studio, "/assets/app-1a2b.js");
    assert.equal(asset.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(asset.headers["content-type"], "text/javascript; charset=utf-8");
  });

  test("serves nothing outside its folder", async (t) => {
    if (!needsJail(t)) return;
    const studio = await serve(t);
    for (const path of [
      "/../outside.txt",
      "/%2e%2e/outside.txt",
      "/assets/..%2f..%2foutside.txt",
      "/a%00.txt",
      "/%ff.txt",
      "/none.js",
    ]) {
      const answer = await send(studio, path);
      assert.equal(answer.status, 404, path);
      assert.equal(answer.headers["content-type"], "application/problem+json");
      assert.doesNotMatch(answer.body, /outside"|at .*\.ts/);
    }
    assert.equal((await send(studio, "/", {}, "POST")).status, 405);
  });

  test("refuses a foreign Host and a foreign Origin", async (t) => {
    if (!needsJail(t)) return;
    const studio = await serve(t);
    assert.equal((await send(studio, "/health", { host: "evil.example" })).status, 403);
    const body = JSON.stringify({ ticket: await studio.issueTicket() });
    const headers = { "content-type": "application/json", origin: "https://evil.example" };
    const answer = await send(studio, "/auth/exchange", headers, "POST", body);
    assert.equal(answer.status, 403);
    assert.equal((await send(studio, "/", { host: "evil.example" })).status, 403);
  });
});

test("a Studio that listens on all addresses links to itself, and accepts only those addresses as hosts", async (t) => {
  if (!needsJail(t)) return;
  const studio = await serve(t, undefined, "0.0.0.0");
  assert.equal(studio.url, `http://127.0.0.1:${studio.port}`);
  const cookie = await logIn(studio.url, await studio.issueTicket());
  const client = connectWithCookie(studio.url, cookie);
  t.after(() => client.dispose());
  assert.deepEqual((await createStudioClient(client).organization.listTasks()).tasks, []);
  for (const { address, family } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
    const host = family === "IPv6" ? `[${address}]` : address;
    assert.equal((await send(studio, "/", { host: `${host}:${studio.port}` })).status, 200, host);
  }
  for (const host of ["evil.example", "0.0.0.0", "192.0.2.7"])
    assert.equal((await send(studio, "/", { host })).status, 403, host);
});

describe("access", () => {
  test("a ticket is valid for one login, and the login survives a restart", async (t) => {
    if (!needsJail(t)) return;
    const dataDirectory = join(temporaryFolder(t), "data");
    const first = await serve(t, dataDirectory);
    const ticket = await first.issueTicket();
    const cookie = await logIn(first.url, ticket);
    const raw = await send(
      first,
      "/auth/exchange",
      { "content-type": "application/json" },
      "POST",
      JSON.stringify({ ticket }),
    );
    assert.equal(raw.status, 401);
    assert.match(raw.body, /invalid_ticket/);
    await first.close();
    const second = await serve(t, dataDirectory);
    const client = connectWithCookie(second.url, cookie);
    t.after(() => client.dispose());
    assert.deepEqual((await createStudioClient(client).organization.listTasks()).tasks, []);
  });

  test("the cookie is out of reach of scripts and other sites", async (t) => {
    if (!needsJail(t)) return;
    const studio = await serve(t);
    const body = JSON.stringify({ ticket: await studio.issueTicket() });
    const answer = await send(studio, "/auth/exchange", { "content-type": "application/json" }, "POST", body);
    assert.equal(answer.status, 204);
    assert.match(
      String(answer.headers["set-cookie"]),
      /^holdfast-[0-9a-f]{8}=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
    );
  });

  for (const [name, body, type, status] of [
    ["no JSON", "{", "application/json", 400],
    ["no ticket", "{}", "application/json", 400],
    ["another type", '{"ticket":"x"}', "text/plain", 415],
    ["a long body", `{"ticket":"${"x".repeat(5_000)}"}`, "application/json", 413],
    ["a wrong ticket", '{"ticket":"wrong"}', "application/json", 401],
    ["a name of Object's own", '{"ticket":"__proto__"}', "application/json", 401],
  ] as const) {
    test(`the exchange refuses ${name}`, async (t) => {
      if (!needsJail(t)) return;
      const studio = await serve(t);
      assert.equal(
        (await send(studio, "/auth/exchange", { "content-type": type }, "POST", body)).status,
        status,
      );
    });
  }

  test("nothing is possible without the cookie, and a login cannot reach internals", async (t) => {
    if (!needsJail(t)) return;
    const studio = await serve(t);
    const repository = makeRepository(temporaryFolder(t));
    const task = await studio.client.organization.createTask({ repository, agent: "demo", prompt: "hang" });
    const { sessionId } = await studio.client.task(task.id).get();
    const withCookie = (cookie: string) => {
      const client = connectWithCookie(studio.url, cookie);
      t.after(() => client.dispose());
      return client;
    };
    const real = await logIn(studio.url, await studio.issueTicket());
    const name = real.split("=")[0] ?? "";
    for (const cookie of ["a=b", `${name}=wrong`, `${name}=`, `other=${real.split("=")[1]}`]) {
      const stranger = withCookie(cookie);
      await assert.rejects(
        stranger.get("task", [task.id]).action({ name: "get" }),
        (e) => isErrorCode(e, "auth", "unauthorized") && e.message.includes("npx holdfast url"),
      );
      await assert.rejects(stranger.get("organization", ["local"]).connect().ready, (e) =>
        isErrorCode(e, "auth", "unauthorized"),
      );
    }
    const owner = withCookie(real);
    assert.equal((await createStudioClient(owner).task(task.id).get()).id, task.id);
    const forbidden: readonly [actor: string, key: string, action: string, args: unknown[]][] = [
      ["task", task.id, "internal.next", []],
      ["task", task.id, "internal.report", [{ type: "stopped" }]],
      ["task", task.id, "internal.recover", []],
      ["session", sessionId, "internal.append", ["x"]],
      ["organization", "local", "internal.wake", [task.id]],
      ["access", "local", "internal.addTicket", ["x"]],
    ];
    for (const [actor, key, action, args] of forbidden) {
      const call = owner.get(actor, [key]).action({ name: action, args });
      await assert.rejects(call, (e) => isErrorCode(e, "auth", "forbidden"), `${actor} ${action}`);
      const connected = owner.get(actor, [key]).connect();
      await assert.rejects(
        connected.action({ name: action, args }),
        (e) => isErrorCode(e, "auth", "forbidden"),
        `connected: ${actor} ${action}`,
      );
      await connected.dispose();
    }
    await assert.rejects(owner.create("task", ["mine"]), (e) => isErrorCode(e, "auth", "forbidden"));
    for (const [actor, name] of [
      ["task", "get"],
      ["session", "events"],
    ] as const) {
      const made = owner.getOrCreate(actor, ["mine"], {
        createWithInput: { token: "guessed", taskId: "mine" },
      });
      await assert.rejects(made.action({ name }), (e) => isErrorCode(e, "auth", "forbidden"));
      await assert.rejects(owner.get(actor, ["mine"]).action({ name }), (e) =>
        isErrorCode(e, "actor", "not_found"),
      );
    }
    await assert.rejects(owner.getOrCreate("organization", ["other"]).action({ name: "listTasks" }), (e) =>
      isErrorCode(e, "organization", "not_found"),
    );
    await studio.client.task(task.id).stop();
  });
});

describe("a login", () => {
  test("can be ended by its owner, which affects no other", async (t) => {
    if (!needsJail(t)) return;
    const studio = await serve(t);
    const [one = "", other = ""] = [
      await logIn(studio.url, await studio.issueTicket()),
      await logIn(studio.url, await studio.issueTicket()),
    ];
    const end = (cookie: string) => send(studio, "/auth/end", { cookie }, "POST");
    const look = async (cookie: string) => (await send(studio, "/actors/count", { cookie })).status;
    assert.deepEqual([await look(one), await look(other)], [200, 200]);
    assert.equal((await end(one)).status, 204);
    assert.deepEqual([await look(one), await look(other)], [401, 200]);
    assert.equal((await end(one)).status, 401);
    assert.equal((await send(studio, "/auth/end", { cookie: other })).status, 405);
  });
});

describe("one data directory", () => {
  test("has one server; a port in use is reported, and leaves nothing locked", async (t) => {
    if (!needsJail(t)) return;
    const dataDirectory = join(temporaryFolder(t), "data");
    const first = await serve(t, dataDirectory);
    await assert.rejects(createStudio({ dataDirectory, environment: {} }), (e) =>
      isErrorCode(e, "store", "locked"),
    );
    const other = join(temporaryFolder(t), "data");
    const taken = createStudio({ dataDirectory: other, port: first.port, environment: {} });
    await assert.rejects(taken, (e) => isErrorCode(e, "gateway", "port_in_use"));
    const again = await serve(t, other);
    await again.close();
  });

  test("can be backed up while in use, and the copy opens", async (t) => {
    if (!needsJail(t)) return;
    const studio = await serve(t);
    const repository = makeRepository(temporaryFolder(t));
    const task = await studio.client.organization.createTask({ repository, agent: "demo", prompt: "hang" });
    const copy = join(temporaryFolder(t), "copy");
    const watch = await Watch.open(studio.client, task.id);
    await watch.status("running");
    await watch.close();
    const policy = '{"version":1,"rules":[]}';
    writeFileSync(join(studio.dataDirectory, "policy.json"), policy);
    const settings = '{"version":1,"plugins":{}}';
    writeFileSync(join(studio.dataDirectory, "plugins.json"), settings);
    const hooks = '{"version":1,"webhooks":{}}';
    writeFileSync(join(studio.dataDirectory, "approvals.json"), hooks);
    await studio.backup(copy);
    assert.equal(readFileSync(join(copy, "policy.json"), "utf8"), policy);
    assert.equal(readFileSync(join(copy, "approvals.json"), "utf8"), hooks);
    assert.equal(readFileSync(join(copy, "plugins.json"), "utf8"), settings);
    assert.equal(readFileSync(join(copy, "tasks", task.id, "workspace", "README.md"), "utf8"), "# Hi\n");
    await assert.rejects(studio.backup(copy), (e) => isErrorCode(e, "backup", "not_empty"));
    const restored = await serve(t, copy);
    const { tasks } = await restored.client.organization.listTasks();
    assert.deepEqual(
      tasks.map(({ id }) => id),
      [task.id],
    );
    await restored.client.task(task.id).stop();
    await studio.client.task(task.id).stop();
  });
});
