import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProcessTerminalLink } from "../terminal/terminal-types.ts";
import { TerminalConnection, type TerminalState } from "./terminal-connection.ts";

type Listener = (value: never) => void;

/** A terminal session whose events the test emits. */
class Link implements ProcessTerminalLink {
  readonly listeners = new Map<string, Listener>();
  readonly sent: unknown[] = [];
  closed = false;

  #on(name: string, listener: Listener): () => void {
    this.listeners.set(name, listener);
    return () => this.listeners.delete(name);
  }
  onReady = (listener: Listener) => this.#on("ready", listener);
  onData = (listener: Listener) => this.#on("data", listener);
  onExit = (listener: Listener) => this.#on("exit", listener);
  onError = (listener: Listener) => this.#on("error", listener);
  onClose = (listener: Listener) => this.#on("close", listener);
  sendInput = (data: string) => void this.sent.push(data);
  resize = (size: object) => void this.sent.push(size);
  close = () => {
    this.closed = true;
  };
  emit(name: string, value?: unknown): void {
    this.listeners.get(name)?.(value as never);
  }
}

function world(delaysMs: readonly number[] = [0, 0, 0]) {
  const links: { link: Link; offset: number | undefined }[] = [];
  const drawn: string[] = [];
  const states: TerminalState[] = [];
  let wanted: (() => void) | undefined;
  const connection = new TerminalConnection({
    client: {
      connectProcessTerminal: (_id, options) => {
        const link = new Link();
        links.push({ link, offset: options?.offset });
        wanted?.();
        return link;
      },
    },
    processId: "proc_1",
    screen: {
      write: (data) => void drawn.push(new TextDecoder().decode(data)),
      reset: () => void drawn.push("<reset>"),
      size: () => ({ cols: 100, rows: 30 }),
    },
    onState: (state) => {
      states.push(state);
      if (state.kind === "lost") wanted?.();
    },
    onExit: () => {},
    onError: () => {},
    delaysMs,
  });
  const at = (index: number) => {
    const found = links.at(index);
    assert.ok(found);
    return found;
  };
  /** Runs a step and waits for the next link, or for the connection to give up. */
  const next = (step: () => void) =>
    new Promise<void>((resolve) => {
      wanted = resolve;
      step();
    });
  return { connection, links, drawn, states, at, next };
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe("a terminal connection", () => {
  test("resumes at the next byte", async () => {
    const { connection, at, next, drawn, states } = world();
    connection.connect();
    const first = at(0).link;
    first.emit("ready", { type: "ready", processId: "proc_1", offset: 100 });
    assert.deepEqual(first.sent, [{ cols: 100, rows: 30 }]);
    first.emit("data", bytes("abc"));
    await next(() => first.emit("close"));
    assert.equal(at(1).offset, 103);
    at(1).link.emit("ready", { type: "ready", processId: "proc_1", offset: 103 });
    at(1).link.emit("data", bytes("d"));
    first.emit("data", bytes("late"));
    assert.deepEqual(drawn, ["abc", "d"]);
    connection.input("x");
    assert.deepEqual(at(1).link.sent, [{ cols: 100, rows: 30 }, "x"]);
    assert.deepEqual(
      states.map(({ kind }) => kind),
      ["connecting", "ready", "reconnecting", "reconnecting", "ready"],
    );
    connection.close();
  });

  test("starts the screen over if the server does not count bytes, or has dropped some", async () => {
    const { connection, at, next, drawn } = world();
    connection.connect();
    at(0).link.emit("ready", { type: "ready", processId: "proc_1" });
    at(0).link.emit("data", bytes("abc"));
    await next(() => at(0).link.emit("close"));
    assert.equal(at(1).offset, undefined);
    at(1).link.emit("ready", { type: "ready", processId: "proc_1", offset: 0 });
    at(1).link.emit("data", bytes("abc"));
    await next(() => at(1).link.emit("close"));
    at(2).link.emit("ready", { type: "ready", processId: "proc_1", offset: 500 });
    assert.deepEqual(drawn, ["abc", "<reset>", "abc", "<reset>"]);
    connection.close();
  });

  test("attaches without an offset when the offset is refused, gives up, and starts again on retry", async () => {
    const { connection, links, at, next, states } = world();
    connection.connect();
    at(0).link.emit("ready", { type: "ready", processId: "proc_1", offset: 7 });
    await next(() => at(0).link.emit("close"));
    await next(() => at(1).link.emit("close"));
    await next(() => at(2).link.emit("close"));
    assert.deepEqual(
      links.map(({ offset }) => offset),
      [undefined, 7, undefined, undefined],
    );
    at(3).link.emit("error", new Error("refused"));
    await next(() => at(3).link.emit("close"));
    assert.deepEqual(states.at(-1), { kind: "lost", message: "refused" });
    connection.retry();
    assert.equal(links.length, 5);
    connection.close();
    assert.equal(at(4).link.closed, true);
    at(4).link.emit("close");
    assert.equal(links.length, 5);
  });

  test("ends when the process exits", () => {
    const { connection, at, links, states } = world();
    connection.connect();
    at(0).link.emit("exit", { type: "exit", exitCode: 3 });
    assert.deepEqual(states.at(-1), { kind: "exited", exitCode: 3 });
    at(0).link.emit("close");
    connection.retry();
    assert.equal(links.length, 1);
  });
});
