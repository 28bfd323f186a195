/** A program of a user, as the tests of signals run it: `node registry-program.ts <directory> <sleepMs>`. */
import { actor, setup } from "../src/index.ts";

const [, , directory = "", sleepMs = "0"] = process.argv;

const worker = actor({
  state: { slept: 0 },
  onSleep: async (c) => {
    process.stdout.write("sleeping\n");
    await new Promise((resolve) => setTimeout(resolve, Number(sleepMs)));
    c.state.slept += 1;
    process.stdout.write("slept\n");
  },
  actions: { slept: (c) => c.state.slept },
});

const registry = setup({ use: { worker }, dataDirectory: directory, enginePort: 0 });
const listening = await registry.start();
await registry.client.worker.getOrCreate("a").slept();
process.stdout.write(`ready ${listening.port}\n`);
