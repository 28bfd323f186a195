/** A worker that takes jobs from a durable queue; a job that fails is tried again. */
import { actor, queue, setup } from "holdfast";

export interface Resize {
  readonly image: string;
  readonly width: number;
}

export const resizer = actor({
  state: { done: [] as string[], failures: 0 },
  queues: {
    resize: queue<Resize, { file: string }>({ maxAttempts: 3, backoff: { minMs: 10, maxMs: 1_000 } }),
  },
  run: async (c) => {
    for await (const job of c.queue.iter({ names: ["resize"], completable: true })) {
      const { image, width } = job.body;
      if (image.startsWith("broken") && c.state.failures < 2) {
        c.state.failures += 1;
        await job.fail(new Error("the image cannot be read"));
        continue;
      }
      const file = `${image}@${width}`;
      c.state.done.push(file);
      await job.complete({ file });
    }
  },
  actions: {
    report: (c) => ({ done: c.state.done, failures: c.state.failures }),
  },
});

export const registry = setup({ use: { resizer } });
if (import.meta.main) await registry.start();
