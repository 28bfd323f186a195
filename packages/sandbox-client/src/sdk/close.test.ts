import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { HttpAcpConnection } from "../acp.ts";
import { Http } from "../internal/http.ts";
import { clientLimits } from "../limits.ts";
import { SandboxAgent } from "./sandbox-agent.ts";

/** A server that takes every request and answers none. */
function hanging() {
  const expected = new Map<string, () => void>();
  const fetch: typeof globalThis.fetch = (_input, init) => {
    const asked = new Promise<never>((_resolve, reject) =>
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason), { once: true }),
    );
    expected.get(init?.method ?? "GET")?.();
    return asked;
  };
  const asks = (method: string) => new Promise<void>((resolve) => expected.set(method, resolve));
  return { fetch, asks };
}

test("a connection whose server hangs is closed after 10 s", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { fetch, asks } = hanging();
  const connection = new HttpAcpConnection(new Http("http://sandbox.test", fetch, {}), "one", { agent: "a" });
  const asked = asks("DELETE");
  const closed = assert.rejects(connection.close(), { code: "unreachable" });
  await asked;
  t.mock.timers.tick(clientLimits.closeMs);
  await closed;
  assert.deepEqual(await connection.closed, { kind: "closed" });
});

test("a client is disposed of while the start of its agent hangs", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { fetch, asks } = hanging();
  const client = await SandboxAgent.connect({ baseUrl: "http://sandbox.test", fetch, skipHealthCheck: true });
  const started = asks("POST");
  const session = assert.rejects(client.createSession({ agent: "a", cwd: "/" }), { code: "client_disposed" });
  await started;
  const ended = asks("DELETE");
  const disposed = client.dispose();
  t.mock.timers.tick(clientLimits.closeMs);
  await ended;
  t.mock.timers.tick(clientLimits.closeMs);
  await Promise.all([disposed, session]);
});

test("the wait for a server that takes every request and answers none has its end", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { fetch, asks } = hanging();
  const waitForHealth = { timeoutMs: 2_000 };
  const client = await SandboxAgent.connect({ baseUrl: "http://sandbox.test", fetch, waitForHealth });
  const asked = asks("GET");
  const listed = assert.rejects(client.listAgents(), { code: "health_timeout" });
  await asked;
  t.mock.timers.tick(waitForHealth.timeoutMs);
  await listed;
  await client.dispose();
});

test("a server that hangs is started again by its provider", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.mock.method(console, "warn", () => {});
  const { fetch, asks } = hanging();
  const abort = new AbortController();
  const started = Promise.withResolvers<string>();
  const sandbox = {
    name: "hung",
    create: async () => "one",
    destroy: async () => {},
    getFetch: async () => fetch,
    ensureServer: async (id: string) => started.resolve(id),
  };
  const asked = asks("GET");
  const start = assert.rejects(SandboxAgent.start({ sandbox, signal: abort.signal }), /enough/);
  await asked;
  t.mock.timers.tick(10_000);
  assert.equal(await started.promise, "one");
  abort.abort(new Error("enough"));
  await start;
});

test("a signal of the whole program keeps no client that was disposed of", async () => {
  const { signal } = new AbortController();
  const options = { baseUrl: "http://sandbox.test", skipHealthCheck: true, signal };
  const client = await SandboxAgent.connect(options);
  assert.equal(getEventListeners(signal, "abort").length, 1);
  await client.dispose();
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
