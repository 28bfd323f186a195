import { actor } from "@holdfast/actors";
import { History, type Model } from "../linearizability.ts";
import type { Workload, World } from "../world.ts";

type Operation = { readonly type: "add"; readonly by: number } | { readonly type: "read" };

const counterModel: Model<Operation, number> = {
  initial: "0",
  apply: (state, operation, result) => {
    const next = Number(state) + (operation.type === "add" ? operation.by : 0);
    return result === undefined || result === next ? String(next) : undefined;
  },
};

/**
 * Counters in state, and in kv with a serial actor: operations must be linearizable, and each addition must run once.
 */
export function counters(world: World): Workload {
  const random = world.random("counters");
  const state = actor({
    state: { n: 0, last: "" },
    actions: {
      add: (c, token: string, by: number) => {
        c.state.n += by;
        c.state.last = token;
        return c.state.n;
      },
      read: (c) => c.state.n,
    },
  });
  const kv = actor({
    options: { concurrency: "serial" },
    actions: {
      add: async (c, token: string, by: number) => {
        const n = Number((await c.kv.get("n")) ?? "0") + by;
        await c.kv.put("n", String(n));
        await c.kv.put("last", token);
        return n;
      },
      read: async (c) => Number((await c.kv.get("n")) ?? "0"),
    },
  });
  const objects = ["stateCounter", "kvCounter"].flatMap((name) =>
    Array.from({ length: random.int(1, 2) }, (_, at) => ({
      name,
      key: String(at),
      history: new History<Operation, number>(),
    })),
  );

  const read = async ({ name, key, history }: (typeof objects)[number]): Promise<number | undefined> =>
    world.attempt(`${name} ${key} read`, () =>
      history.record({ type: "read" }, async () =>
        Number(await world.client.getOrCreate(name, key).action({ name: "read" })),
      ),
    );

  /** Target of an action: a handle or a connection. */
  type Callable = { action(options: { name: string; args: unknown[] }): Promise<unknown> };

  const add = async ({ name, key, history }: (typeof objects)[number], callable: Callable): Promise<void> => {
    const token = world.ledger.token();
    const by = random.int(1, 99);
    await world.attempt(`${name} ${key} add ${by} ${token}`, () =>
      history.record({ type: "add", by }, async () => {
        const result = Number(await callable.action({ name: "add", args: [token, by] }));
        const isDurable = world.ledger.isDurable(token);
        world.assert(isDurable, () => `${name}: a reply was sent before its commit (${token})`);
        return result;
      }),
    );
  };

  const client = async (): Promise<void> => {
    for (let count = random.int(10, 25); count > 0; count--) {
      await world.pause(random.skewed(15_000));
      const object = random.pick(objects);
      if (random.chance(0.3)) await read(object);
      else await add(object, world.client.getOrCreate(object.name, object.key));
    }
  };

  /** Concurrent calls over a connection, which survive its cuts. */
  const connected = async (): Promise<void> => {
    for (let count = random.int(2, 6); count > 0; count--) {
      await world.pause(random.skewed(15_000));
      const object = random.pick(objects);
      const conn = world.client.getOrCreate(object.name, object.key).connect();
      await Promise.all(
        Array.from({ length: random.int(1, 4) }, async () => {
          await world.pause(random.skewed(2_000));
          await add(object, conn);
        }),
      );
      await conn.dispose();
    }
  };

  return {
    name: "counters",
    definitions: { stateCounter: state, kvCounter: kv },
    clients: [client, client, client, client, connected, connected],
    check: async () => {
      for (const object of objects) {
        await read(object);
        const verdict = object.history.check(counterModel);
        world.note(`${object.name} ${object.key} is ${verdict}`);
        world.assert(
          verdict !== "not linearizable",
          () => `${object.name} is not linearizable:\n${object.history}`,
        );
      }
    },
  };
}
