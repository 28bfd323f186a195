/** Prompts that start tasks at given times: the actor of an organization that has them, and the tasks of their runs. */
import { actor, event } from "@holdfast/actors";
import { HoldfastError, isHoldfastError, uuidv7 } from "@holdfast/core";
import { inOrganization, organizationOfKey } from "../../access/organization-ids.ts";
import type { ScheduleRun, SchedulesEvents, ScheduleView } from "../../contract/schedules.ts";
import type { CreateTaskInput, TaskError, TaskSummary } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { ScheduledTaskNames } from "../new-task.ts";
import { requireOrganization } from "../organizations/existing.ts";
import type { RepositorySummary } from "../repositories/contract.ts";
import { connStateOf, type PersonConnState } from "../tasks/actions.ts";
import { matches, type TriggerMatch } from "../triggers/match.ts";
import { readSchedule, tooManySchedules } from "./input.ts";
import { restoreSchedule } from "./restore.ts";
import {
  maxRuns,
  type Schedule,
  type ScheduleOccurrence,
  type SchedulesState,
  type StoredRun,
  toRunView,
  toScheduleView,
} from "./state.ts";

const fireAction = "internal.fire";

/** The part of the actor context that is used here. */
interface SchedulesContext {
  readonly key: readonly string[];
  readonly state: SchedulesState;
  readonly broadcast: (name: "changed", view: ScheduleView) => void;
  saveState(): Promise<void>;
  client(): {
    getOrCreate(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/** The schedules of an organization: each starts a task at its times. */
export function createSchedulesActor(host: BackendHost) {
  const runner = new ScheduleRuns(host);
  return actor({
    async createState(c): Promise<SchedulesState> {
      await requireOrganization(c);
      return { version: 1, schedules: [] };
    },
    createConnState: async (c): Promise<PersonConnState> => connStateOf(await host.personOf(c.request)),
    events: {
      changed: event<SchedulesEvents["changed"]>(),
      removed: event<SchedulesEvents["removed"]>(),
    },
    async onWake(c): Promise<void> {
      // Runs that the last process has left behind.
      c.waitUntil(runner.resume(c));
    },
    options: { name: "Schedules", actionTimeout: 60_000 },
    actions: {
      list: (c): readonly ScheduleView[] =>
        c.state.schedules.map((schedule) => toScheduleView(schedule, host.ports.clock.now())),

      async save(c, given: unknown): Promise<ScheduleView> {
        const { id: known, ...input } = readSchedule(given, host.ports.clock.now());
        const { person, startedBy } = c.conn.state;
        await c
          .client()
          .getOrCreate("organization", [organizationOfKey(c.key)])
          .action({ name: "internal.checkScheduledTask", args: [taskInputOf(input), person] });
        if (input.on !== undefined) await requireForge(c, input.repository);
        if (known === undefined && c.state.schedules.length >= studioLimits.maxSchedules)
          throw tooManySchedules();
        const before = known === undefined ? undefined : find(c.state, known);
        const schedule: Schedule = {
          ...input,
          id: known ?? uuidv7(host.ports.clock, host.ports.random),
          isPaused: before?.isPaused ?? false,
          person,
          ...(startedBy === undefined ? {} : { startedBy: { ...startedBy } }),
          runs: plain(before?.runs ?? []),
        };
        c.state.schedules =
          before === undefined
            ? [...plain(c.state.schedules), schedule]
            : plain(c.state.schedules).map((each) => (each.id === schedule.id ? schedule : each));
        const { id, cron: expression, timezone } = schedule;
        if (schedule.on !== undefined) {
          await c.cron.delete(id);
          return publish(host, c, id);
        }
        await c.cron.set({
          ...{ name: id, expression, timezone, action: fireAction, args: [id] },
          ...{ maxHistory: 0, catchUp: "once" },
        });
        if (schedule.isPaused) await c.cron.pause(id);
        return publish(host, c, id);
      },

      async pause(c, id: string, isPaused: boolean): Promise<ScheduleView> {
        const schedule = find(c.state, id);
        schedule.isPaused = isPaused === true;
        if (schedule.on === undefined)
          await (schedule.isPaused ? c.cron.pause(schedule.id) : c.cron.resume(schedule.id));
        return publish(host, c, id);
      },

      run: (c, id: string): Promise<ScheduleRun> => runner.start(c, find(c.state, id).id, "person"),

      async remove(c, id: string): Promise<void> {
        if (!c.state.schedules.some((each) => each.id === id)) return;
        c.state.schedules = plain(c.state.schedules).filter((each) => each.id !== id);
        await c.cron.delete(id);
        c.broadcast("removed", { id });
      },

      internal: {
        erase: (c): void => c.destroy(),

        /** Adds a schedule of an import, paused: nobody has looked at it here. */
        restore: (c, given: unknown): Promise<void> => restoreSchedule(host, c, given, fireAction),

        async fire(c, id: string): Promise<void> {
          if (c.state.schedules.some((each) => each.id === id && !each.isPaused))
            await runner.start(c, id, "schedule");
        },

        /** Ids of those that run on an event. */
        matching: (c, repository: string, trigger: TriggerMatch): readonly string[] =>
          c.state.schedules
            .filter((each) => each.repository === repository && !each.isPaused && matches(each.on, trigger))
            .map(({ id }) => id),

        /** Starts a task for an event, once for each key. Null for a schedule that is gone. */
        async occurred(c, id: string, occurrence: ScheduleOccurrence): Promise<ScheduleRun | null> {
          const schedule = c.state.schedules.find((each) => each.id === id);
          if (schedule === undefined) return null;
          const known = schedule.runs.find((run) => run.occurrence?.key === occurrence.key);
          if (known !== undefined) return toRunView(plain(known));
          return runner.start(c, id, "event", occurrence);
        },

        /** Notes that an event was left out. */
        async leftOut(c, id: string, key: string, error: TaskError): Promise<void> {
          const schedule = c.state.schedules.find((each) => each.id === id);
          if (schedule === undefined) return;
          runner.leaveOut(c, schedule, key, error);
        },
      },
    },
  });
}

/** Starts the tasks of schedules. */
class ScheduleRuns {
  readonly #host: Pick<BackendHost, "ports">;

  constructor(host: Pick<BackendHost, "ports">) {
    this.#host = host;
  }

  leaveOut(c: SchedulesContext, schedule: Schedule, key: string, error: TaskError): void {
    const { clock, random } = this.#host.ports;
    const run: StoredRun = {
      ...{ id: uuidv7(clock, random), at: clock.now(), cause: "event", state: "failed", error },
      ...{ taskId: "", sessionId: "", promptId: "", occurrence: { key, text: "", taint: "" } },
    };
    schedule.runs = [run, ...plain(schedule.runs)].slice(0, maxRuns);
    publish(this.#host, c, schedule.id);
  }

  async start(
    c: SchedulesContext,
    scheduleId: string,
    cause: ScheduleRun["cause"],
    occurrence?: ScheduleOccurrence,
  ): Promise<ScheduleRun> {
    const newId = () => uuidv7(this.#host.ports.clock, this.#host.ports.random);
    const newIdHere = () => inOrganization(organizationOfKey(c.key), newId());
    const run: StoredRun = {
      ...{ id: newId(), at: this.#host.ports.clock.now(), cause, state: "starting" },
      ...{ taskId: newIdHere(), sessionId: newIdHere(), promptId: newId() },
      ...(occurrence === undefined ? {} : { occurrence }),
    };
    const schedule = find(c.state, scheduleId);
    schedule.runs = [run, ...plain(schedule.runs)].slice(0, maxRuns);
    await c.saveState();
    return this.#finish(c, scheduleId, run);
  }

  /** Completes runs that an earlier process has begun. Creating a task again makes no second one. */
  async resume(c: SchedulesContext): Promise<void> {
    for (const { id, runs } of plain(c.state.schedules))
      for (const run of runs) if (run.state === "starting") await this.#finish(c, id, run);
  }

  async #finish(c: SchedulesContext, scheduleId: string, run: StoredRun): Promise<ScheduleRun> {
    const { person, startedBy, ...schedule } = plain(find(c.state, scheduleId));
    const organization = organizationOfKey(c.key);
    const { taskId, sessionId, promptId, occurrence } = run;
    const names: ScheduledTaskNames = {
      ...{ taskId, sessionId, promptId, createdBy: person },
      ...(startedBy === undefined ? {} : { startedBy }),
      ...(occurrence === undefined ? {} : { taint: occurrence.taint }),
    };
    let error: TaskError | undefined;
    try {
      await c
        .client()
        .getOrCreate("organization", [organization])
        .action<TaskSummary>({
          name: "internal.createScheduledTask",
          args: [taskInputOf(schedule, occurrence), names],
        });
    } catch (cause) {
      this.#host.ports.log.warn("a schedule could not start its task", {
        schedule: scheduleId,
        error: cause,
      });
      error = toTaskError(cause);
    }
    const ended: StoredRun =
      error === undefined ? { ...run, state: "started" } : { ...run, state: "failed", error };
    const current = c.state.schedules.find(({ id }) => id === scheduleId);
    // It was deleted meanwhile.
    if (current === undefined) return toRunView(ended);
    current.runs = plain(current.runs).map((each) => (each.id === run.id ? ended : each));
    publish(this.#host, c, scheduleId);
    return toRunView(ended);
  }
}

function taskInputOf(
  { repository, branch, agent, prompt }: Omit<CreateTaskInput, "fromHead">,
  occurrence?: ScheduleOccurrence,
): CreateTaskInput {
  const { pullRequest, text, labels } = occurrence ?? {};
  const from = occurrence?.branch ?? branch;
  return {
    ...{ repository, agent, fromHead: true },
    prompt: text === undefined ? prompt : `${prompt}\n\n${text}`,
    ...(pullRequest === undefined ? (from === undefined ? {} : { branch: from }) : { pullRequest }),
    ...(labels === undefined ? {} : { labels }),
  };
}

/** Throws `schedule.invalid_input` unless the repository is one of a forge. */
async function requireForge(c: SchedulesContext, repository: string): Promise<void> {
  const connected = await c
    .client()
    .getOrCreate("organization", [organizationOfKey(c.key)])
    .action<readonly RepositorySummary[]>({ name: "listRepositories", args: [] });
  const kind = connected.find(({ id }) => id === repository)?.kind;
  if (kind === "github" || kind === "gitlab" || kind === "gitea") return;
  const message = "Events come from a connected repository of GitHub, GitLab or Gitea. Choose one of these.";
  throw new HoldfastError("schedule", "invalid_input", message, { statusCode: 400 });
}

/** Throws `schedule.not_found`. */
function find(state: SchedulesState, id: unknown): Schedule {
  const schedule = state.schedules.find((each) => each.id === id);
  if (schedule !== undefined) return schedule;
  throw new HoldfastError("schedule", "not_found", "There is no such schedule", { statusCode: 404 });
}

function publish(
  { ports }: Pick<BackendHost, "ports">,
  c: Pick<SchedulesContext, "state" | "broadcast">,
  id: string,
): ScheduleView {
  const view = toScheduleView(plain(find(c.state, id)), ports.clock.now());
  c.broadcast("changed", view);
  return view;
}

function toTaskError(error: unknown): TaskError {
  if (isHoldfastError(error)) return { group: error.group, code: error.code, message: error.message };
  const message = "The task could not be started. The server's log says why.";
  return { group: "internal", code: "internal_error", message };
}

/** Copies a value that may be a state proxy. */
function plain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
