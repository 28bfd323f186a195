import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HoldfastError, isErrorCode, systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { allActors } from "@holdfast/testing/actors";
import { type AccessInfo, createRegistry } from "../src/index.ts";
import { serve, storedRegistry, temporaryDirectory } from "./support.ts";

const health = { status: "ok", runtime: "holdfast", version: "0.1.0" };

describe("listening", () => {
  test("a port in use is named, with what to do", async (t) => {
    const { listening } = await serve(t, allActors);
    const other = storedRegistry(allActors, temporaryDirectory(t));
    t.after(() => other.shutdown());
    await assert.rejects(other.listen({ port: listening.port }), (error) => {
      assert.ok(isErrorCode(error, "gateway", "port_in_use"));
      assert.match(error.message, new RegExp(`${listening.port}.*another port`));
      return true;
    });
    const free = await other.listen({ port: 0 });
    assert.notEqual(free.port, listening.port);
  });

  test("a host that is none of this machine is told in words, with what to do", async (t) => {
    const registry = storedRegistry(allActors, temporaryDirectory(t));
    t.after(() => registry.shutdown());
    const said: readonly (readonly [host: string, message: RegExp])[] = [
      // An address that is kept for documentation.
      [
        "192.0.2.1",
        /^192\.0\.2\.1 is not an address of this machine\. Choose one that is, such as 127\.0\.0\.1/,
      ],
      ["holdfast.invalid", /^The host "holdfast\.invalid" has no address here\. Choose an address/],
    ];
    for (const [host, message] of said) {
      await assert.rejects(registry.listen({ port: 0, host }), { code: "cannot_listen", message });
    }
  });

  test("a start that fails and is awaited ends no process; one that finds its port taken need not be", async (t) => {
    const { listening } = await serve(t, allActors);
    const told = Promise.withResolvers<HoldfastError>();
    const settings = { use: allActors, taken: told.resolve, listen: { port: listening.port } };
    const corrupt = new HoldfastError("store", "corrupt", "It is damaged");
    const damaged = createRegistry({ ...settings, store: () => Promise.reject(corrupt) });
    await assert.rejects(damaged.start(), corrupt);
    const ports = systemPorts();
    const late = createRegistry({ ...settings, ports, store: () => createMemoryStore({ ports }) });
    t.after(() => late.shutdown());
    void late.start();
    assert.equal((await told.promise).code, "port_in_use");
    // A rejection that nobody handles is told of by now.
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("what is about to listen when the registry shuts down ends with it", async (t) => {
    const registry = storedRegistry(allActors, temporaryDirectory(t));
    const listening = registry.listen({ port: 0 });
    await registry.shutdown();
    const { url } = await listening;
    await assert.rejects(fetch(`${url}/health`));
  });

  test("HOLDFAST_PORT is the default port", async (t) => {
    const registry = storedRegistry(allActors, temporaryDirectory(t));
    t.after(() => registry.shutdown());
    const before = process.env["HOLDFAST_PORT"];
    t.after(() => {
      if (before === undefined) delete process.env["HOLDFAST_PORT"];
      else process.env["HOLDFAST_PORT"] = before;
    });
    process.env["HOLDFAST_PORT"] = "0";
    assert.ok((await registry.start()).port > 0);
    process.env["HOLDFAST_PORT"] = "http";
    await assert.rejects(registry.listen(), (error) => isErrorCode(error, "gateway", "invalid_port"));
  });

  test("health answers, and fallback serves what is not an actor", async (t) => {
    const { url, registry } = await serve(t, allActors, {
      gateway: { fallback: (request, response) => response.end(`fallback ${request.url}`) },
    });
    assert.deepEqual(await (await fetch(`${url}/health`)).json(), health);
    assert.deepEqual(await (await registry.routes.health()).json(), health);
    assert.equal(await (await fetch(`${url}/app`)).text(), "fallback /app");
    assert.equal((await fetch(`${url}/app`, { headers: { origin: "https://evil.example" } })).status, 403);
    assert.equal((await registry.routes.health()).status, 200);
  });

  test("a second process on the data directory is kept out, the first goes on", async (t) => {
    const directory = temporaryDirectory(t);
    const { client } = await serve(t, allActors, { directory });
    const second = storedRegistry(allActors, directory);
    t.after(() => second.shutdown());
    await assert.rejects(second.listen({ port: 0 }), (error) => isErrorCode(error, "store", "locked"));
    assert.equal(await client().counter.getOrCreate("a").increment(1), 1);
  });
});

describe("the access hook", () => {
  test("refuses before anything is woken or made, by every way in", async (t) => {
    const asked: string[] = [];
    const access = async (info: AccessInfo): Promise<void> => {
      asked.push(`${info.kind} ${info.actor} ${info.action ?? ""}`.trim());
      if (info.header("cookie") !== "owner") throw new HoldfastError("auth", "unauthorized", "Log in first");
    };
    const { client, registry } = await serve(t, allActors, { gateway: { access } });
    const stranger = client();
    const unauthorized = (error: unknown): boolean => isErrorCode(error, "auth", "unauthorized");
    await assert.rejects(stranger.counter.getOrCreate("a").get(), unauthorized);
    await assert.rejects(stranger.counter.getOrCreate("a").resolve(), unauthorized);
    await assert.rejects(stranger.counter.create("a"), unauthorized);
    await assert.rejects(stranger.counter.getOrCreate("a").connect().ready, unauthorized);
    const directory = await registry.directory();
    assert.equal((await directory.store.list({ limit: 1 })).actors.length, 0);
    assert.equal(directory.size, 0);
    assert.deepEqual(asked, ["action counter get", "create counter", "create counter", "connect counter"]);
    const owner = client({ headers: { cookie: "owner" } });
    assert.equal(await owner.counter.getOrCreate("a").get(), 0);
    assert.equal(await registry.client.counter.get("a").get(), 0, "the process itself is not asked");
  });

  test("is asked for each call of a connection", async (t) => {
    const access = (info: AccessInfo): void => {
      if (info.action === "increment") throw new HoldfastError("actor", "action_not_found", "There is none");
    };
    const { client } = await serve(t, allActors, { gateway: { access } });
    const conn = client().counter.getOrCreate("a").connect();
    assert.equal(await conn.get(), 0);
    await assert.rejects(conn.increment(1), (error) => isErrorCode(error, "actor", "action_not_found"));
    assert.equal(await conn.get(), 0);
    await conn.dispose();
  });
});
