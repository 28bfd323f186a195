/** The published codec of the inspector of `rivetkit`, over the WebSocket of a registry of this project. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { actor, queue, setup } from "holdfast";
import { db } from "holdfast/db";
import { workflow } from "holdfast/workflow";
import { installPublished } from "./support/published.ts";

const token = "the-token-of-the-inspector";
// biome-ignore lint/suspicious/noExplicitAny: messages of the other project, which are asserted field by field.
type Message = any;

interface PeerInspector {
  readonly CURRENT_VERSION: number;
  readonly TO_SERVER_VERSIONED: {
    serializeWithEmbeddedVersion(message: Message, version: number): Uint8Array;
  };
  readonly TO_CLIENT_VERSIONED: { deserializeWithEmbeddedVersion(bytes: Uint8Array): Message };
  decodeWorkflowHistoryTransport(bytes: ArrayBuffer): Message;
}

const entry = join(installPublished(), "dist", "browser", "inspector", "client.js");
const peer = (await import(pathToFileURL(entry).href)) as PeerInspector;
/** The codec of its dashboard for values. */
const { decode, encode } = (await import(
  pathToFileURL(join(installPublished(), "..", "cbor-x", "node-index.js")).href
)) as { decode(bytes: Uint8Array): unknown; encode(value: unknown): Uint8Array };
const read = (bytes: ArrayBuffer): unknown => decode(new Uint8Array(bytes));
const cbor = (value: unknown): ArrayBuffer => new Uint8Array(encode(value)).buffer;

const counter = actor({
  state: { count: 3, at: new Date(1_000) },
  db: db({
    onMigrate: async (database) => {
      await database.execute("create table notes (id integer primary key, text text)");
    },
  }),
  queues: { mail: queue<{ to: string }>() },
  onCreate: async (c) => {
    await c.cron.every({ name: "tick", interval: 3_600_000, action: "add", args: [100] });
    await c.db.execute("insert into notes (text) values ('first')");
  },
  actions: {
    add: (c, by: number) => (c.state.count += by),
    refuse: () => {
      throw new Error("the password is hunter2");
    },
  },
});
const order = actor({
  run: workflow(async (ctx) => {
    await ctx.step("reserve", () => ({ seat: 7 }));
    await ctx.join("both", { left: { run: async () => "l" }, right: { run: async () => "r" } });
  }),
  actions: {},
});

/** A connected inspector: messages in order, and requests with their answers. */
class Inspector {
  readonly #socket: WebSocket;
  readonly #messages: Message[] = [];
  #arrived = Promise.withResolvers<void>();
  #last = 0n;

  constructor(url: string, protocols: readonly string[]) {
    this.#socket = new WebSocket(url, [...protocols]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("message", ({ data }) => {
      const bytes = new Uint8Array(data as ArrayBuffer);
      this.#messages.push(peer.TO_CLIENT_VERSIONED.deserializeWithEmbeddedVersion(bytes).body);
      this.#arrived.resolve();
    });
  }

  get closed(): Promise<CloseEvent> {
    return new Promise((resolve) => this.#socket.addEventListener("close", resolve, { once: true }));
  }

  /** The next message that matches; others before it are dropped. */
  async next(matches: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      for (let message = this.#messages.shift(); message !== undefined; message = this.#messages.shift())
        if (matches(message)) return message.val;
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
  }

  send(tag: string, val: Message): void {
    const { TO_SERVER_VERSIONED, CURRENT_VERSION } = peer;
    this.#socket.send(
      TO_SERVER_VERSIONED.serializeWithEmbeddedVersion(
        { body: { tag, val } },
        CURRENT_VERSION,
      ) as Uint8Array<ArrayBuffer>,
    );
  }

  raw(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(bytes);
  }

  async ask(tag: string, val: Message = {}): Promise<Message> {
    this.#last += 1n;
    const id = this.#last;
    this.send(`${tag}Request`, { ...val, id });
    return this.next(({ val: answer }) => answer.rid === id);
  }

  close(): void {
    this.#socket.close();
  }
}

describe("rivetkit/inspector/client", () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-peer-inspector-"));
  const registry = setup({
    use: { counter, order },
    ...{ dataDirectory: directory, store: undefined, noWelcome: true },
    inspector: { token },
    // Of the action that fails.
    logging: { level: "silent" },
  });
  let endpoint = "";
  before(async () => {
    const { port } = await registry.listen({ host: "127.0.0.1", port: 0 });
    endpoint = `ws://127.0.0.1:${port}`;
  });
  after(async () => {
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  });
  const open = async (...protocols: readonly string[]): Promise<Inspector> => {
    const id = await registry.client.counter.getOrCreate("shown").resolve();
    const offered = ["rivet", "rivet_target.actor", `rivet_actor.${id}`, ...protocols];
    return new Inspector(`${endpoint}/inspector/connect`, offered);
  };

  test("shows an actor, answers about its parts, and pushes what changes", async () => {
    const inspector = await open(`rivet_inspector_token.${token}`);
    const init = await inspector.next(({ tag }) => tag === "Init");
    assert.deepEqual(read(init.state), { count: 3, at: new Date(1_000) });
    assert.deepEqual(init.rpcs.toSorted(), ["add", "refuse"]);
    assert.deepEqual(
      [init.isStateEnabled, init.isDatabaseEnabled, init.isWorkflowEnabled],
      [true, true, false],
    );
    assert.equal(init.queueSize, 0n);
    const [tick] = init.schedules;
    assert.deepEqual(
      [tick.name, tick.kind, tick.action, tick.intervalMs],
      ["tick", "every", "add", 3_600_000n],
    );
    assert.deepEqual(read(tick.args), [100]);

    const called = await inspector.ask("Action", { name: "add", args: cbor([4]) });
    assert.equal(read(called.output), 7);
    const pushed = await inspector.next(({ tag }) => tag === "StateUpdated");
    assert.equal((read(pushed.state) as { count: number }).count, 7);
    inspector.send("PatchStateRequest", { state: cbor({ count: 40, at: new Date(0) }) });
    await inspector.next(
      ({ tag, val }) => tag === "StateUpdated" && (read(val.state) as { count: number }).count === 40,
    );
    assert.deepEqual(read((await inspector.ask("State")).state), { count: 40, at: new Date(0) });

    const connection = registry.client.counter.getOrCreate("shown").connect();
    await connection.ready;
    await inspector.next(({ tag, val }) => tag === "ConnectionsUpdated" && val.connections.length === 1);
    const [connected] = (await inspector.ask("Connections")).connections;
    assert.equal((read(connected.details) as { isHibernatable: unknown }).isHibernatable !== undefined, true);
    await connection.dispose();

    await registry.client.counter.getOrCreate("shown").send("mail", { to: "ada@example.org" });
    await inspector.next(({ tag, val }) => tag === "QueueUpdated" && val.queueSize === 1n);
    const { status } = await inspector.ask("Queue", { limit: 10n });
    assert.deepEqual([status.size, status.truncated, status.messages[0]?.name], [1n, false, "mail"]);

    const { schema } = await inspector.ask("DatabaseSchema");
    const { tables } = read(schema) as { tables: { table: { name: string } }[] };
    assert.ok(tables.some(({ table }) => table.name === "notes"));
    const { result } = await inspector.ask("DatabaseTableRows", { table: "notes", limit: 10n, offset: 0n });
    assert.deepEqual(read(result), [{ id: 1, text: "first" }]);

    assert.equal((await inspector.ask("Schedules")).schedules.length, 1);
    assert.deepEqual((await inspector.ask("ScheduleHistory", { scheduleId: "tick", limit: 5n })).history, []);
    const deletion = await inspector.ask("ScheduleDelete", { scheduleId: tick.id, kind: tick.kind });
    assert.deepEqual([deletion.scheduleId, deletion.deleted], [tick.id, true]);
    await inspector.next(({ tag, val }) => tag === "SchedulesUpdated" && val.schedules.length === 0);
    assert.deepEqual((await inspector.ask("RpcsList")).rpcs.toSorted(), ["add", "refuse"]);

    // An action that fails: its message is not for everybody.
    inspector.send("ActionRequest", { id: 99n, name: "refuse", args: cbor([]) });
    const failed = await inspector.next(({ tag }) => tag === "Error");
    assert.doesNotMatch(failed.message, /hunter2/);
    inspector.close();
  });

  test("shows the history of a workflow", async () => {
    const id = await registry.client.order.getOrCreate("shown").resolve();
    const offered = ["rivet", `rivet_inspector_token.${token}`];
    const inspector = new Inspector(`${endpoint}/gateway/${id}/inspector/connect`, offered);
    await inspector.next(({ tag }) => tag === "Init");
    const first = await inspector.ask("WorkflowHistory");
    let { history } = first;
    const decoded = () => peer.decodeWorkflowHistoryTransport(history);
    const isComplete = () =>
      decoded().entries.some(
        ({ kind }: Message) => kind.tag === "WorkflowJoinEntry" && kind.val.branches.size === 2,
      );
    while (!isComplete()) ({ history } = await inspector.next(({ tag }) => tag === "WorkflowHistoryUpdated"));
    assert.equal(first.isWorkflowEnabled, true);
    const { entries, nameRegistry, entryMetadata } = decoded();
    const step = entries.find(({ kind }: Message) => kind.tag === "WorkflowStepEntry");
    assert.deepEqual(read(step.kind.val.output), { seat: 7 });
    assert.equal(nameRegistry[step.location[0].val], "reserve");
    assert.equal(entryMetadata.get(step.id).status, "COMPLETED");
    inspector.close();
  });

  test("refuses another token, and frames of another version", async () => {
    const stranger = await open("rivet_inspector_token.another");
    const { code, reason } = await stranger.closed;
    assert.deepEqual([code, reason], [1008, "inspector.unauthorized"]);
    const inspector = await open(`rivet_inspector_token.${token}`);
    await inspector.next(({ tag }) => tag === "Init");
    const closed = inspector.closed;
    inspector.raw(new Uint8Array([9, 0, 1, 1]));
    assert.equal((await closed).reason, "message.unsupported_version");
  });
});
