import { existsSync } from "node:fs";
import { actor, event, setup } from "holdfast";
import { agentOs } from "holdfast/agent-os";

const agent = process.env["AGENT"] ?? "demo";
if (agent === "demo")
  console.log("The demo agent works: it needs no key. For a real one: AGENT=claude ANTHROPIC_API_KEY=...");

/** Where there is no bubblewrap, agents run on this machine without isolation: for your own use only. */
const hasJails = existsSync("/usr/bin/bwrap");
if (!hasJails) console.warn("Agents are not isolated here: sudo apt-get install bubblewrap");

/** A computer for every key: files that stay, programs that run, no network, and no key of yours. */
export const computer = agentOs({ provider: hasJails ? "jail" : "local" });

interface Job {
  readonly prompt: string;
  status: "running" | "done" | "failed";
  answer?: string;
}

/** The jobs of one project. Its agent works on the computer with the same key. */
export const project = actor({
  state: { jobs: [] as Job[] },
  events: { changed: event<Job[]>() },
  options: { actionTimeout: 3_600_000 },
  actions: {
    jobs: (c) => c.state.jobs,
    work: async (c, prompt: string): Promise<string> => {
      const at = c.state.jobs.push({ prompt, status: "running" }) - 1;
      c.broadcast("changed", c.state.jobs);
      const own = c.client<typeof registry>().computer.getOrCreate(c.key);
      try {
        const { sessionId } = await own.createSession(agent);
        const { text } = await own.sendPrompt(sessionId, prompt);
        Object.assign(c.state.jobs[at] ?? {}, { status: "done", answer: text });
        return text;
      } catch (error) {
        Object.assign(c.state.jobs[at] ?? {}, { status: "failed" });
        throw error;
      } finally {
        c.broadcast("changed", c.state.jobs);
      }
    },
  },
});

export const registry = setup({ use: { computer, project } });

if (import.meta.main) await registry.start();
