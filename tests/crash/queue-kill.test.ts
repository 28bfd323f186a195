import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Client, createClient } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { ownImports } from "@holdfast/testing/own-imports";
import { killAfter } from "./killed.ts";
import type { QueueCrashRegistry } from "./queue-server.ts";
import { chooseSeed, seededRandom } from "./random.ts";

type Actors = Client<QueueCrashRegistry>;

const kills = 12;
const lanes = 4;

/** A server that is killed and started again on the same data, with a client of whichever runs now. */
class MortalServer {
  readonly #directory: string;
  child: ChildProcess | undefined;
  #next = Promise.withResolvers<Actors>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  client(): Promise<Actors> {
    return this.#next.promise;
  }

  async start(): Promise<Actors> {
    const child = fork(new URL("./queue-server.ts", import.meta.url), [this.#directory], {
      execArgv: [...ownImports],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.child = child;
    const [{ url }] = (await once(child, "message")) as [{ url: string }];
    const client = createClient<QueueCrashRegistry>(url);
    this.#next.resolve(client);
    return client;
  }

  async kill(afterMs: number): Promise<void> {
    assert.ok(this.child);
    const client = await this.client();
    await killAfter(this.child, afterMs);
    this.#next = Promise.withResolvers();
    // What waits for an answer of the dead server ends here, and goes to the next.
    await client.dispose();
  }
}

/** Makes the request of whichever server lives until one answers it. */
async function insist<T>(server: MortalServer, request: (client: Actors) => Promise<T>): Promise<T> {
  for (;;) {
    const client = await server.client();
    try {
      return await request(client);
    } catch (error) {
      const gone = error instanceof HoldfastError && error.group === "client" && error.code === "disposed";
      if (!gone) throw error;
    }
  }
}

test("messages have their effects once, and waiters their answers, however often the server is killed", async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const random = seededRandom(seed);
  const directory = mkdtempSync(join(tmpdir(), "holdfast-queue-crash-"));
  const server = new MortalServer(directory);
  const stop = new AbortController();
  const plain: string[] = [];
  const answers = new Map<string, unknown>();
  const relayed: string[] = [];
  let answered = Promise.withResolvers<void>();
  try {
    await server.start();
    const sendPlain = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const body = `plain ${crypto.randomUUID()}`;
        plain.push(body);
        await insist(server, (client) =>
          client.worker.getOrCreate("plain").send("plain", body, { idempotencyKey: body }),
        );
      }
    };
    const sendAnswered = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const body = `answered ${crypto.randomUUID()}`;
        const result = await insist(server, (client) =>
          client.worker.getOrCreate("answered").send("answered", body, { wait: true, idempotencyKey: body }),
        );
        answers.set(body, result);
        answered.resolve();
      }
    };
    const relay = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const body = `relayed ${crypto.randomUUID()}`;
        relayed.push(body);
        await insist(server, async (client) => {
          const call = { name: "send", args: [body], idempotencyKey: body };
          await client.sender.getOrCreate("s").action(call).catch(ignoreInterrupted);
        });
      }
    };
    const load = Promise.all(
      Array.from({ length: lanes }, () => Promise.all([sendPlain(), sendAnswered(), relay()])),
    );
    const killing = (async () => {
      for (let kill = 0; kill < kills; kill++) {
        // Every other life lasts until it has done something, on a busy machine too.
        if (kill % 2 === 1) {
          answered = Promise.withResolvers();
          await answered.promise;
        }
        await server.kill(random.integer(30, 300));
        await server.start();
      }
    })();
    await Promise.race([killing, load]);
    stop.abort();
    await load;
    const client = await server.client();
    await verify(client, { plain, answers, relayed });
    t.diagnostic(
      `${kills} kills, ${plain.length} plain, ${answers.size} answered, ${relayed.length} relayed`,
    );
    assert.ok(answers.size >= kills / 2 && plain.length > 0 && relayed.length > 0);
    await client.dispose();
  } finally {
    server.child?.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  }
});

/** A kill between its two commits: the first commit, with its message, is kept. */
function ignoreInterrupted(error: unknown): void {
  if (!(error instanceof HoldfastError && error.code === "interrupted")) throw error;
}

async function verify(
  client: Actors,
  told: {
    readonly plain: readonly string[];
    readonly answers: ReadonlyMap<string, unknown>;
    readonly relayed: readonly string[];
  },
): Promise<void> {
  const handle = client.worker.getOrCreate("plain");
  // The last messages may still be in the queue.
  await handle.send("plain", "the end");
  let effects = await handle.effects();
  while (effects["the end"] === undefined) effects = await handle.effects();
  for (const body of told.plain) assert.equal(effects[body], 1, body);
  const sent = await client.sender.getOrCreate("s").sent();
  const relayed = new Set(sent);
  assert.equal(relayed.size, sent.length, "an action that is repeated runs once");
  // Each message that was noted arrives, and nothing arrives that was not noted.
  while (sent.some((body) => effects[body] === undefined)) effects = await handle.effects();
  for (const body of told.relayed) assert.equal(effects[body], relayed.has(body) ? 1 : undefined, body);
  const answered = await client.worker.getOrCreate("answered").effects();
  for (const [body, result] of told.answers) {
    assert.deepEqual(result, { status: "completed", response: { effects: 1 } }, body);
    assert.equal(answered[body], 1, body);
  }
}
