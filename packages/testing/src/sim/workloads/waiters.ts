import { actor, queue } from "@holdfast/actors";
import type { Workload, World } from "../world.ts";

interface Job {
  readonly token: string;
  readonly takesMs: number;
}

interface Answer {
  readonly token: string;
  /** How often the job took effect. */
  readonly times: number;
}

/** Clients that repeat a wait with one key across timeouts and outages: one job, with the same response for all. */
export function waiters(world: World): Workload {
  const random = world.random("waiters");
  const worker = actor({
    options: { sleepTimeout: 2_000 },
    state: { done: {} as Record<string, number> },
    queues: { jobs: queue<Job, Answer>() },
    run: async (c) => {
      for await (const job of c.queue.iter({ names: ["jobs"], completable: true })) {
        const { token, takesMs } = job.body;
        if (takesMs > 0) await world.pause(takesMs);
        const times = (c.state.done[token] ?? 0) + 1;
        c.state.done[token] = times;
        await job.complete({ token, times });
      }
    },
    actions: {
      /** Waits from inside an actor. */
      ask: (c, job: Job) => c.queue.enqueueAndWait("jobs", job),
      look: (c) => ({ ...c.state.done }),
    },
  });
  const handle = () => world.client.getOrCreate("waited", "w");
  const tokens: string[] = [];

  const check = (token: string, answer: unknown): void => {
    const { token: told, times } = answer as Answer;
    world.assert(told === token && times === 1, () => `the wait for ${token} received ${told}, ${times}`);
  };
  /** The response; undefined after a timeout or when the server was unreachable. */
  const wait = async (job: Job): Promise<unknown> => {
    const timeout = random.int(100, 5_000);
    const outcome = await world.attempt(`wait ${timeout} for ${job.token}`, () =>
      handle().send("jobs", job, { wait: true, timeout, idempotencyKey: job.token }),
    );
    return typeof outcome === "object" && outcome !== null && "response" in outcome
      ? outcome.response
      : undefined;
  };
  const client = async (): Promise<void> => {
    for (let count = random.int(2, 8); count > 0; count--) {
      await world.pause(random.skewed(15_000));
      const token = world.ledger.token();
      const job: Job = { token, takesMs: random.chance(0.3) ? random.int(1, 3_000) : 0 };
      if (random.chance(0.3)) {
        const answer = await world.attempt(`ask ${token}`, () =>
          handle().action({ name: "ask", args: [job] }),
        );
        if (answer !== undefined) check(token, answer);
        continue;
      }
      tokens.push(token);
      let answer: unknown;
      while (answer === undefined) {
        answer = await wait(job);
        await world.pause(500);
      }
      check(token, answer);
      const again = await wait(job);
      if (again !== undefined) check(token, again);
    }
  };

  return {
    name: "waiters",
    definitions: { waited: worker },
    clients: [client, client, client],
    check: async () => {
      const done = (await handle().action({ name: "look" })) as Record<string, number>;
      for (const token of tokens) {
        world.assert(done[token] === 1, () => `${token} took effect ${done[token] ?? 0} times`);
      }
    },
  };
}
