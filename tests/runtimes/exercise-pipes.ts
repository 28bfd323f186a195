/** Exercises that need more than one message each way: streams, sockets, queues, cancellation, refusals. */
import { type Client, createClient } from "holdfast/client";
import { check } from "./check.ts";
import type { registry } from "./server.ts";

type Registry = typeof registry;
type Pipes = ReturnType<Client<Registry>["pipes"]["getOrCreate"]>;

export async function exercisePipes(endpoint: string, key: string): Promise<void> {
  for (const encoding of ["cbor", "json"] as const) {
    const client = createClient<Registry>({ endpoint, encoding });
    const pipes = client.pipes.getOrCreate([key, encoding]);
    await streams(pipes);
    await bodies(pipes);
    await sockets(pipes);
    await queues(pipes);
    await calls(client, pipes, key);
    await connections(client, [key, encoding]);
    await client.dispose();
  }
}

async function streams(pipes: Pipes): Promise<void> {
  const conn = pipes.connect();
  for (const [way, caller] of [
    ["HTTP", pipes],
    ["the connection", conn],
  ] as const) {
    const numbers: number[] = [];
    for await (const piece of await caller.count(3)) {
      numbers.push(piece.n);
      check(`a bigint in a stream over ${way}`, piece.big === 2n ** 70n, true);
    }
    check(`a stream over ${way}`, numbers, [1, 2, 3]);
    for await (const { n } of await caller.count(1_000_000)) if (n === 2) break;
  }
  await conn.dispose();
}

async function bodies(pipes: Pipes): Promise<void> {
  const big = new Uint8Array(300_000).fill(9);
  const response = await pipes.fetch("/", { method: "POST", body: big });
  const back = new Uint8Array(await response.arrayBuffer());
  check(
    "a body there and back",
    [response.headers.get("x-kind"), back.length, back[299_999]],
    ["stream", 300_000, 9],
  );
  const request = new Request("http://any/path", { method: "PUT", body: "text" });
  check("a request as it is", await (await pipes.fetch(request)).text(), "text");
}

async function sockets(pipes: Pipes): Promise<void> {
  const socket = await pipes.webSocket("/echo", ["chat"]);
  socket.binaryType = "arraybuffer";
  const heard: unknown[] = [];
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
  const both = new Promise<void>((resolve) => {
    socket.addEventListener("message", (event: MessageEvent) => {
      heard.push(typeof event.data === "string" ? event.data : [...new Uint8Array(event.data)]);
      if (heard.length === 2) resolve();
    });
  });
  socket.send("hello");
  socket.send(new Uint8Array([1, 255]));
  await both;
  check("messages of a socket", heard, ["hello", [1, 255]]);
  socket.send("close");
  const { code, reason } = await closed;
  check("how a socket closed", [code, reason], [4001, "as asked"]);
}

async function queues(pipes: Pipes): Promise<void> {
  await pipes.send("jobs", 1);
  const { status, response } = await pipes.send("jobs", 21, { wait: true, timeout: 20_000 });
  check("a message that was completed", [status, response?.doubled], ["completed", 42]);
}

async function calls(client: Client<Registry>, pipes: Pipes, key: string): Promise<void> {
  const { when, map, bytes, big } = await pipes.values();
  check("a date", [when instanceof Date, when.getTime()], [true, 5]);
  check("a map of sets", [...(map.get("a") ?? [])].map(String), ["1"]);
  check("bytes and a bigint", [...bytes, String(big)], [7, String(2n ** 70n)]);
  const controller = new AbortController();
  const call = pipes.action({ name: "wait", signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  check("a cancelled call", await codeOf(call), "AbortError");
  check("is reported to the actor", await pipes.wasCancelled(), true);
  check("an actor that is not there", await codeOf(client.pipes.get(["nobody", key]).token()), "not_found");
  check("its id", await client.pipes.getForId(await pipes.resolve()).token(), undefined);
}

async function connections(client: Client<Registry>, key: string[]): Promise<void> {
  let asked = 0;
  const getParams = async () => ({ token: `t${++asked}` });
  const conn = client.pipes.getOrCreate(key, { getParams }).connect();
  check("parameters that are asked for", await conn.token(), "t1");
  await conn.dispose();
  check("a call after that", await codeOf(conn.token()), "disposed");
  const refused = client.pipes.getOrCreate(key, { params: { token: "wrong" } }).connect();
  check("a refused connection", await codeOf(refused.ready), "no_token");
  await refused.dispose();
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "nothing",
    // Those of the platform have a number for it.
    (error: { code?: unknown; name: string }) => (typeof error.code === "string" ? error.code : error.name),
  );
}
