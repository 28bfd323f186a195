/** The board: takes webhooks exactly once, starts jobs within the limits, and shows them all. */
import { actor, event, queue, setup, UserError } from "holdfast";
import type { Client } from "holdfast/client";
import { job } from "./job.ts";
import { type Delivery, isEnded, type Report, type Start, type Summary, type Usage } from "./report.ts";
import { requireSignIn } from "./session.ts";
import { forge, limits } from "./settings.ts";

const jobs = setup({ use: { job } });
const dayMs = 86_400_000;
const deliveryPrefix = "delivery/";
const keepDeliveriesMs = 30 * dayMs;

interface BoardState {
  jobs: Summary[];
  /** Number of the day since the epoch, in UTC, and what was used on it. */
  day: number;
  jobsToday: number;
  dollarsToday: number;
}

/** As much of the context as is needed to start jobs. */
interface BoardContext {
  readonly state: BoardState;
  readonly log: { error(text: string, fields: object): void };
  readonly schedule: { at(time: number, action: "resume"): Promise<string> };
  broadcast(event: "changed", job: Summary): void;
  broadcast(event: "used", usage: Usage): void;
  client<Registry extends typeof jobs>(): Client<Registry>;
}

export const board = actor({
  createState: (): BoardState => ({ jobs: [], day: 0, jobsToday: 0, dollarsToday: 0 }),
  events: { changed: event<Summary>(), used: event<Usage>() },
  queues: { reports: queue<Report>({ canPublish: (c) => c.conn?.auth !== "person" }) },
  onAuth: (_c, { req }) => {
    requireSignIn(req);
    return "person";
  },
  onCreate: async (c) => {
    await c.cron.set({ name: "forget", expression: "0 3 * * *", action: "forget" });
  },
  run: async (c) => {
    for await (const { body } of c.queue.iter({ names: ["reports"] })) {
      const found = c.state.jobs.find(({ id }) => id === body.jobId);
      if (found === undefined || found.attempt !== body.attempt) continue;
      c.state.dollarsToday += Math.max(0, body.dollars - found.dollars);
      const { status, title, dollars, pullUrl } = body;
      Object.assign(
        found,
        { status, title, dollars, changedAt: Date.now() },
        pullUrl === undefined ? {} : { pullUrl },
      );
      c.broadcast("changed", { ...found });
      startWaiting(c);
    }
  },
  actions: {
    /** Takes a webhook. Once it has returned, the job is durable, and the same id changes nothing. */
    receive: async (c, delivery: Delivery): Promise<"queued" | "repeated" | "busy" | "refused"> => {
      const key = `${deliveryPrefix}${delivery.id}`;
      if ((await c.kv.get(key)) !== null) return "repeated";
      const { repository, number } = delivery;
      if (forge.repositories.length > 0 && !forge.repositories.includes(repository.toLowerCase()))
        return "refused";
      const waiting = c.state.jobs.filter(({ status }) => status === "queued").length;
      if (waiting >= limits.maxQueued) throw new UserError("Too many jobs wait", { code: "queue_full" });
      await c.kv.put(key, String(Date.now()));
      const isBusy = c.state.jobs.some(
        ({ delivery: of, status }) =>
          of.repository === repository && of.number === number && !isEnded(status),
      );
      if (isBusy) return "busy";
      const now = Date.now();
      c.state.jobs.unshift({
        ...{
          id: crypto.randomUUID(),
          delivery,
          createdAt: now,
          changedAt: now,
          status: "queued",
          attempt: 1,
        },
        ...{ title: `Issue ${number}`, dollars: 0 },
      });
      const last = c.state.jobs.findLastIndex(({ status }) => isEnded(status));
      if (c.state.jobs.length > limits.maxShownJobs && last > 0) c.state.jobs.splice(last, 1);
      c.broadcast("changed", { ...(c.state.jobs[0] as Summary) });
      startWaiting(c);
      return "queued";
    },
    jobs: (c): { jobs: Summary[]; usage: Usage } => ({ jobs: c.state.jobs, usage: usageOf(c.state) }),
    /** Works on a job again that has ended without a pull request. */
    retry: (c, id: string): void => {
      const found = summaryOf(c.state, id);
      if (!isEnded(found.status) || found.status === "done")
        throw new UserError("Only a job that has ended without a pull request can be retried", {
          code: "not_ended",
        });
      Object.assign(found, { status: "queued", attempt: found.attempt + 1, changedAt: Date.now() });
      c.broadcast("changed", { ...found });
      startWaiting(c);
    },
    cancel: async (c, id: string): Promise<void> => {
      const found = summaryOf(c.state, id);
      if (isEnded(found.status)) return;
      if (found.status === "queued") {
        Object.assign(found, { status: "cancelled", changedAt: Date.now() });
        c.broadcast("changed", { ...found });
        return;
      }
      await c.client<typeof jobs>().job.getOrCreate([id]).stop(found.attempt);
    },
    /** A new day has begun. */
    resume: (c): void => startWaiting(c),
    forget: async (c): Promise<void> => {
      for (const [key, at] of await c.kv.list(deliveryPrefix))
        if (Number(at) < Date.now() - keepDeliveriesMs) await c.kv.delete(key);
    },
  },
});

function summaryOf(state: BoardState, id: string): Summary {
  const found = state.jobs.find((each) => each.id === id);
  if (found === undefined) throw new UserError("There is no such job", { code: "no_job" });
  return found;
}

function usageOf(state: BoardState): Usage {
  const { concurrency, jobsPerDay, dollarsPerDay } = limits;
  const running = state.jobs.filter(({ status }) => status === "running").length;
  const { jobsToday, dollarsToday } = state;
  return { running, concurrency, jobsToday, jobsPerDay, dollarsToday, dollarsPerDay };
}

/** Starts jobs that wait, oldest first. The messages to them leave with the change of the board, or not at all. */
function startWaiting(c: BoardContext): void {
  const today = Math.floor(Date.now() / dayMs);
  if (c.state.day !== today) Object.assign(c.state, { day: today, jobsToday: 0, dollarsToday: 0 });
  for (;;) {
    const next = c.state.jobs.findLast(({ status }) => status === "queued");
    const { running, concurrency, jobsToday, jobsPerDay, dollarsToday, dollarsPerDay } = usageOf(c.state);
    if (next === undefined || running >= concurrency) break;
    if (jobsToday >= jobsPerDay || dollarsToday >= dollarsPerDay) {
      const failed = (error: unknown) =>
        c.log.error("the next day is not scheduled", { cause: String(error) });
      void c.schedule.at((today + 1) * dayMs, "resume").catch(failed);
      break;
    }
    Object.assign(next, { status: "running", changedAt: Date.now() });
    c.state.jobsToday += 1;
    const start: Start = { attempt: next.attempt, delivery: next.delivery, startedAt: Date.now() };
    const failed = (error: unknown) => c.log.error("a job was not started", { cause: String(error) });
    void c.client<typeof jobs>().job.getOrCreate([next.id]).send("starts", start).catch(failed);
    c.broadcast("changed", { ...next });
  }
  c.broadcast("used", usageOf(c.state));
}
