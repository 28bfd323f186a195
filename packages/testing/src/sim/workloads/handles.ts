import { actor } from "@holdfast/actors";
import { isHoldfastError } from "@holdfast/core";
import type { Workload, World } from "../world.ts";

/** Target of an action: a handle or a connection. */
type Callable = { action(options: { name: string; args: unknown[] }): Promise<unknown> };

const overConnection = "over a connection";
/** Default of the option `sleepGracePeriod`. */
const sleepGraceMs = 15_000;

/** Errors of calls to a destroyed actor. */
const destroyedErrorCodes: ReadonlySet<string> = new Set([
  "actor.not_found",
  "actor.destroyed",
  "conn.disposed",
]);

/** Clients that keep handles and connections of actors that are destroyed and created again under the same key. */
export function handles(world: World): Workload {
  const random = world.random("handles");
  const phoenix = actor({
    options: { sleepTimeout: 1_000 },
    state: { touched: 0, last: "" },
    actions: {
      touch: (c, token: string) => {
        c.state.touched++;
        c.state.last = token;
        return c.actorId;
      },
      end: (c) => {
        c.destroy();
        return c.actorId;
      },
    },
  });
  const key = "p";
  const { client } = world;
  /** When actors announced their end. */
  const announcedEnds = new Map<string, number>();
  const ids = new Set<string>();

  const ask = async (
    what: string,
    callable: Callable,
    name: "touch" | "end",
  ): Promise<string | undefined> => {
    const token = world.ledger.token();
    // Calls over a connection that was open are served until the end of the grace period.
    const graceMs = what === overConnection ? sleepGraceMs : 0;
    const endedBy = world.scheduler.time - graceMs;
    const endedBefore = new Set([...announcedEnds].filter(([, at]) => at <= endedBy).map(([id]) => id));
    const id = await world.attempt(`${name} ${what} ${token}`, async () => {
      try {
        return String(await callable.action({ name, args: name === "touch" ? [token] : [] }));
      } catch (error) {
        if (isHoldfastError(error) && destroyedErrorCodes.has(`${error.group}.${error.code}`)) return "gone";
        throw error;
      }
    });
    if (id === undefined || id === "gone") return id;
    world.assert(!endedBefore.has(id), () => `${id} answered ${what} after its end`);
    if (name === "end") announcedEnds.set(id, world.scheduler.time);
    else {
      ids.add(id);
      world.assert(world.ledger.isDurable(token), () => `a reply was sent before its commit (${token})`);
    }
    return id;
  };

  const keeper = async (): Promise<void> => {
    const byKey = client.get("phoenix", key);
    const making = client.getOrCreate("phoenix", key);
    for (let count = random.int(10, 30); count > 0; count--) {
      await world.pause(random.skewed(8_000));
      const drawn = random.unit();
      if (drawn < 0.35) await ask("by key", byKey, "touch");
      else if (drawn < 0.6) await ask("or make", making, "touch");
      else if (drawn < 0.75) await ask("by key", byKey, "end");
      else if (ids.size > 0) {
        const id = random.pick([...ids]);
        const answeredId = await ask("by id", client.getForId("phoenix", id), "touch");
        world.assert(
          answeredId === undefined || answeredId === "gone" || answeredId === id,
          () => `${answeredId} answered for ${id}`,
        );
      }
    }
  };
  const connected = async (): Promise<void> => {
    for (let count = random.int(3, 8); count > 0; count--) {
      await world.pause(random.skewed(8_000));
      const conn = client.getOrCreate("phoenix", key).connect();
      for (let calls = random.int(1, 5); calls > 0; calls--) {
        const told = await ask(overConnection, conn, "touch");
        if (told === "gone") break;
        await world.pause(random.skewed(4_000));
      }
      await conn.dispose();
    }
  };

  return {
    name: "handles",
    definitions: { phoenix },
    clients: [keeper, keeper, keeper, connected],
    check: async () => {
      for (const id of ids) await ask("by id", client.getForId("phoenix", id), "touch");
      await ask("or make", client.getOrCreate("phoenix", key), "touch");
      const { actors } = await world.store.data.list({ name: "phoenix", limit: 10 });
      world.assert(actors.length === 1, () => `${actors.length} live under one key`);
    },
  };
}
