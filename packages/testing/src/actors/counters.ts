import { actor, event } from "@holdfast/actors";
import { UserError } from "@holdfast/core";

/** The actors that the tests of this package talk to. */
export const counter = actor({
  createState: (_c, input: { readonly start: number } | undefined) => ({ count: input?.start ?? 0 }),
  events: { changed: event<number>() },
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    get: (c) => c.state.count,
    id: (c) => c.actorId,
    key: (c) => c.key,
    nested: { deep: { double: (c) => c.state.count * 2 } },
    sleep: (c) => c.sleep(),
    destroy: (c) => c.destroy(),
    params: (c) => c.conn.params,
  },
});

export const echo = actor({
  actions: {
    same: (_c, value: unknown) => value,
    none: () => undefined,
    size: (_c, text: string) => text.length,
    big: (_c, bytes: number) => "x".repeat(bytes),
    userError: () => {
      throw new UserError("You may not", { code: "refused", metadata: { field: "name" } });
    },
    crash: () => {
      throw new Error("the password is hunter2");
    },
  },
});

export const allActors = { counter, echo };
