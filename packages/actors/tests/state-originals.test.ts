/** Values that an action assigns and keeps changing: in its turn, in a rolled back transaction, in connections. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, turn, world } from "./harness.ts";

interface Message {
  text: string;
  likes: number;
}

const room = actor({
  state: { rooms: {} as Record<string, Message[]>, latest: undefined as Message | undefined },
  actions: {
    say: (c, name: string, text: string) => {
      const message: Message = { text, likes: 0 };
      // biome-ignore lint/suspicious/noAssignInExpressions: the way in which it is often written.
      (c.state.rooms[name] ??= []).push(message);
      message.likes++;
      return c.state.rooms[name];
    },
    slowly: async (c, text: string) => {
      const latest: Message = { text: "", likes: 0 };
      c.state.latest = latest;
      await turn();
      latest.text = text;
      return c.state.latest;
    },
    takenBack: async (c, name: string) => {
      const list: Message[] = [];
      await c
        .transaction(async () => {
          c.state.rooms[name] = list;
          list.push({ text: "never", likes: 0 });
          await turn();
          throw new Error("taken back");
        })
        .catch(() => {});
      list.push({ text: "never", likes: 0 });
      return Object.keys(c.state.rooms);
    },
    spoil: (c) => {
      const latest: Message = { text: "", likes: 0 };
      c.state.latest = latest;
      Object.assign(latest, { run: () => 1 });
    },
    get: (c) => c.state,
  },
});

describe("changes of a value after its assignment", () => {
  test("are committed and visible in the reply", async () => {
    const w = world();
    const first = w.create(room);
    assert.deepEqual(await call(first, "say", "a", "one"), [{ text: "one", likes: 1 }]);
    await call(first, "say", "a", "two");
    assert.deepEqual(await call(first, "slowly", "late"), { text: "late", likes: 0 });
    await first.sleep();
    const second = await w.wake(room);
    assert.deepEqual(await call(second, "get"), {
      rooms: {
        a: [
          { text: "one", likes: 1 },
          { text: "two", likes: 1 },
        ],
      },
      latest: { text: "late", likes: 0 },
    });
  });

  test("are lost with a transaction that is rolled back", async () => {
    const w = world();
    const first = w.create(room);
    assert.deepEqual(await call(first, "takenBack", "a"), []);
    await call(first, "say", "b", "one");
    await first.sleep();
    const second = await w.wake(room);
    assert.deepEqual(await call(second, "get"), {
      rooms: { b: [{ text: "one", likes: 1 }] },
      latest: undefined,
    });
  });

  test("fail the call if the value can no longer be stored; the last valid state stays", async () => {
    const w = world();
    const first = w.create(room);
    await call(first, "say", "a", "one");
    await assert.rejects(call(first, "spoil"), (error) => isErrorCode(error, "actor", "invalid_state_value"));
    const second = await w.wake(room);
    assert.deepEqual(await call(second, "get"), {
      rooms: { a: [{ text: "one", likes: 1 }] },
      latest: undefined,
    });
  });
});
