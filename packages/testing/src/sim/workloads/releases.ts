import { actor } from "@holdfast/actors";
import type { Workload, World } from "../world.ts";

interface Answer {
  /** The release whose code has answered. */
  readonly release: 1 | 2;
  readonly entries: readonly string[];
}

/** Notebooks whose state the next release migrates: no entry is lost, and no older code answers afterwards. */
export function releases(world: World): Workload {
  const random = world.random("releases");
  const options = { sleepTimeout: 3_000 };
  const first = actor({
    options,
    state: { entries: [] as string[] },
    actions: {
      add: (c, token: string): Answer => {
        c.state.entries.push(token);
        return { release: 1, entries: [...c.state.entries] };
      },
    },
  });
  const next = actor({
    options,
    state: { lines: [] as string[] },
    migrateState: [(old) => ({ lines: (old as { readonly entries: readonly string[] }).entries })],
    actions: {
      add: (c, token: string): Answer => {
        c.state.lines.push(token);
        return { release: 2, entries: [...c.state.lines] };
      },
    },
  });
  const keys = ["a", "b", "c"];
  /** Acknowledged entries. */
  const accepted = new Map<string, string[]>(keys.map((key) => [key, []]));
  const migrated = new Set<string>();

  const add = async (key: string): Promise<Answer | undefined> => {
    const token = world.ledger.token();
    const wasMigrated = migrated.has(key);
    const answer = await world.attempt(
      `add ${token} to ${key}`,
      async () =>
        (await world.client.getOrCreate("notebook", key).action({ name: "add", args: [token] })) as Answer,
    );
    if (answer === undefined) return undefined;
    world.assert(
      !wasMigrated || answer.release === 2,
      () => `${key} was answered by the old release after the new one`,
    );
    if (answer.release === 2) migrated.add(key);
    const { size } = new Set(answer.entries);
    world.assert(size === answer.entries.length, () => `${key} has an entry twice`);
    accepted.get(key)?.push(token);
    return answer;
  };

  const client = async (): Promise<void> => {
    for (let count = random.int(10, 25); count > 0; count--) {
      await world.pause(random.skewed(8_000));
      await add(random.pick(keys));
    }
  };

  return {
    name: "releases",
    definitions: { notebook: first },
    nextDefinitions: { notebook: next },
    clients: [client, client, client],
    check: async () => {
      await world.pause(90_000);
      for (const key of keys) {
        const answer = await add(key);
        for (const token of accepted.get(key) ?? []) {
          const times = answer?.entries.filter((entry) => entry === token).length ?? 0;
          world.assert(times === 1, () => `${token} is in ${key} ${times} times`);
        }
      }
    },
  };
}
