import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import {
  type BrokerErrorPayload,
  type Gate,
  gateMountTarget,
  type Jail,
  type JailExit,
  type OpenBrokerOptions,
  type OpenedBroker,
  type Tool,
  type ToolCall,
  type ToolOutcome,
  type ToolSource,
} from "@holdfast/gate";
import { jailNode } from "./support.ts";

const require = createRequire(import.meta.url);

/** What a whole suite ends with, the last first; to be called in its `describe`. */
export function endings(): { after(end: () => unknown): void } {
  const ends: (() => unknown)[] = [];
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return { after: (end) => void ends.push(end) };
}

/** A package, as the broker itself would find it, for mounting into a jail. */
function packageMount(name: string) {
  const found = (require.resolve.paths(name) ?? []).map((folder) => join(folder, name)).find(existsSync);
  if (found === undefined) throw new Error(`${name} is not installed`);
  return { source: found, target: `/opt/node_modules/${name}`, mode: "ro" } as const;
}

/**
 * What runs in the jail: it does what the lines of its input say, and tells what it receives in lines of
 * its output. It knows ZeroMQ, and raw sockets for what a ZeroMQ library would not send.
 */
const program = `
const zmq = require("/opt/node_modules/zeromq");
const net = require("node:net");
const path = process.env.HOLDFAST_GATE;
const tell = (event) => process.stdout.write(JSON.stringify(event) + "\\n");
const sockets = new Map();
const raw = [];
const greeting = Buffer.alloc(64);
greeting[0] = 0xff; greeting[9] = 0x7f; greeting[10] = 3; greeting[11] = 1; greeting.write("NULL", 12);
const ready = Buffer.concat([Buffer.from([4, 26, 5]), Buffer.from("READY"), Buffer.from([11]),
  Buffer.from("Socket-Type"), Buffer.from([0, 0, 0, 6]), Buffer.from("DEALER")]);
ready[1] = ready.length - 2;
const does = {
  async open({ name, id }) {
    const socket = new zmq.Dealer({ linger: 0, ...(id === undefined ? {} : { routingId: id }) });
    sockets.set(name, socket);
    socket.events.on("disconnect", () => tell({ name: name + " is cut off", text: "" }));
    socket.connect("ipc://" + path + "/request.sock");
    (async () => {
      for await (const frames of socket) tell({ name, text: frames.at(-1).toString(), parts: frames.length });
    })();
  },
  async subscribe({ topics }) {
    const socket = new zmq.Subscriber({ linger: 0 });
    for (const topic of topics) socket.subscribe(topic);
    socket.events.on("handshake", () => tell({ name: "events", text: "subscribed" }));
    socket.connect("ipc://" + path + "/events.sock");
    (async () => {
      for await (const [topic, text] of socket) tell({ name: topic.toString(), text: text.toString() });
    })();
  },
  async send({ name, base64, parts = 1 }) {
    const bytes = Buffer.from(base64, "base64");
    await sockets.get(name).send(["", ...Array(parts).fill(bytes)]);
  },
  async deaf({ base64, count }) {
    const socket = new zmq.Dealer({ linger: 0, receiveHighWaterMark: 1 });
    sockets.set("deaf", socket);
    socket.connect("ipc://" + path + "/request.sock");
    for (let n = 0; n < count; n++) await socket.send(["", Buffer.from(base64, "base64")]);
  },
  async flood({ name, base64, count }) {
    for (let n = 0; n < count; n++) await sockets.get(name).send(["", Buffer.from(base64, "base64")]);
    tell({ name: "flooded", text: "" });
  },
  async connections({ count, greet, base64 = "" }) {
    let closed = 0;
    const connect = () => {
      const socket = net.connect(path + "/request.sock");
      raw.push(socket);
      // While the queue of a listener that is busy is full, the kernel lets nobody in.
      let full = false;
      socket.on("error", (error) => { full = error.code === "EAGAIN"; });
      socket.resume();
      socket.on("connect", () => {
        if (!greet) return;
        socket.write(greeting);
        socket.write(ready);
        socket.write(Buffer.from(base64, "base64"));
      });
      socket.on("close", () => {
        if (full) return void setTimeout(connect, 5);
        closed += 1;
        if (closed === count) tell({ name: "all closed", text: "" });
      });
    };
    for (let n = 0; n < count; n++) connect();
  },
  async endless() {
    const socket = net.connect(path + "/request.sock");
    socket.on("error", () => {});
    socket.on("close", () => tell({ name: "endless closed", text: "" }));
    const part = Buffer.alloc(256 * 1024);
    for (let at = 0; at < part.length; at += 2) part[at] = 1;
    socket.write(greeting);
    socket.write(ready);
    const more = () => { if (!socket.destroyed) socket.write(part, () => setImmediate(more)); };
    // Messages before the end of the handshake (64 bytes of greeting, then READY) end the connection.
    let seen = 0;
    socket.on("data", (chunk) => {
      const before = seen;
      seen += chunk.length;
      if (before <= 64 && seen > 64) more();
    });
  },
};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  does[order.do](order).catch((error) => tell({ name: "failed", text: error.stack }));
});
tell({ name: "up", text: "" });
`;

export interface Received {
  readonly name: string;
  readonly text: string;
}

export interface Response {
  readonly topic: string | null;
  readonly source: string;
  readonly correlation: string | null;
  readonly group: string;
  readonly payload: { readonly result: unknown; readonly error: BrokerErrorPayload | null };
  readonly [field: string]: unknown;
}

/** A program in a real jail that speaks to the broker of that jail. */
export class Guest {
  readonly jail: Jail;
  readonly broker: OpenedBroker;
  /** Everything that came and was not taken yet. */
  #received: Received[] = [];
  #waiting: {
    readonly matches: (event: Received) => boolean;
    readonly resolve: (event: Received) => void;
  }[] = [];
  #errors = "";

  private constructor(jail: Jail, broker: OpenedBroker) {
    this.jail = jail;
    this.broker = broker;
    createInterface({ input: jail.stdout }).on("line", (line) => this.#take(JSON.parse(line) as Received));
    jail.stderr.on("data", (chunk) => {
      this.#errors += String(chunk);
    });
  }

  /** `mounted`: the directory that the jail sees; that of its own broker by default. */
  static async start(
    t: { after(end: () => unknown): void },
    gate: Gate,
    options: Partial<OpenBrokerOptions> & { mounted?: string } = {},
  ): Promise<Guest> {
    const { mounted, ...given } = options;
    const jailId = given.jailId ?? `guest-${randomUUID().slice(0, 8)}`;
    const broker = await gate.openBroker({
      session: `session of ${jailId}`,
      group: "default",
      ...given,
      jailId,
    });
    const jail = await gate.jails.start({
      id: jailId,
      command: jailNode.path,
      args: ["-e", program],
      cwd: "/",
      env: { HOLDFAST_GATE: gateMountTarget },
      mounts: [
        jailNode.mount,
        packageMount("zeromq"),
        packageMount("cmake-ts"),
        { source: mounted ?? broker.directory, target: gateMountTarget, mode: "ro" },
      ],
      network: "none",
    });
    const guest = new Guest(jail, broker);
    t.after(() => guest.stop());
    await guest.take((event) => event.name === "up");
    return guest;
  }

  async stop(): Promise<JailExit> {
    const exit = await this.jail.stop({ graceMs: 0 });
    await this.broker.close();
    return exit;
  }

  order(what: Readonly<Record<string, unknown>>): void {
    this.jail.stdin.write(`${JSON.stringify(what)}\n`);
  }

  open(name: string, id?: string): this {
    this.order({ do: "open", name, ...(id === undefined ? {} : { id }) });
    return this;
  }

  /** Sends bytes as one frame. */
  frame(name: string, bytes: string | Uint8Array, parts = 1): void {
    this.order({ do: "send", name, base64: Buffer.from(bytes).toString("base64"), parts });
  }

  send(name: string, topic: string, correlation: string, args: unknown): void {
    this.frame(name, JSON.stringify({ topic, correlation, arguments: args }));
  }

  /** The next event of which `matches` holds, also one that came before; throws when none comes in a minute. */
  take(matches: (event: Received) => boolean): Promise<Received> {
    const at = this.#received.findIndex(matches);
    const [found] = at < 0 ? [] : this.#received.splice(at, 1);
    if (found !== undefined) return Promise.resolve(found);
    const { promise, resolve, reject } = Promise.withResolvers<Received>();
    this.#waiting.push({ matches, resolve });
    const held = () => `${JSON.stringify(this.#received)} ${this.#errors}`;
    void this.jail.exited.then(() => reject(new Error(`the jail has ended: ${held()}`)));
    const timer = setTimeout(() => {
      reject(new Error(`not within a minute: ${matches}; instead there is ${held()}`));
    }, 60_000);
    return promise.finally(() => clearTimeout(timer));
  }

  /** The next answer on a connection, or the next one to a correlation. */
  async answer(name: string, correlation?: string | null): Promise<Response> {
    const matches = (event: Received) =>
      event.name === name &&
      (correlation === undefined || (JSON.parse(event.text) as Response).correlation === correlation);
    return JSON.parse((await this.take(matches)).text) as Response;
  }

  async call(
    name: string,
    tool: string,
    args: unknown,
    correlation: string = randomUUID(),
  ): Promise<Response> {
    this.send(name, `tool.invoke.${tool}`, correlation, args);
    return this.answer(name, correlation);
  }

  /** The error of a call that must not succeed. */
  async refused(name: string, tool: string, args: unknown): Promise<BrokerErrorPayload> {
    const { payload } = await this.call(name, tool, args);
    if (payload.error === null) throw new Error(`it succeeded: ${JSON.stringify(payload.result)}`);
    return payload.error;
  }

  #take(event: Received): void {
    if (event.name === "failed") throw new Error(event.text);
    const at = this.#waiting.findIndex((each) => each.matches(event));
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (waiting === undefined) this.#received.push(event);
    else waiting.resolve(event);
  }
}

const anything = { type: "object", properties: { value: {} }, additionalProperties: false } as const;

type Handler = (call: ToolCall) => Promise<ToolOutcome> | ToolOutcome;
type Given = Partial<Omit<Tool, "name">> & { readonly handler: Handler };

/** Tools whose handlers are functions of the test, and that can change. */
export class TestTools implements ToolSource {
  readonly name = "test";
  readonly calls: ToolCall[] = [];
  readonly #listeners = new Set<() => void>();
  #given: Readonly<Record<string, Given>>;

  constructor(given: Readonly<Record<string, Given>>) {
    this.#given = given;
  }

  change(given: Readonly<Record<string, Given>>): void {
    this.#given = { ...this.#given, ...given };
    for (const listener of this.#listeners) listener();
  }

  tools(): readonly Tool[] {
    return Object.entries(this.#given).map(([name, { handler: _, ...rest }]) => ({
      name,
      description: name,
      plugin: "test",
      pluginVersion: "1.0.0",
      riskLevel: "low",
      argumentsSchema: anything,
      ...rest,
    }));
  }

  async invoke(call: ToolCall): Promise<ToolOutcome> {
    this.calls.push(call);
    const given = this.#given[call.tool.name];
    if (given === undefined) throw new Error("there is no such tool");
    return given.handler(call);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export const ok = (result: unknown): ToolOutcome => ({ ok: true, result });
