import type { EventToken } from "../src/tokens.ts";
import type { ActorTypes, Client } from "../src/types.ts";

interface Context {
  readonly state: { count: number };
}
interface Definition<A, E, P, I> {
  readonly "~types"?: ActorTypes<A, E, P, I>;
}
declare const eventOf: <T>() => EventToken<T>;

// What follows is checked by the compiler; it never runs.
export async function typesOnly(): Promise<void> {
  const actions = {
    increment: (c: Context, by: number) => c.state.count + by,
    noContext: () => "x",
    optional: async (_c: Context, name?: string) => ({ name }),
    admin: { ban: (_c: Context, user: string, hours: number) => [user, hours] as const },
  };
  const events = {
    changed: eventOf<number>(),
    moved: eventOf<[x: number, y: number]>(),
    list: eventOf<string[]>(),
  };
  type Registry = {
    readonly "~actors"?: {
      readonly counter: Definition<typeof actions, typeof events, { token: string }, { initial: number }>;
      readonly plain: Definition<typeof actions, unknown, unknown, unknown>;
    };
  };
  const client = {} as Client<Registry>;
  const handle = client.counter.getOrCreate(["a", "b"], { createWithInput: { initial: 1 } });
  const count: number = await handle.increment(1);
  const text: string = await handle.noContext();
  const optional: { name: string | undefined } = await handle.optional();
  const banned: readonly [string, number] = await handle.admin.ban("u", 1);
  // @ts-expect-error A wrong argument type does not compile.
  await handle.increment("1");
  // @ts-expect-error Neither does a missing argument.
  await handle.increment();
  // @ts-expect-error Nor an argument too many for an action without parameters.
  await handle.noContext(1);
  // @ts-expect-error Nor an action that does not exist.
  await handle.missing();
  // @ts-expect-error Nor an actor that does not exist.
  client.missing;
  // @ts-expect-error Nor an input of the wrong type.
  await client.counter.create("k", { input: { initial: "1" } });
  const conn = handle.connect({ token: "t" });
  conn.on("changed", (value) => value.toFixed());
  conn.on("changed", () => {});
  conn.on("moved", (x, y) => x + y);
  conn.once("list", (items) => items.join());
  // @ts-expect-error A declared actor has only its declared events.
  conn.on("unknown", () => {});
  // @ts-expect-error The payload's type is checked.
  conn.on("changed", (value: string) => value);
  await conn.increment(2);
  client.plain
    .get("x")
    .connect()
    .on("anything", (value: number) => value);
  // Events that are not declared give anything to callbacks that do not say what they take.
  client.plain
    .get("x")
    .connect()
    .on("anything", (value, ...more) => [value.field, more.at(0)?.field]);
  void [count, text, optional, banned];
}
