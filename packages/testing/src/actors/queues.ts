import { actor, queue } from "@holdfast/actors";
import type { UserError } from "@holdfast/core";

/** Consumes in its `run` handler, and answers who waits. */
export const worker = actor({
  state: { seen: [] as string[], refused: 0 },
  queues: {
    jobs: queue<string, { done: string }>(),
    silent: queue<string>(),
    locked: queue<string>({ canPublish: () => false }),
    truthy: queue<string>({ canPublish: async () => "yes" as unknown as boolean }),
    falsy: queue<string>({ canPublish: () => undefined as unknown as boolean }),
    broken: queue<string>({
      canPublish: () => {
        throw new Error("secret detail");
      },
    }),
    guarded: queue<string>({ canPublish: (c) => c.conn.params?.role === "sender" }),
  },
  run: async (c) => {
    for await (const message of c.queue.iter({ names: ["jobs", "guarded"], completable: true })) {
      c.state.seen.push(message.body);
      await message.complete({ done: message.body });
    }
  },
  actions: {
    seen: (c) => [...c.state.seen],
    takeSilent: async (c) => (await c.queue.tryNext({ names: ["silent"] }))?.body,
    sleepNow: (c) => c.sleep(),
  },
});

interface WorkerRegistry {
  readonly "~actors"?: { readonly worker: typeof worker };
}

/** Sends to workers from inside. */
export const sender = actor({
  state: { sent: 0 },
  actions: {
    send: async (c, key: string, body: string) => {
      c.state.sent++;
      await c.client<WorkerRegistry>().worker.getOrCreate(key).send("jobs", body);
      return c.state.sent;
    },
    sendMany: async (c, key: string, count: number) => {
      const handle = c.client<WorkerRegistry>().worker.getOrCreate(key);
      await Promise.all(Array.from({ length: count }, (_, index) => handle.send("jobs", `${index}`)));
    },
    ask: (c, key: string, body: string) =>
      c.client<WorkerRegistry>().worker.getOrCreate(key).send("jobs", body, { wait: true, timeout: 5_000 }),
    refused: async (c, key: string) => {
      const handle = c.client<WorkerRegistry>().worker.getOrCreate(key);
      return handle.send("locked", "x").catch((error: unknown) => (error as UserError).code);
    },
  },
});

/** Sends to itself as if from outside, and receives in its actions. */
export const mailbox = actor({
  queues: { mail: queue<string>(), never: queue<string>() },
  actions: {
    sendToSelf: async (c, body: string): Promise<boolean> => {
      await c.client().getForId("mailbox", c.actorId).send("mail", body);
      return true;
    },
    take: async (c, timeout: number) => (await c.queue.next({ names: ["mail"], timeout }))?.body ?? null,
    destroyWhileWaiting: async (c) => {
      setTimeout(() => c.destroy(), 10);
      await c.queue.next({ names: ["never"], timeout: 10_000 });
    },
  },
});

/** Notes who sends, with the connection that the sender is seen with. */
export const member = actor({
  state: { log: [] as string[] },
  connState: { sent: 0 },
  queues: {
    notes: queue<string>({
      canPublish: (c) => {
        c.conn.state.sent++;
        c.state.log.push(`send ${c.conn.params?.name} ${c.conn.state.sent}`);
        return true;
      },
    }),
    closed: queue<string>({ canPublish: () => false }),
    asked: queue<string, string>(),
  },
  actions: {
    note: (c, text: string) => void c.state.log.push(`call ${text}`),
    log: (c) => c.state.log.join(),
    connections: (c) => c.conns.size,
    answer: async (c) => {
      const message = await c.queue.next({ names: ["asked"], completable: true, timeout: 5_000 });
      await message?.complete(`${message.body}!`);
    },
    bodies: async (c) => (await c.queue.nextBatch({ names: ["notes"], count: 10 })).map(({ body }) => body),
  },
});
