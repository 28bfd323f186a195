import { actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import type { Workload, World } from "../world.ts";

interface Touched {
  readonly id: string;
  readonly n: number;
}

/** Actors that are put to sleep, destroyed and created again while others use them. */
export function lifecycles(world: World): Workload {
  const random = world.random("lifecycles");
  const mayfly = actor({
    options: { sleepTimeout: 1_000 },
    state: { n: 0, last: "" },
    actions: {
      touch: (c, token: string): Touched => {
        c.state.n++;
        c.state.last = token;
        return { id: c.actorId, n: c.state.n };
      },
      nap: (c) => {
        c.sleep();
        return c.actorId;
      },
      end: (c) => {
        c.destroy();
        return c.actorId;
      },
    },
  });
  const keys = ["m", "n"];
  /** Highest count per actor that a client has received. */
  const receivedCounts = new Map<string, Set<number>>();
  const announcedEnds = new Set<string>();

  const touch = async (key: string): Promise<void> => {
    const token = world.ledger.token();
    const endedBefore = new Set(announcedEnds);
    const highest = new Map([...receivedCounts].map(([id, counts]) => [id, Math.max(...counts)]));
    const touched = await world.attempt(`touch ${key} ${token}`, async () => {
      const answer = await world.client.getOrCreate("mayfly", key).action({ name: "touch", args: [token] });
      return answer as Touched;
    });
    if (touched === undefined) return;
    const { id, n } = touched;
    world.assert(world.ledger.isDurable(token), () => `a reply was sent before its commit (${token})`);
    world.assert(!endedBefore.has(id), () => `${id} of ${key} answered after its end`);
    const counts = receivedCounts.get(id) ?? new Set();
    receivedCounts.set(id, counts);
    world.assert(!counts.has(n), () => `two callers of ${id} received the same count ${n}`);
    world.assert(n > (highest.get(id) ?? 0), () => `${id} went back to ${n} from ${highest.get(id)}`);
    counts.add(n);
  };

  const end = async (key: string): Promise<void> => {
    const id = await world.attempt(`end ${key}`, async () => {
      try {
        return await world.client.get("mayfly", key).action({ name: "end" });
      } catch (error) {
        if (isErrorCode(error, "actor", "not_found")) return "nobody";
        throw error;
      }
    });
    if (typeof id === "string" && id !== "nobody") destroyRequested.add(id);
  };
  /** Actors that have announced their end. */
  const destroyRequested = new Set<string>();

  const make = async (key: string): Promise<void> => {
    await world.attempt(`make ${key}`, async () => {
      try {
        await world.client.create("mayfly", key);
        return "made";
      } catch (error) {
        if (isErrorCode(error, "actor", "duplicate_key")) return "exists";
        throw error;
      }
    });
  };

  const client = async (): Promise<void> => {
    for (let count = random.int(10, 40); count > 0; count--) {
      await world.pause(random.skewed(6_000));
      const key = random.pick(keys);
      const drawn = random.unit();
      if (drawn < 0.6) await touch(key);
      else if (drawn < 0.75) {
        await world.attempt(`nap ${key}`, () =>
          world.client.getOrCreate("mayfly", key).action({ name: "nap" }),
        );
      } else if (drawn < 0.9) await end(key);
      else await make(key);
    }
  };

  return {
    name: "lifecycles",
    definitions: { mayfly },
    clients: Array.from({ length: 5 }, () => client),
    check: async () => {
      for (const key of keys) {
        await touch(key);
        await end(key);
      }
      await world.pause(30_000);
      for (const id of destroyRequested) {
        const record = await world.store.data.get(id);
        if (record?.destroyedAt !== undefined) announcedEnds.add(id);
      }
      for (const key of keys) {
        const before = await world.store.data.find("mayfly", [key]);
        world.assert(before === undefined, () => `${key} lives on after its end`);
        await touch(key);
      }
    },
  };
}
