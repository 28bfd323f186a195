import { actor } from "@holdfast/actors";
import type { Workload, World } from "../world.ts";

interface Addition {
  readonly name: string;
  readonly content: string;
  /** True when its transaction throws and is rolled back. */
  readonly throws: boolean;
  /** Pause between the chunks of the content; without it, the content is one chunk. */
  readonly pauseMs: number;
}

interface Observed {
  /** Hashes by name. */
  readonly pictures: Record<string, string>;
  /** Hashes of all stored blobs. */
  readonly objects: readonly string[];
}

function albumOf(world: World) {
  async function* pieces(content: string, pauseMs: number): AsyncGenerator<Uint8Array> {
    const half = Math.floor(content.length / 2);
    for (const part of [content.slice(0, half), content.slice(half)]) {
      await world.pause(pauseMs);
      yield new TextEncoder().encode(part);
    }
  }
  return actor({
    // Runs requests for one blob one after another.
    options: { sleepTimeout: 2_000, concurrency: "serial" },
    state: { pictures: {} as Record<string, string> },
    actions: {
      add: async (c, { name, content, throws, pauseMs }: Addition) => {
        const add = async (): Promise<void> => {
          const { hash } = await c.blob.put(pauseMs === 0 ? content : pieces(content, pauseMs));
          c.state.pictures[name] = hash;
          if (throws) throw new Error("planned");
        };
        if (throws) await c.transaction(add).catch(() => undefined);
        else await add();
      },
      drop: async (c, name: string) => {
        const { [name]: hash } = c.state.pictures;
        if (hash === undefined) return false;
        const isShared = Object.entries(c.state.pictures).some(
          ([other, own]) => other !== name && own === hash,
        );
        if (!isShared) await c.blob.delete(hash);
        delete c.state.pictures[name];
        return true;
      },
      read: async (c, name: string) => {
        const { [name]: hash } = c.state.pictures;
        if (hash === undefined) return undefined;
        const bytes = await c.blob.bytes(hash);
        return bytes === undefined ? "no bytes" : new TextDecoder().decode(bytes);
      },
      look: async (c): Promise<Observed> => ({
        pictures: { ...c.state.pictures },
        objects: (await c.blob.list()).map(({ hash }) => hash),
      }),
    },
  });
}

/** Albums that add and drop the same pictures repeatedly: every listed picture must have its bytes. */
export function blobs(world: World): Workload {
  const random = world.random("blobs");
  const album = albumOf(world);
  const keys = ["a", "b"];
  const contents = ["sea", "hill", "wood"];
  /** Contents by key and name, of pictures whose addition was acknowledged and that were not dropped. */
  const added = new Map<string, string>();
  const handle = (key: string) => world.client.getOrCreate("album", key);

  const add = async (key: string, throws: boolean): Promise<void> => {
    const [name, content] = [world.ledger.token(), random.pick(contents)];
    const pauseMs = random.chance(0.3) ? random.int(1, 300) : 0;
    const done = await world.attempt(
      `add ${name} ${content} to ${key}${throws ? ", throws" : ""}`,
      async () => {
        await handle(key).action({ name: "add", args: [{ name, content, throws, pauseMs }] });
        return true;
      },
    );
    if (done !== true || throws) return;
    world.assert(world.ledger.isDurable(name), () => `a reply was sent before its commit (${name})`);
    added.set(`${key} ${name}`, content);
  };
  const read = async (key: string, name: string, content: string): Promise<void> => {
    const what = `read ${name} of ${key}`;
    const text = await world.attempt(what, () => handle(key).action({ name: "read", args: [name] }));
    const isDropped = !added.has(`${key} ${name}`);
    const isRight = text === content || (text === undefined && (isDropped || !world.areFaultsOver));
    world.assert(isRight, () => `${name} of ${key} is ${String(text)}, not ${content}`);
  };

  const client = async (): Promise<void> => {
    for (let times = random.int(10, 25); times > 0; times--) {
      await world.pause(random.skewed(10_000));
      const one = [...added][random.int(0, Math.max(0, added.size - 1))];
      if (one === undefined || random.chance(0.4)) {
        await add(random.pick(keys), random.chance(0.2));
        continue;
      }
      const [place, content] = one;
      const [key = "", name = ""] = place.split(" ");
      if (random.chance(0.5)) await read(key, name, content);
      else {
        added.delete(place);
        await world.attempt(`drop ${name} of ${key}`, () =>
          handle(key).action({ name: "drop", args: [name] }),
        );
      }
    }
  };

  return {
    name: "blobs",
    definitions: { album },
    clients: [client, client, client],
    check: async () => {
      for (const key of keys) {
        // Adding a blob cleans up after earlier failures.
        await add(key, false);
        for (const [place, content] of added) {
          const [own = "", name = ""] = place.split(" ");
          if (own === key) await read(key, name, content);
        }
        await world.eventually(`${key} has exactly the blobs of its pictures`, 60_000, async () => {
          const { pictures, objects } = (await handle(key).action({ name: "look" })) as Observed;
          const named = [...new Set(Object.values(pictures))].sort().join();
          const id = await handle(key).resolve();
          const kept = [...(await world.store.data.blobs.list(id))].sort().join();
          return named === [...objects].sort().join() && named === kept;
        });
      }
    },
  };
}
