/**
 * Commits of one node on PostgreSQL, compared with bare transactions of the same statements, pipelined by the same
 * driver over as many connections. Node, server and client share the machine.
 */
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { ActorStore } from "@holdfast/actors";
import { postgresStoreLimits } from "@holdfast/store-postgres";
import pg from "pg";
import { interleave, most, type Outcome, roundMs, rounds, type Scenario } from "../internal/scenario.ts";
import { startNodes } from "./node.ts";

const patch = new Uint8Array(200).fill(7);
const outcome = new Uint8Array(60).fill(8);
const patchesPerSnapshot = 100;
/** What a turn writes, without its framing. */
export const turnBytes = Buffer.concat([patch, outcome]);

/** Returns turns a second. `turn` runs one turn of an actor and resolves when it is durable. */
export async function measureTurns(
  callers: number,
  start: (id: string) => Promise<(version: number) => Promise<unknown>>,
): Promise<number> {
  const actors = await Promise.all(Array.from({ length: callers }, () => start(randomUUID())));
  const started = performance.now();
  const until = started + roundMs;
  let count = 0;
  await Promise.all(
    actors.map(async (turn) => {
      for (let version = 2; performance.now() < until; version += 1) {
        await turn(version);
        count += 1;
      }
    }),
  );
  return (count * 1_000) / (performance.now() - started);
}

/** One keyed action commits a patch and a call record. */
export async function storeTurns(store: ActorStore, actorId: string) {
  const snapshot = { type: "snapshot", bytes: patch } as const;
  const create = { name: "bench", key: [actorId], createdAt: Date.now() };
  await store.commit({ actorId, epoch: 1, version: 1, commitId: randomUUID(), create, state: snapshot });
  return (version: number) =>
    store.commit({
      ...{ actorId, epoch: 1, version, commitId: randomUUID() },
      state: version % patchesPerSnapshot === 0 ? snapshot : { type: "patch", bytes: patch },
      calls: [{ key: randomUUID(), status: "done", outcome, expiresAt: Date.now() + 3_600_000 }],
    });
}

const tables = `
  CREATE TABLE bare_actor (shard integer, id text COLLATE "C", epoch bigint, version bigint, last_commit text,
    PRIMARY KEY (shard, id)) WITH (fillfactor = 70);
  CREATE TABLE bare_state (shard integer, actor text COLLATE "C", version bigint, bytes bytea,
    PRIMARY KEY (shard, actor, version));
  CREATE TABLE bare_call (shard integer, actor text COLLATE "C", key bytea, outcome bytea, expires_at bigint,
    PRIMARY KEY (shard, actor, key));
  CREATE INDEX ON bare_call (expires_at)`;

async function bareTurns(client: pg.Client, id: string) {
  const shard = Math.floor(Math.random() * 1_024);
  await client.query("INSERT INTO bare_actor VALUES ($1, $2, 1, 1, '')", [shard, id]);
  const query = (name: string, text: string, values: unknown[] = []) => client.query({ name, text, values });
  return (version: number) =>
    Promise.all([
      query("begin", "BEGIN"),
      query(
        "fence",
        `UPDATE bare_actor SET version = version + 1, last_commit = $5
          WHERE shard = $1 AND id = $2 AND epoch = $3 AND version = $4`,
        [shard, id, 1, version - 1, randomUUID()],
      ),
      query("state", "INSERT INTO bare_state VALUES ($1, $2, $3, $4)", [shard, id, version, patch]),
      query("call", "INSERT INTO bare_call VALUES ($1, $2, $3, $4, $5)", [
        ...[shard, id, Buffer.from(randomUUID()), outcome, Date.now() + 3_600_000],
      ]),
      query("commit", "COMMIT"),
    ]);
}

async function run(callers: number, ofBare: number | undefined): Promise<Outcome> {
  const nodes = await startNodes(1);
  const clients = Array.from(
    { length: postgresStoreLimits.turnConnections },
    () => new pg.Client({ connectionString: nodes.server.url, pipeline: true } as pg.ClientConfig),
  );
  const [store] = nodes.stores;
  if (store === undefined) throw new Error("There is no store");
  try {
    for (const client of clients) await client.connect();
    await clients[0]?.query(tables);
    let next = 0;
    const client = () => clients[next++ % clients.length] as pg.Client;
    const samples = await interleave(
      {
        store: () => measureTurns(callers, (id) => storeTurns(store, id)),
        bare: () => measureTurns(callers, (id) => bareTurns(client(), id)),
      },
      Math.min(rounds, 6),
    );
    const [ours, bare] = [most(samples.store), most(samples.bare)];
    return {
      figures: [
        { name: "store-postgres", value: ours, unit: "/s" },
        { name: "bare transactions, pipelined", value: bare, unit: "/s" },
      ],
      floors:
        ofBare === undefined
          ? []
          : [
              {
                name: "of bare transactions",
                value: ours / bare,
                limit: ofBare,
                unit: "times",
                better: "more",
              },
            ],
      samples,
    };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await nodes.close();
  }
}

export function commitScenario(callers: number, ofBare?: number): Scenario {
  return { name: `commits-${callers}`, run: () => run(callers, ofBare) };
}
