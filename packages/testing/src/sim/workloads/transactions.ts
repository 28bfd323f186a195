import { actor } from "@holdfast/actors";
import type { Workload, World } from "../world.ts";

/** Transaction to run: whether it throws, and how long it waits in the middle. */
interface Plan {
  readonly token: string;
  readonly by: number;
  readonly throws: boolean;
  readonly waitMs: number;
}

interface Account {
  readonly total: number;
  readonly tokens: readonly string[];
  readonly stored: string;
  readonly undone: number;
}

/** State and kv that change together in transactions, some of which are rolled back. */
export function transactions(world: World): Workload {
  const random = world.random("transactions");
  const book = actor({
    state: { total: 0, tokens: [] as string[], last: {} as { token?: string }, undone: 0 },
    actions: {
      book: async (c, { token, by, throws, waitMs }: Plan) => {
        const last: { token?: string } = {};
        const booking = c.transaction(async () => {
          c.state.last = last;
          last.token = token;
          c.state.total += by;
          c.state.tokens.push(token);
          const before = Number((await c.kv.get("total")) ?? "0");
          await c.kv.put("total", String(before + by));
          if (waitMs > 0) await world.pause(waitMs);
          await c.kv.put(`token ${token}`, String(by));
          if (throws) throw new Error("planned");
        });
        if (!throws) await booking;
        else await booking.catch(() => void c.state.undone++);
        return c.state.total;
      },
      /** Changes made concurrently with others' transactions. */
      touch: (c) => {
        c.state.last = {};
      },
      look: async (c): Promise<Account> => {
        const entries = await c.kv.list("token ");
        return {
          total: c.state.total,
          tokens: [...c.state.tokens],
          stored: `${(await c.kv.get("total")) ?? "0"} of ${entries.length}`,
          undone: c.state.undone,
        };
      },
    },
  });
  const keys = ["a", "b"];
  const booked: { readonly token: string; readonly key: string; readonly throws: boolean }[] = [];

  const client = async (): Promise<void> => {
    for (let count = random.int(5, 15); count > 0; count--) {
      await world.pause(random.skewed(15_000));
      const key = random.pick(keys);
      const handle = world.client.getOrCreate("book", key);
      if (random.chance(0.2)) {
        await world.attempt(`touch ${key}`, () => handle.action({ name: "touch" }));
        continue;
      }
      const token = world.ledger.token();
      const plan: Plan = {
        token,
        by: random.int(1, 99),
        throws: random.chance(0.4),
        waitMs: random.chance(0.5) ? random.int(1, 500) : 0,
      };
      const total = await world.attempt(`book ${token} in ${key}`, () =>
        handle.action({ name: "book", args: [plan] }),
      );
      if (total !== undefined) booked.push({ token, key, throws: plan.throws });
    }
  };

  return {
    name: "transactions",
    definitions: { book },
    clients: Array.from({ length: 5 }, () => client),
    check: async () => {
      for (const key of keys) {
        const observed = (await world.client.getOrCreate("book", key).action({ name: "look" })) as Account;
        const { total, tokens, stored } = observed;
        world.assert(
          stored === `${total} of ${tokens.length}`,
          () => `account ${key}: the state has ${total} of ${tokens.length}, kv ${stored}`,
        );
        world.assert(new Set(tokens).size === tokens.length, () => `account ${key} booked a token twice`);
        for (const { token, throws } of booked.filter((each) => each.key === key)) {
          const isThere = tokens.includes(token);
          world.assert(isThere !== throws, () => `${token} is ${isThere ? "" : "not "}booked in ${key}`);
        }
      }
    },
  };
}
