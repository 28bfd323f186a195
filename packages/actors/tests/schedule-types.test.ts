import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorSchedule, actor, type ScheduledFireInfo, typedSchedule } from "@holdfast/actors";

const jobs = actor({
  state: { n: 0 },
  actions: {
    send: (c, text: string, times: number, _info: ScheduledFireInfo) => {
      c.state.n += text.length * times;
    },
    plain: (c, by: number) => {
      c.state.n += by;
    },
    group: {
      clear: (c) => {
        c.state.n = 0;
      },
    },
    later: (c, ms: number) => c.schedule.after(ms, "plain", 1),
  },
});

interface Named {
  send(c: unknown, text: string): void;
}

/** Records the schedules that would be created. */
function recorder() {
  const calls: unknown[][] = [];
  const record = async (...args: unknown[]): Promise<string> => {
    calls.push(args);
    return "id";
  };
  const none = (): never => assert.fail("not called");
  const schedule: ActorSchedule = {
    after: record,
    at: record,
    cancel: none,
    get: none,
    list: none,
    deadLetters: none,
    retry: none,
  };
  return { calls, c: { schedule } };
}

test("typedSchedule checks names and arguments against a definition and passes them on", async () => {
  const { calls, c } = recorder();
  const schedule = typedSchedule<typeof jobs>(c);
  await schedule.after(1, "send", "text", 2);
  await schedule.at(2, "plain", 3);
  await schedule.after(3, "group.clear");
  assert.deepEqual(calls, [
    [1, "send", "text", 2],
    [2, "plain", 3],
    [3, "group.clear"],
  ]);
  // @ts-expect-error there is no such action
  await schedule.after(1, "sent", "text", 2);
  // @ts-expect-error the second argument is missing
  await schedule.after(1, "send", "text");
  // @ts-expect-error the argument is a number
  await schedule.at(1, "plain", "3");
  // @ts-expect-error a group is no action
  await schedule.at(1, "group");
});

test("typedSchedule also accepts the actions alone", async () => {
  const { calls, c } = recorder();
  await typedSchedule<Named>(c).after(1, "send", "text");
  assert.equal(calls.length, 1);
  // @ts-expect-error the argument is a text
  await typedSchedule<Named>(c).after(1, "send", 5);
});
