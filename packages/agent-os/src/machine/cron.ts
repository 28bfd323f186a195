import { randomUUID } from "node:crypto";
import type { ActorCron } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { invalid, notFound } from "../errors.ts";
import { agentOsLimits } from "../limits.ts";
import type { CronEvent, CronJobInfo, CronOverlap, SerializableCronAction } from "../types.ts";
import { readPath, readRecord, readText, readTexts } from "./input.ts";
import type { Processes } from "./processes.ts";
import { readSessionOptions, type Sessions } from "./sessions.ts";
import type { Vm } from "./vm.ts";

/** A job as its schedule stores it. */
export interface CronJob {
  readonly id: string;
  readonly schedule: string;
  readonly action: SerializableCronAction;
  readonly overlap: CronOverlap;
}

/** The action of the actor that a due job calls. */
export const cronAction = "runCronJob";
const prefix = "vm:";

/** Commands and prompts on a schedule, which survive sleep and restarts. */
export class Cron {
  readonly #vm: Vm;
  readonly #cron: ActorCron;
  readonly #parts: { readonly processes: Processes; readonly sessions: Sessions };
  readonly #running = new Map<string, number>();
  readonly #tails = new Map<string, Promise<void>>();

  constructor(
    vm: Vm,
    cron: ActorCron,
    parts: { readonly processes: Processes; readonly sessions: Sessions },
  ) {
    this.#vm = vm;
    this.#cron = cron;
    this.#parts = parts;
  }

  async schedule(given: unknown): Promise<{ id: string }> {
    const { id = randomUUID(), schedule, action, overlap = "allow" } = readRecord(given, "the job");
    if (typeof id !== "string" || !/^[\w.:-]{1,64}$/.test(id))
      throw invalid("The id of a job has 1 to 64 letters, digits and _ . : -");
    if (overlap !== "allow" && overlap !== "skip" && overlap !== "queue")
      throw invalid("overlap must be allow, skip or queue");
    const job: CronJob = {
      ...{ id, overlap, schedule: readText(schedule, "The schedule") },
      action: readAction(action),
    };
    const jobs = await this.#jobs();
    if (jobs.length >= agentOsLimits.maxCronJobs && !jobs.some(({ job: each }) => each.id === id))
      throw invalid(`There are ${agentOsLimits.maxCronJobs} jobs: cancel one first`);
    await this.#cron.set({
      ...{ name: prefix + id, expression: job.schedule, action: cronAction, args: [job], maxHistory: 0 },
    });
    return { id };
  }

  async list(): Promise<CronJobInfo[]> {
    const { cronRuns } = this.#vm.actor.state;
    return (await this.#jobs()).map(({ job, nextRunAt, lastRunAt }) => ({
      ...{ id: job.id, schedule: job.schedule, action: job.action, overlap: job.overlap },
      ...(lastRunAt === undefined ? {} : { lastRun: lastRunAt }),
      ...(nextRunAt === undefined ? {} : { nextRun: nextRunAt }),
      ...{ runCount: cronRuns[job.id] ?? 0, running: this.#running.has(job.id) },
    }));
  }

  async cancel(id: unknown): Promise<void> {
    const name = prefix + String(id);
    if ((await this.#cron.get(name)) == null) throw notFound(`job ${String(id)}`);
    await this.#cron.delete(name);
    delete this.#vm.actor.state.cronRuns[String(id)];
  }

  /** Runs a due job. Resolves at its end unless runs of it may overlap. */
  async run(job: CronJob): Promise<void> {
    const before = this.#tails.get(job.id) ?? Promise.resolve();
    const running = job.overlap === "queue" ? before.then(() => this.#run(job)) : this.#run(job);
    this.#tails.set(job.id, running);
    this.#vm.runUntil(running);
    if (job.overlap === "skip") await running;
  }

  async #run(job: CronJob): Promise<void> {
    const { state } = this.#vm.actor;
    state.cronRuns[job.id] = (state.cronRuns[job.id] ?? 0) + 1;
    this.#running.set(job.id, (this.#running.get(job.id) ?? 0) + 1);
    this.#emit({ type: "cron:fire", jobId: job.id, time: Date.now() });
    const startedAt = performance.now();
    try {
      await this.#act(job.action);
      const durationMs = performance.now() - startedAt;
      this.#emit({ type: "cron:complete", jobId: job.id, time: Date.now(), durationMs });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#emit({ type: "cron:error", jobId: job.id, time: Date.now(), error: text });
    } finally {
      const left = (this.#running.get(job.id) ?? 1) - 1;
      if (left === 0) this.#running.delete(job.id);
      else this.#running.set(job.id, left);
    }
  }

  async #act(action: SerializableCronAction): Promise<void> {
    const { processes, sessions } = this.#parts;
    switch (action.type) {
      case "exec": {
        const words = [action.command, ...(action.args ?? [])];
        // A command with arguments is one program; a command alone is a line for the shell.
        const line = words.length === 1 ? action.command : words.map(quote).join(" ");
        const { exitCode, stderr } = await processes.exec(line, undefined);
        if (exitCode !== 0) throw failed(`The command ended with ${exitCode}: ${stderr.slice(-500).trim()}`);
        return;
      }
      case "session": {
        const options = { ...action.options, ...(action.cwd === undefined ? {} : { cwd: action.cwd }) };
        const { sessionId } = await sessions.create(action.agentType, options);
        try {
          const { response } = await sessions.prompt(sessionId, action.prompt);
          if (response.error !== undefined) throw failed(response.error.message);
        } finally {
          await sessions.close(sessionId);
        }
      }
    }
  }

  async #jobs() {
    const all = await this.#cron.list();
    return all
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ args, nextRunAt, lastRunAt }) => ({ job: args?.[0] as CronJob, nextRunAt, lastRunAt }));
  }

  #emit(event: CronEvent): void {
    this.#vm.actor.emit("cronEvent", { event });
  }
}

function readAction(value: unknown): SerializableCronAction {
  const { type, command, args, agentType, prompt, cwd, options } = readRecord(value, "the action");
  if (type === "exec") {
    const list = readTexts(args, "args");
    return { type, command: readText(command, "The command"), ...(list.length === 0 ? {} : { args: list }) };
  }
  if (type !== "session") throw invalid('The type of an action must be "exec" or "session"');
  return {
    ...{ type, agentType: readText(agentType, "agentType"), prompt: readText(prompt, "The prompt") },
    ...(cwd === undefined ? {} : { cwd: readPath(cwd) }),
    ...(options === undefined ? {} : { options: readSessionOptions(options) }),
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function failed(message: string): HoldfastError {
  return new HoldfastError("agent_os", "job_failed", message, { statusCode: 500 });
}
