import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Client, createClient } from "@holdfast/client";
import { isErrorCode } from "@holdfast/core";
import { ownImports } from "@holdfast/testing/own-imports";
import type { CrashRegistry } from "./action-server.ts";
import { killAfter } from "./killed.ts";
import { chooseSeed, type SeededRandom, seededRandom } from "./random.ts";

const lanes = 2;
// Three of four kills come between the two commits of some action.
const [directoriesPerLane, killsPerDirectory] =
  process.env["HOLDFAST_TEST_HEAVY"] === "1" ? [2, 20] : [1, 12];
const callers = 12;
const actors = 4;

interface Call {
  readonly actor: string;
  readonly entry: string;
  readonly action: "add" | "addTwice";
  /** The caller's answer: the result, or that the call was interrupted. */
  answer?: number | "interrupted";
}

type LedgerClient = Client<CrashRegistry>;

/** A server that is killed and started again on the same data, and clients of whichever runs now. */
class MortalServer {
  readonly #directory: string;
  #child: ChildProcess | undefined;
  #next = Promise.withResolvers<LedgerClient>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The client of the server that runs, or of the next one that will. */
  client(): Promise<LedgerClient> {
    return this.#next.promise;
  }

  /** Starts it, kills it after `lifeMs`, and resolves when it is dead. */
  async live(lifeMs: number): Promise<void> {
    const kill = await this.start();
    await kill(lifeMs);
  }

  /** Starts it; resolves with what kills it after some time. */
  async start(): Promise<(lifeMs: number) => Promise<void>> {
    const { child, client } = await this.#start();
    this.#next.resolve(client);
    return async (lifeMs) => {
      await killAfter(child, lifeMs);
      this.#next = Promise.withResolvers();
      // The calls that wait for an answer of the dead server end here, and go to the next.
      await client.dispose();
    };
  }

  /** Leaves no process behind when the test has failed. */
  end(): void {
    this.#child?.kill("SIGKILL");
  }

  async #start() {
    const child = fork(new URL("./action-server.ts", import.meta.url), [this.#directory], {
      execArgv: [...ownImports],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child = child;
    const [message] = (await once(child, "message")) as [{ url: string }];
    return { child, client: createClient<CrashRegistry>(message.url) };
  }
}

/** Makes the call until a server answers it, always under the same key. */
async function perform(server: MortalServer, call: Call): Promise<number | "interrupted"> {
  for (;;) {
    const client = await server.client();
    try {
      const handle = client.ledger.getOrCreate(call.actor);
      const result = await handle.action({
        name: call.action,
        args: [call.entry],
        idempotencyKey: call.entry,
      });
      assert.ok(typeof result === "number");
      return result;
    } catch (error) {
      if (isErrorCode(error, "action", "interrupted")) return "interrupted";
      if (client === (await currentOrNone(server))) throw error;
    }
  }
}

/** The client of the server that runs; nothing when it is dead. */
function currentOrNone(server: MortalServer): Promise<LedgerClient | undefined> {
  return Promise.race([
    server.client(),
    new Promise<undefined>((resolve) => setImmediate(resolve, undefined)),
  ]);
}

async function callUntil(
  server: MortalServer,
  random: SeededRandom,
  calls: Call[],
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    const action = random.next() < 0.5 ? "add" : "addTwice";
    const call: Call = { actor: `ledger-${random.integer(0, actors)}`, entry: crypto.randomUUID(), action };
    calls.push(call);
    call.answer = await perform(server, call);
  }
}

/** Every call is answered by now, and each answer matches exactly one entry of the ledger. */
function verify(calls: readonly Call[], entries: ReadonlyMap<string, readonly string[]>): void {
  const counts = new Map<string, number>();
  for (const [actor, list] of entries) {
    for (const entry of list) counts.set(`${actor} ${entry}`, (counts.get(`${actor} ${entry}`) ?? 0) + 1);
  }
  const take = (call: Call, entry: string): number => {
    const count = counts.get(`${call.actor} ${entry}`) ?? 0;
    counts.delete(`${call.actor} ${entry}`);
    return count;
  };
  for (const call of calls) {
    const { entry, answer } = call;
    if (call.action === "add") {
      assert.equal(typeof answer, "number", "a call of one commit is never interrupted");
      assert.equal(take(call, entry), 1, `${entry} was acknowledged`);
      continue;
    }
    assert.equal(take(call, `${entry}/first`), 1, `${entry} began once`);
    assert.equal(
      take(call, `${entry}/second`),
      answer === "interrupted" ? 0 : 1,
      `${entry} received ${answer}`,
    );
  }
  assert.deepEqual([...counts], [], "there are no entries without a call");
}

async function killAgainAndAgain(random: SeededRandom): Promise<readonly Call[]> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
  const server = new MortalServer(directory);
  const calls: Call[] = [];
  const stop = new AbortController();
  try {
    const load = Promise.all(
      Array.from({ length: callers }, () => callUntil(server, random, calls, stop.signal)),
    );
    // A failure of the load is the finding: it must not wait for the kills to end.
    const kills = (async () => {
      for (let kill = 0; kill < killsPerDirectory; kill += 1) await server.live(random.integer(10, 250));
    })();
    await Promise.race([kills, load]);
    stop.abort();
    const kill = await server.start();
    await load;
    const client = await server.client();
    const entries = new Map<string, readonly string[]>();
    for (let index = 0; index < actors; index += 1) {
      entries.set(`ledger-${index}`, await client.ledger.getOrCreate(`ledger-${index}`).entries());
    }
    verify(calls, entries);
    await verifyRetries(server, random, calls);
    await kill(0);
  } finally {
    server.end();
    rmSync(directory, { recursive: true });
  }
  return calls;
}

/** A retry of a call answered long ago gets the same answer, and writes nothing. */
async function verifyRetries(
  server: MortalServer,
  random: SeededRandom,
  calls: readonly Call[],
): Promise<void> {
  const client = await server.client();
  const handle = (call: Call) => client.ledger.getOrCreate(call.actor);
  for (let count = 0; count < 50; count += 1) {
    const call = calls[random.integer(0, calls.length)];
    if (call === undefined) continue;
    const before = (await handle(call).entries()).length;
    assert.equal(await perform(server, call), call.answer);
    assert.equal((await handle(call).entries()).length, before);
  }
}

test("a server that is killed at any moment has every acknowledged action, each once", async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const seeds = seededRandom(seed);
  const work = Array.from({ length: lanes }, () => seededRandom(seeds.integer(0, 2 ** 32)));
  const all = await Promise.all(
    work.map(async (random) => {
      const calls: Call[] = [];
      for (let round = 0; round < directoriesPerLane; round += 1)
        calls.push(...(await killAgainAndAgain(random)));
      return calls;
    }),
  );
  const calls = all.flat();
  const interrupted = calls.filter((call) => call.answer === "interrupted").length;
  const kills = lanes * directoriesPerLane * killsPerDirectory;
  t.diagnostic(`${kills} kills, ${calls.length} calls, ${interrupted} interrupted between two commits`);
  assert.ok(calls.length > kills, "the load was too small to prove anything");
  assert.ok(interrupted > 0, "no kill came between the two commits of an action");
});
