import { actor, queue } from "@holdfast/actors";

/** Counts the effects of each message, so that a lost or doubled one shows. */
export const worker = actor({
  state: { effects: {} as Record<string, number> },
  queues: { plain: queue<string>(), answered: queue<string, { effects: number }>() },
  options: { maxQueueSize: 100_000 },
  run: async (c) => {
    const plain = async (): Promise<void> => {
      for await (const { body } of c.queue.iter({ names: ["plain"] })) {
        // Time for the process to die in, with the message in hand.
        await new Promise((resolve) => setTimeout(resolve, 1));
        c.state.effects[body] = (c.state.effects[body] ?? 0) + 1;
      }
    };
    const answered = async (): Promise<void> => {
      // A separate consumer, which does not share its messages.
      for await (const message of c.queue.iter({ names: ["answered"], completable: true })) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const effects = (c.state.effects[message.body] ?? 0) + 1;
        c.state.effects[message.body] = effects;
        await message.complete({ effects });
      }
    };
    await (c.key[0] === "answered" ? answered() : plain());
  },
  actions: { effects: (c) => ({ ...c.state.effects }) },
});

interface WorkerRegistry {
  readonly "~actors"?: { readonly worker: typeof worker };
}

/** Records each send in the same turn, so that one without the other is detected. */
export const sender = actor({
  state: { sent: [] as string[] },
  actions: {
    send: async (c, body: string) => {
      c.state.sent.push(body);
      await c.client<WorkerRegistry>().worker.getOrCreate("plain").send("plain", body);
    },
    sent: (c) => [...c.state.sent],
  },
});
