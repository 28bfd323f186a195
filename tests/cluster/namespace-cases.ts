import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeKey, encodeKey, HoldfastError, isErrorCode } from "@holdfast/core";
import { type Client, createClient } from "holdfast/client";
import { WebSocket } from "ws";
import type { ClusterRegistry } from "./actors.ts";
import { eventually } from "./nodes.ts";

export const acmeToken = "token-of-acme";
export const betaToken = "token-of-beta";

/** The namespaces that the servers of these cases have; "open" needs no token. */
export const namespaces = { acme: { token: acmeToken }, beta: { token: betaToken }, open: {} };
/** The same, as HOLDFAST_NAMESPACES. */
export const namespacesText = `acme=${acmeToken},beta=${betaToken},open`;

type Connect = (namespace?: string, token?: string) => Client<ClusterRegistry>;

/** What no other namespace may reach, over every route. `urls` are those of servers of the same actors. */
export function namespaceCases(urls: () => readonly string[]): void {
  const any = (at: number): string => {
    const all = urls();
    return all[at % all.length] ?? "";
  };
  const client = (at: number): Connect => {
    return (namespace, token) =>
      createClient<ClusterRegistry>({
        endpoint: any(at),
        ...(namespace === undefined ? {} : { namespace }),
        ...(token === undefined ? {} : { token }),
      });
  };
  const acme = (at = 0) => client(at)("acme", acmeToken);
  const beta = (at = 0) => client(at)("beta", betaToken);

  test("one key is another actor in each namespace", async () => {
    const values = new Map([
      [client(0)(), 1],
      [client(0)("default"), 2],
      [acme(0), 1],
      [acme(1), 2],
      [beta(0), 1],
      [client(1)("open"), 1],
    ]);
    for (const [each, value] of values) assert.equal(await each.counter.getOrCreate(["same"]).add(1), value);
    assert.deepEqual(await acme().counter.get(["same"]).names(), ["counter", "same"]);
    const ids = await Promise.all(
      [client(0)(), acme(), beta()].map((each) => each.counter.get(["same"]).resolve()),
    );
    assert.equal(new Set(ids).size, 3);
  });

  test("an id of another namespace is unknown", async () => {
    const id = await acme().counter.getOrCreate(["by-id"]).whoami();
    assert.equal(await acme(1).counter.getForId(id).whoami(), id);
    for (const each of [beta(0), beta(1), client(0)(), client(1)("open")]) {
      await assert.rejects(each.counter.getForId(id).whoami(), isCode("actor", "not_found"));
      await assert.rejects(each.counter.getForId(id).resolve(), isCode("actor", "not_found"));
    }
  });

  test("only the token of a namespace opens it, over every route, and nothing is created", async () => {
    await acme().counter.getOrCreate(["kept"]).add(1);
    for (const at of [0, 1]) {
      const strangers = [
        client(at)("acme", betaToken),
        client(at)("acme"),
        client(at)("acme", "token-of-nobody"),
        // A token says which namespace its bearer belongs to.
        client(at)("open", acmeToken),
        client(at)(undefined, acmeToken),
      ];
      for (const stranger of strangers) await assertClosed(stranger);
    }
    assert.equal(await acme().counter.get(["kept"]).read(), 1);
    assert.deepEqual((await acme().counter.list({ prefix: ["never"] })).actors, []);
    assert.equal(await client(0)("open").counter.count({ prefix: ["never"] }), 0);
    assert.equal(await client(0)().counter.count({ prefix: ["never"] }), 0);
  });

  test("an unknown namespace is said, and nothing is created", async () => {
    for (const at of [0, 1]) {
      const stranger = client(at)("gamma", acmeToken);
      await assertClosed(stranger, "unknown");
    }
    for (const name of ["gamma:counter", "default:acme:counter"]) {
      const response = await fetch(`${any(0)}/actors/${name}/~${encodeKey(["never"])}/actions/add`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "[]",
      });
      assert.deepEqual([response.status, (await problem(response)).code], [404, "unknown"]);
    }
  });

  test("connections, events, streams, raw requests and raw WebSockets stay in their namespace", async () => {
    const heard = new Map<Client<ClusterRegistry>, number[]>();
    const connections = [acme(0), acme(1), beta(0), client(1)()].map((each) => {
      const connection = each.counter.getOrCreate(["live"]).connect();
      heard.set(each, []);
      connection.on("changed", (value: number) => heard.get(each)?.push(value));
      return connection;
    });
    for (const connection of connections) await connection.read();
    await acme(1).counter.get(["live"]).add(5);
    await beta(1).counter.get(["live"]).add(7);
    await eventually("the events", () => {
      const all = [...heard.values()];
      return JSON.stringify(all) === JSON.stringify([[5], [5], [7], []]) ? true : undefined;
    });
    for (const connection of connections) await connection.dispose();

    for (const at of [0, 1]) {
      const handle = acme(at).counter.get(["live"]);
      const chunks: number[] = [];
      for await (const chunk of await handle.stream(3)) chunks.push(chunk);
      assert.deepEqual(chunks, [0, 1, 2]);
      const seen = (await (await handle.fetch("/state")).json()) as { readonly count: number };
      assert.equal(seen.count, 5);
      const socket = await handle.webSocket("/");
      const echoed = new Promise((resolve) =>
        socket.addEventListener("message", ({ data }) => resolve(data)),
      );
      socket.send("hello");
      assert.equal(await echoed, "hello");
      socket.close();
    }
  });

  test("what an actor calls and sends stays in its namespace", async () => {
    for (const [at, each] of [acme(0), beta(1)].entries()) {
      const caller = each.counter.getOrCreate(["caller"]);
      for (let key = 0; key < 6; key++) {
        assert.equal(await caller.addElsewhere(`callee-${key}`, key + at), key + at);
        await caller.sendElsewhere(`callee-${key}`, key + 10 * at);
      }
      for (let key = 0; key < 6; key++) {
        const { adder } = each;
        await eventually("the message", async () =>
          (await adder.getOrCreate([`callee-${key}`]).sum()) === key + 10 * at ? true : undefined,
        );
      }
      await caller.endElsewhere("callee-0");
    }
    assert.equal(await client(0)().counter.count({ prefix: "callee" }), 0);
    assert.equal(await acme().counter.count({ prefix: "callee" }), 5);
    for (const each of [acme(), client(0)()]) {
      const caller = each.counter.getOrCreate(["caller"]);
      for (const name of ["beta:counter", "acme:counter", "open:counter"]) {
        await assert.rejects(caller.addNamed(name, "reached", 1), isCode("namespace", "forbidden"));
      }
    }
    assert.equal(await beta().counter.count({ prefix: "reached" }), 0);
  });

  test("queues, alarms and databases work in a namespace", async () => {
    const reply = await acme(1).doubler.getOrCreate(["d"]).send("jobs", 21, { wait: true });
    assert.deepEqual(reply, { status: "completed", response: 42 });
    await acme().notes.getOrCreate(["n"]).write("of acme");
    assert.deepEqual(await acme(1).notes.get(["n"]).all(), ["of acme"]);
    await assert.rejects(beta().notes.get(["n"]).all(), isCode("actor", "not_found"));
    const sleeper = acme().alarm.getOrCreate(["sleeper"]);
    await sleeper.set(300);
    await post(any(0), `/actors/acme:alarm/@${encodeKey(["sleeper"])}/sleep`, acmeToken);
    await eventually("the alarm", async () => ((await sleeper.fired()).length === 1 ? true : undefined));
  });

  test("lists, counts and destructions are about one namespace", async () => {
    const prefix = ["listed"];
    for (const each of [acme(), beta(), client(0)()]) {
      for (const key of ["a", "b"]) await each.counter.getOrCreate([...prefix, key]).add(1);
    }
    const { actors } = await acme(1).counter.list({ prefix });
    assert.deepEqual(
      actors.map(({ name, key }) => [name, key[1]]),
      [
        ["counter", "a"],
        ["counter", "b"],
      ],
    );
    const listOf = async (query: string, token?: string): Promise<readonly string[]> => {
      const headers: Record<string, string> = token === undefined ? {} : { "x-holdfast-token": token };
      const response = await fetch(`${any(0)}/actors?keyPrefix=${encodeKey(["listed"])}&limit=50&${query}`, {
        headers,
      });
      assert.equal(response.status, 200, query);
      const page = (await response.json()) as { readonly actors: readonly { readonly name: string }[] };
      return page.actors.map(({ name }) => name);
    };
    assert.deepEqual(await listOf("namespace=acme", acmeToken), ["counter", "counter"]);
    assert.deepEqual(await listOf("namespace=acme&name=counter", acmeToken), ["counter", "counter"]);
    assert.deepEqual(await listOf(""), ["counter", "counter"]);
    assert.deepEqual(await listOf(`id=${actors[0]?.id}`), []);
    const done = await beta().counter.destroyMany({ prefix });
    assert.deepEqual([done.destroyed, done.failed], [2, []]);
    assert.equal(await acme().counter.count({ prefix }), 2);
    assert.equal(await client(0)().counter.count({ prefix }), 2);
    await acme().counter.destroy([...prefix, "a"]);
    assert.equal(await acme().counter.count({ prefix }), 1);
    assert.equal(await client(0)().counter.count({ prefix }), 2);
  });

  /** None of the ways to an actor works for this client. */
  async function assertClosed(stranger: Client<ClusterRegistry>, code = "unauthorized"): Promise<void> {
    const refused = isCode("namespace", code);
    const { counter, adder } = stranger;
    const never = counter.getOrCreate(["never"]);
    const kept = counter.get(["kept"]);
    await assert.rejects(never.add(1), refused);
    await assert.rejects(kept.read(), refused);
    await assert.rejects(never.resolve(), refused);
    await assert.rejects(counter.create(["never"]), refused);
    await assert.rejects(kept.reload(), refused);
    await assert.rejects(adder.getOrCreate(["never"]).send("values", 1), refused);
    await assert.rejects(never.connect().ready, refused);
    const response = await never.fetch("/state");
    assert.equal(response.headers.get("x-holdfast-error"), null);
    assert.deepEqual([response.status >= 400, (await problem(response)).code], [true, code]);
    const socket = await never.webSocket("/");
    const reason = await new Promise((resolve) => {
      socket.addEventListener("close", (event) => resolve(event.reason));
    });
    assert.equal(reason, `namespace.${code}`);
    const managed = (error: unknown): boolean =>
      refused(error) || isErrorCode(error, "inspector", "unauthorized");
    await assert.rejects(counter.list(), managed);
    await assert.rejects(counter.count(), managed);
    await assert.rejects(counter.destroy(["kept"]), managed);
    await assert.rejects(counter.destroyMany(), managed);
    await assertUninspectable(stranger, managed);
  }

  async function assertUninspectable(
    stranger: Client<ClusterRegistry>,
    isRefused: (error: unknown) => boolean,
  ): Promise<void> {
    const base = await stranger.counter.get(["kept"]).getGatewayUrl();
    const url = new URL(base);
    assert.deepEqual(decodeKey(url.pathname.split("/@")[1] ?? ""), ["kept"]);
    for (const [method, path] of [
      ["GET", "inspector/summary"],
      ["GET", "inspector/state"],
      ["GET", "status"],
      ["GET", "export"],
      ["POST", "sleep"],
      ["POST", "inspector/action/add"],
    ]) {
      const response = await fetch(`${base}/${path}`, {
        method: method ?? "GET",
        headers: { "x-holdfast-token": betaToken, authorization: `Bearer ${betaToken}` },
        ...(method === "POST" ? { body: "{}" } : {}),
      });
      const { group, code } = await problem(response);
      assert.ok(
        isRefused(new HoldfastError(group, code, "refused")),
        `${method} ${path}: ${response.status} ${code}`,
      );
    }
    const token = `holdfast.token.${Buffer.from(betaToken).toString("base64url")}`;
    const socket = new WebSocket(`${base.replace("http", "ws")}/inspector/connect`, [
      "holdfast.inspector.v1",
      token,
    ]);
    const reason = await new Promise<string>((resolve) =>
      socket.on("close", (_code, text) => resolve(String(text))),
    );
    assert.match(reason, /\.(unauthorized|unknown)$/);
  }
}

function isCode(group: string, code: string): (error: unknown) => boolean {
  return (error) => isErrorCode(error, group, code);
}

async function problem(response: Response): Promise<{ readonly group: string; readonly code: string }> {
  return (await response.json()) as { readonly group: string; readonly code: string };
}

async function post(url: string, path: string, token: string): Promise<void> {
  const response = await fetch(url + path, { method: "POST", headers: { "x-holdfast-token": token } });
  assert.equal(response.status, 204, await response.text());
}
