/** A fleet of agents: a coordinator gives each part of a job to one of them, and collects what they have to say. */
import { local } from "@holdfast/sandbox-client/local";
import { actor, event, setup } from "holdfast";
import { agent } from "holdfast/agent";
import { workflow } from "holdfast/workflow";

const url = process.env["SWARM_SANDBOX_URL"];

export const worker = agent({
  agent: process.env["SWARM_AGENT"] ?? "demo",
  // One server for the whole fleet if there is one; else each agent starts its own.
  sandbox:
    url === undefined
      ? local({ log: "silent" })
      : { baseUrl: url, token: process.env["SWARM_SANDBOX_TOKEN"] ?? "" },
  ...(process.env["SWARM_DIRECTORY"] === undefined ? {} : { cwd: process.env["SWARM_DIRECTORY"] }),
  permissions: "allow",
});

const fleet = setup({ use: { worker } });

export interface Result {
  readonly part: string;
  readonly text: string;
}

/** Agents that work at the same time. */
const atOnce = 3;

export const job = actor({
  createState: (_c, input: { parts: string[] }) => ({
    parts: input.parts,
    results: [] as Result[],
    isDone: false,
  }),
  events: { result: event<Result>(), done: event<Result[]>() },
  run: workflow(async (ctx) => {
    const parts = await ctx.step("plan", async (c) => [...c.state.parts]);
    const branches = parts.map((part, at) => [
      `part ${at}`,
      {
        run: async (branch: typeof ctx) =>
          await branch.step({
            name: `work on part ${at}`,
            concurrency: atOnce,
            maxRetries: 3,
            timeout: 0,
            run: async (c) => {
              const agentOfPart = c.client<typeof fleet>().worker.getOrCreate([...c.key, String(at)]);
              // After a crash, a turn that still runs or has ended is taken up; only one that was cut off is repeated.
              const [last] = await agentOfPart.turns(1);
              const isOver = last?.status === "interrupted" || last?.status === "failed";
              const turn = last === undefined || isOver ? await agentOfPart.prompt(part) : last;
              const ended = await agentOfPart.result(turn.id);
              if (ended.turn.status !== "completed")
                throw new Error(`The agent of part ${at} ended its turn as ${ended.turn.status}`);
              const result = { part, text: ended.text };
              c.state.results.push(result);
              c.broadcast("result", result);
            },
          }),
      },
    ]);
    await ctx.join("fleet", Object.fromEntries(branches));
    await ctx.step("done", async (c) => {
      c.state.isDone = true;
      c.broadcast("done", c.state.results);
    });
  }),
  actions: {
    status: (c) => ({ isDone: c.state.isDone, results: c.state.results, parts: c.state.parts.length }),
  },
});

export const registry = setup({ use: { worker, job } });
if (import.meta.main) await registry.start();
