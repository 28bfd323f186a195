import assert from "node:assert/strict";
import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { BufferedWebSocket } from "./raw-socket.ts";

function opened(options: { readonly clientCloseCodesOnly?: boolean } = {}) {
  const sent: unknown[] = [];
  const socket = new BufferedWebSocket({ url: "ws://actor/", ...options });
  socket.onOpened(
    {
      bufferedAmount: 0,
      send: (data) => void sent.push(data),
      close: (code, reason) => void sent.push([code, reason]),
    },
    "chat",
  );
  return { socket, sent };
}

const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a buffered WebSocket", () => {
  test("buffers events of a type until its first listener, then delivers them in order", async () => {
    const { socket } = opened();
    for (let i = 0; i < 1_024; i++) socket.onReceived(String(i));
    const seen: unknown[] = [];
    socket.onmessage = (event) => {
      seen.push(event.data);
      assert.equal(event.rivetMessageIndex, seen.length);
    };
    assert.deepEqual(seen, [], "not while the code that listens runs");
    socket.onReceived("last");
    await microtasks();
    assert.deepEqual(seen, [...Array.from({ length: 1_024 }, (_, i) => String(i)), "last"]);
    let opens = 0;
    socket.addEventListener("open", () => opens++, { once: true });
    await microtasks();
    assert.equal(opens, 1);
  });

  test("listeners may be objects, and receive the socket as the event's target", () => {
    const { socket } = opened();
    const seen: unknown[] = [];
    const listener = {
      name: "object",
      handleEvent(event: { readonly data: unknown; readonly currentTarget: unknown }) {
        seen.push(this.name, event.data, event.currentTarget === socket);
      },
    };
    socket.addEventListener("message", listener);
    socket.addEventListener("message", listener);
    socket.addEventListener("message", null);
    assert.equal(socket.onmessage, null);
    socket.onReceived("one");
    socket.removeEventListener("message", listener);
    socket.addEventListener("message", (event) => seen.push(event.data));
    socket.onReceived("two");
    assert.deepEqual(seen, ["object", "one", true, "two"]);
  });

  test("past its limit it buffers nothing, like a standard socket", async () => {
    const { socket } = opened();
    for (let i = 0; i <= 1_024; i++) socket.onReceived("x");
    const seen: unknown[] = [];
    socket.addEventListener("message", (event) => seen.push(event.data));
    await microtasks();
    assert.deepEqual(seen, []);
    socket.onReceived("after");
    assert.deepEqual(seen, ["after"]);
    const large = opened().socket;
    for (let i = 0; i < 33; i++) large.onReceived(new Uint8Array(1_048_576));
    let count = 0;
    large.onmessage = () => count++;
    await microtasks();
    assert.equal(count, 0);
  });

  test("copies what is sent, and sends a Blob in order", async () => {
    const { socket, sent } = opened();
    const bytes = new Uint8Array([1, 2, 3]);
    socket.send(bytes.subarray(1));
    bytes.fill(9);
    socket.send(new Blob(["blob"]));
    socket.send("after");
    socket.close(1000, "done");
    await microtasks();
    await microtasks();
    assert.deepEqual(sent, [
      new Uint8Array([2, 3]),
      new Uint8Array(Buffer.from("blob")),
      "after",
      [1000, "done"],
    ]);
  });

  test("sends other values as text, like a standard socket", () => {
    const { socket, sent } = opened();
    const send: (data: never) => void = (data) => socket.send(data);
    for (const data of [42, {}, null, undefined, [1, 2]]) send(data as never);
    socket.send(runInNewContext("new Uint8Array([7]).buffer") as ArrayBuffer);
    assert.deepEqual(sent, ["42", "[object Object]", "null", "undefined", "1,2", new Uint8Array([7])]);
  });

  test("an unreadable Blob is an error event, and later messages are sent", async (t) => {
    const { socket, sent } = opened();
    const directory = mkdtempSync(join(tmpdir(), "holdfast-raw-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "file");
    writeFileSync(file, "as it was");
    const blob = await openAsBlob(file);
    writeFileSync(file, "and longer now");
    const told = new Promise((resolve) => {
      socket.onerror = (event) => resolve(event.error);
    });
    socket.send(blob);
    socket.send("after");
    socket.close(1000, "done");
    assert.equal(((await told) as Error).name, "NotReadableError");
    await microtasks();
    assert.deepEqual(sent, ["after", [1000, "done"]]);
  });

  test("delivers binary data in the type that binaryType asks for", async () => {
    const { socket } = opened();
    const seen: unknown[] = [];
    socket.onmessage = (event) => seen.push(event.data);
    socket.onReceived(new Uint8Array([1, 2]));
    socket.binaryType = "blob";
    socket.onReceived(new Uint8Array([3]));
    assert.deepEqual(new Uint8Array(seen[0] as ArrayBuffer), new Uint8Array([1, 2]));
    assert.deepEqual(await (seen[1] as Blob).bytes(), new Uint8Array([3]));
  });

  test("goes through the ready states of the standard", async () => {
    const connecting = new BufferedWebSocket({ url: "ws://actor/" });
    assert.throws(() => connecting.send("x"), { name: "InvalidStateError" });
    let aborted = 0;
    connecting.onAborted = () => aborted++;
    connecting.close();
    assert.equal(aborted, 1);
    connecting.onClosed(1006, "", false);
    await connecting.settled;
    const { socket, sent } = opened();
    assert.deepEqual([socket.readyState, socket.protocol], [socket.OPEN, "chat"]);
    socket.close();
    socket.close(4000, "again");
    socket.send("after");
    assert.deepEqual(sent, [[undefined, ""]]);
    assert.equal(socket.readyState, socket.CLOSING);
    const seen: unknown[] = [];
    socket.onclose = (event) => seen.push([event.code, event.reason, event.wasClean]);
    socket.onReceived("late");
    socket.onClosed(4001, "why", true);
    socket.onClosed(1006, "", false);
    assert.deepEqual(seen, [[4001, "why", true]]);
  });

  test("refuses close codes and reasons that may not be sent", () => {
    const server = opened().socket;
    for (const code of [0, 999, 1_004, 1_005, 1_006, 1_015, 2_999, 5_000, 1.5]) {
      assert.throws(() => server.close(code), { name: "InvalidAccessError" }, String(code));
    }
    assert.throws(() => server.close(1000, "é".repeat(62)), { name: "SyntaxError" });
    server.close(1011, "é".repeat(61));
    const client = opened({ clientCloseCodesOnly: true }).socket;
    assert.throws(() => client.close(1001), { name: "InvalidAccessError" });
    client.close(3_000);
  });

  test("dispatches events of the caller, including custom types", () => {
    const { socket } = opened();
    const seen: unknown[] = [];
    const listen = socket.addEventListener.bind(socket) as (
      type: string,
      listener: (event: Event) => void,
      options?: { readonly once: boolean },
    ) => void;
    assert.equal(socket.dispatchEvent(new Event("nobody")), true);
    listen("mine", (event) => seen.push(event.type), { once: true });
    listen("veto", (event) => event.preventDefault());
    assert.equal(socket.dispatchEvent(new Event("mine")), true);
    assert.equal(socket.dispatchEvent(new Event("mine")), true);
    assert.equal(socket.dispatchEvent(new Event("veto", { cancelable: true })), false);
    socket.onclose = () => seen.push("close");
    socket.dispatchEvent(new Event("close"));
    assert.deepEqual(seen, ["mine", "close"]);
    assert.equal(socket.readyState, socket.OPEN);
  });

  test("listeners can be added and removed; one that throws does not stop the others", () => {
    const failures: unknown[] = [];
    const run = (listener: () => unknown): void => {
      try {
        listener();
      } catch (error) {
        failures.push(error);
      }
    };
    const socket = new BufferedWebSocket({ url: "ws://actor/", run });
    socket.onOpened({ bufferedAmount: 0, send: () => undefined, close: () => undefined }, "");
    const seen: string[] = [];
    const first = (): void => void seen.push("first");
    const ended = new AbortController();
    socket.onmessage = () => {
      throw new Error("failed");
    };
    socket.addEventListener("message", first);
    socket.addEventListener("message", first);
    socket.addEventListener("message", () => void seen.push("once"), { once: true });
    socket.addEventListener("message", () => void seen.push("signal"), { signal: ended.signal });
    socket.onReceived("a");
    socket.removeEventListener("message", first);
    ended.abort();
    socket.onmessage = () => void seen.push("last");
    socket.onReceived("b");
    assert.deepEqual(seen, ["first", "once", "signal", "last"]);
    assert.match(String(failures[0]), /failed/);
  });
});
