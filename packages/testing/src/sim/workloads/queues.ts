import { actor, queue } from "@holdfast/actors";
import type { Workload, World } from "../world.ts";

interface Job {
  readonly token: string;
  /** Number of deliveries that fail before one succeeds. */
  readonly failures: number;
}

type Counts = Record<string, number>;

/** Messages for two kinds of consumer: each must take effect once, and waiting senders must get its response. */
export function queues(world: World): Workload {
  const random = world.random("queues");
  const worker = actor({
    state: { jobs: {} as Counts, notes: {} as Counts },
    queues: {
      jobs: queue<Job, { token: string }>({
        backoff: { minMs: 200, maxMs: 2_000 },
        visibilityTimeoutMs: 30_000,
      }),
      notes: queue<{ token: string }>(),
    },
    run: async (c) => {
      const jobs = async (): Promise<void> => {
        for await (const job of c.queue.iter({ names: ["jobs"], completable: true })) {
          if (job.attempt <= job.body.failures) {
            await job.fail(new Error("planned"));
            continue;
          }
          const { token } = job.body;
          c.state.jobs[token] = (c.state.jobs[token] ?? 0) + 1;
          await job.complete({ token });
        }
      };
      const notes = async (): Promise<void> => {
        for await (const { body } of c.queue.iter({ names: ["notes"] })) {
          c.state.notes[body.token] = (c.state.notes[body.token] ?? 0) + 1;
        }
      };
      await Promise.all([jobs(), notes()]);
    },
    actions: { look: (c) => ({ jobs: { ...c.state.jobs }, notes: { ...c.state.notes } }) },
  });
  const keys = ["x", "y"];
  const accepted: { readonly kind: "jobs" | "notes"; readonly token: string; readonly key: string }[] = [];

  const send = async (): Promise<void> => {
    const key = random.pick(keys);
    const token = world.ledger.token();
    const handle = world.client.getOrCreate("worker", key);
    if (random.chance(0.4)) {
      const sent = await world.attempt(`note ${token} to ${key}`, async () => {
        await handle.send("notes", { token });
        return true;
      });
      if (sent === true) accepted.push({ kind: "notes", token, key });
      return;
    }
    const body: Job = { token, failures: random.chance(0.7) ? 0 : random.int(1, 3) };
    const waits = random.chance(0.5);
    const outcome = await world.attempt(`job ${token} to ${key}${waits ? ", waits" : ""}`, async () => {
      if (waits) return await handle.send("jobs", body, { wait: true, timeout: random.int(1_000, 60_000) });
      await handle.send("jobs", body);
      return { status: "sent" };
    });
    if (outcome === undefined) return;
    accepted.push({ kind: "jobs", token, key });
    world.assert(world.ledger.isDurable(token), () => `a send was acknowledged before its commit (${token})`);
    if (typeof outcome !== "object" || outcome === null || !("response" in outcome)) return;
    const response = JSON.stringify(outcome.response);
    world.assert(
      response === JSON.stringify({ token }),
      () => `the sender that waited for ${token} received ${response}`,
    );
  };

  const client = async (): Promise<void> => {
    for (let count = random.int(5, 20); count > 0; count--) {
      await world.pause(random.skewed(15_000));
      await send();
    }
  };

  return {
    name: "queues",
    definitions: { worker },
    clients: Array.from({ length: 6 }, () => client),
    check: async () => {
      const consumed = new Map<string, { jobs: Counts; notes: Counts }>();
      await world.eventually("messages are done", 600_000, async () => {
        for (const key of keys) {
          const observed = await world.client.getOrCreate("worker", key).action({ name: "look" });
          consumed.set(key, observed as { jobs: Counts; notes: Counts });
        }
        return accepted.every(({ kind, token, key }) => (consumed.get(key)?.[kind][token] ?? 0) > 0);
      });
      for (const { jobs, notes } of consumed.values()) {
        for (const [token, times] of [...Object.entries(jobs), ...Object.entries(notes)]) {
          world.assert(times === 1, () => `${token} took effect ${times} times`);
        }
      }
    },
  };
}
