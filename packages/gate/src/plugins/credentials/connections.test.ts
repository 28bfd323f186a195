import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { Audit, AuditEntry, AuditRecord } from "../../audit/audit.ts";
import { pluginLimits } from "../plugin-limits.ts";
import { Connections, checkConnections } from "./connections.ts";

const invalid = (error: unknown) => isErrorCode(error, "plugin", "invalid_settings");
const place = { host: "127.0.0.1", port: 1 };

test("a connection is a plain name, a host and a port, and there are not too many", () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`c${n}`, place] as const));
  checkConnections("p", { ...many(pluginLimits.maxConnections) });
  checkConnections("p", { [`a${"-".repeat(31)}`]: { host: "::1", port: 65_535 } });
  const refused = (connections: Parameters<typeof checkConnections>[1]) =>
    assert.throws(() => checkConnections("p", connections), invalid, JSON.stringify(connections));
  refused(many(pluginLimits.maxConnections + 1));
  for (const name of ["", "A", "a/b", "..", "1a", `a${"b".repeat(32)}`]) refused({ [name]: place });
  for (const host of ["", "a b", "a/b", "ü", "a".repeat(254)]) refused({ a: { host, port: 1 } });
  for (const port of [0, -1, 1.5, 65_536, Number.NaN]) refused({ a: { host: "localhost", port } });
});

/** What was put on record, in order; refuses to where `broken`. */
function auditOf(broken = false) {
  const entries: AuditEntry[] = [];
  const keep = async (entry: AuditEntry) => {
    if (broken) throw new Error("disk full");
    entries.push(entry);
    return { ...entry, seq: entries.length } as AuditRecord;
  };
  const audit = { append: keep, note: async (entry: AuditEntry) => void (await keep(entry)) };
  return { entries, audit: audit as unknown as Audit };
}

async function serverFor(t: TestContext): Promise<{ server: Server; port: number; dialled: Socket[] }> {
  const dialled: Socket[] = [];
  const server = createServer((socket) => {
    dialled.push(socket);
    socket.on("error", () => {});
    socket.end("hello");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of dialled) socket.destroy();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port, dialled };
}

async function opened(t: TestContext, port: number, audit: Audit) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-c-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const connections = { mail: { host: "127.0.0.1", port } };
  const made = await Connections.open({ plugin: "p", connections, directory, audit });
  t.after(() => made.close());
  return { made, path: made.sockets["mail"] ?? assert.fail("no socket") };
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += String(chunk);
  });
  socket.on("error", () => {});
  await once(socket, "close");
  return text;
}

test("a connection leads to its server, with a record before and one after", async (t) => {
  const { port } = await serverFor(t);
  const { entries, audit } = auditOf();
  const { path } = await opened(t, port, audit);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  const socket = connect(path);
  socket.end();
  assert.equal(await readAll(socket), "hello");
  assert.deepEqual(entries[0], {
    ...{ type: "plugin.connection", session: "plugin:p" },
    data: { plugin: "p", connection: "mail", host: `127.0.0.1:${port}` },
  });
  while (entries.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    entries.map(({ type }) => type),
    ["plugin.connection", "plugin.connection_closed"],
  );
  assert.deepEqual(entries[1]?.data, { request: 1, bytesOut: 0, bytesIn: 5 });
});

test("without its record, nothing is dialled", async (t) => {
  const { port, dialled } = await serverFor(t);
  const { path } = await opened(t, port, auditOf(true).audit);
  assert.equal(await readAll(connect(path)), "");
  assert.deepEqual(dialled, []);
});

test("no more than the limit are open at once, and none after the end", async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on("error", () => {}).write("x"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { made, path } = await opened(t, (server.address() as AddressInfo).port, auditOf().audit);
  const open: Socket[] = [];
  for (let n = 0; n < pluginLimits.maxOpenConnections; n++) {
    const socket = connect(path);
    socket.on("error", () => {});
    open.push(socket);
    await once(socket, "data");
  }
  assert.equal(await readAll(connect(path)), "");
  const ended = open.map((socket) => once(socket, "close"));
  await made.close();
  await Promise.all(ended);
  assert.equal(existsSync(dirname(path)), false);
});

test("what is not allowed makes nothing", async (t) => {
  const directory = join(tmpdir(), `holdfast-c-none-${process.pid}`);
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const connections = { "../x": place };
  const { audit } = auditOf();
  await assert.rejects(Connections.open({ plugin: "p", connections, directory, audit }), invalid);
  assert.equal(existsSync(directory), false);
});
