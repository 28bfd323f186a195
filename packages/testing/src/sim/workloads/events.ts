import { actor, event } from "@holdfast/actors";
import type { HoldfastError } from "@holdfast/core";
import type { Workload, World } from "../world.ts";

/** Rooms with listeners: each event must arrive once and in order, or the listener must get a gap. */
export function events(world: World): Workload {
  const random = world.random("events");
  const room = actor({
    options: { sleepTimeout: 3_000 },
    state: { seq: 0, last: "" },
    events: { said: event<[seq: number, token: string]>() },
    actions: {
      say: (c, token: string) => {
        c.state.seq++;
        c.state.last = token;
        c.broadcast("said", c.state.seq, token);
        return c.state.seq;
      },
    },
  });
  const key = "hall";
  const handle = () => world.client.getOrCreate("room", key);
  interface Listener {
    heard: number;
    dispose(): Promise<void>;
  }
  const listeners: Listener[] = [];
  let highest = 0;

  const listen = (name: string, listener: Listener): void => {
    const conn = handle().connect();
    let expected: number | undefined;
    const onEvent = (seq: number, token: string): void => {
      world.note(`${name} hears ${seq}`);
      world.assert(world.ledger.isDurable(token), () => `event ${seq} was sent before its commit`);
      world.assert(seq > listener.heard, () => `${name} heard ${seq} after ${listener.heard}`);
      const isNext = expected === undefined || seq === expected;
      world.assert(isNext, () => `${name} heard ${seq} instead of ${expected} without a gap`);
      listener.heard = seq;
      expected = seq + 1;
    };
    let since = world.scheduler.time;
    const onGap = (): void => {
      world.note(`${name} has a gap`);
      world.assert(world.mayMissEvents(since), () => `${name} has a gap, and no node had lost anything`);
      since = world.scheduler.time;
      expected = undefined;
    };
    // A full disk ends a connection permanently with an error: the client opens another.
    const onError = (error: HoldfastError): void => {
      world.note(`${name} is told ${error.group}.${error.code}`);
      world.assert(!world.areFaultsOver, () => `${name} got ${error.group}.${error.code} after healing`);
      void listener.dispose();
      void world.pause(1_000).then(() => listen(name, listener));
    };
    const unsubscribes = [conn.on("said", onEvent), conn.onGap(onGap), conn.onError(onError)];
    listener.dispose = () => {
      for (const end of unsubscribes) end();
      return conn.dispose();
    };
  };

  const say = async (): Promise<void> => {
    const token = world.ledger.token();
    const seq = await world.attempt(`say ${token}`, async () =>
      Number(await handle().action({ name: "say", args: [token] })),
    );
    if (seq === undefined) return;
    world.assert(world.ledger.isDurable(token), () => `a reply was sent before its commit (${token})`);
    highest = Math.max(highest, seq);
  };

  const speaker = async (): Promise<void> => {
    for (let count = random.int(10, 40); count > 0; count--) {
      await world.pause(random.skewed(6_000));
      await say();
    }
  };
  const listener = (at: number) => async (): Promise<void> => {
    await world.pause(random.skewed(10_000));
    const own: Listener = { heard: 0, dispose: async () => undefined };
    listeners.push(own);
    listen(`listener ${at}`, own);
  };

  return {
    name: "events",
    definitions: { room },
    clients: [speaker, speaker, ...Array.from({ length: random.int(1, 4) }, (_, at) => listener(at))],
    check: async () => {
      // The last node restarts, and both ends notice a cut within half a minute.
      await world.pause(90_000);
      await say();
      await world.eventually("every listener has the last event", 120_000, () =>
        listeners.every(({ heard }) => heard === highest),
      );
      for (const each of listeners) await each.dispose();
    },
  };
}
