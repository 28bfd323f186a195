/** The checks of each attempt of a task: in its own copy of the files, one attempt after the other. */
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { TaskFiles } from "../../cluster/task-files.ts";
import type { AttemptCheck, AttemptChecksView } from "../../contract/checks.ts";
import { studioLimits } from "../../limits.ts";
import { attemptsOf, findOpenSession, nameOf } from "../sessions/find.ts";
import { hasWork } from "../task-activity.ts";
import { copyOf } from "../task-state.ts";
import type { ChecksContext, ChecksHost } from "./checks.ts";

/** The results of one attempt. */
interface AttemptRow {
  readonly version: 1;
  readonly sessionId: string;
  readonly checks: readonly AttemptCheck[];
}

export type AttemptRows = Map<string, readonly AttemptCheck[]>;

export interface AttemptChecksVars {
  attemptRows?: Promise<AttemptRows> | undefined;
  attemptWork?: { readonly done: Promise<void>; readonly stop: AbortController } | undefined;
}

export interface AttemptChecksContext extends Omit<ChecksContext, "vars" | "broadcast"> {
  readonly vars: ChecksContext["vars"] & AttemptChecksVars;
  readonly broadcast: ChecksContext["broadcast"] &
    ((name: "attemptChecksChanged", view: AttemptChecksView) => void);
}

export interface AttemptChecksHost extends Omit<ChecksHost, "snapshot"> {
  snapshot(taskId: string, copy?: string): Promise<string>;
}

const prefix = "attempt-check/";

export class AttemptChecks {
  readonly #host: AttemptChecksHost;
  readonly #files: Pick<TaskFiles, "bring">;

  constructor(host: AttemptChecksHost, files: Pick<TaskFiles, "bring">) {
    this.#host = host;
    this.#files = files;
  }

  async view(c: AttemptChecksContext): Promise<AttemptChecksView> {
    return viewOf(c, await this.#rows(c));
  }

  /**
   * Begins to run all checks for these attempts; without ids for all. Throws `task.no_attempts`, `.session_not_found`,
   * `.not_prepared`, `checks.none`, `.agent_working`, `environment.invalid_file`.
   */
  async run(c: AttemptChecksContext, sessionIds: readonly string[] | undefined): Promise<AttemptChecksView> {
    const { state } = c;
    const attempts = attemptsOf(state);
    const wanted = sessionIds ?? attempts.map(({ sessionId }) => sessionId);
    for (const id of wanted) findOpenSession(state, id);
    if (attempts.length < 2) {
      const message = "The task has no attempts to compare: all of its sessions work in one workspace.";
      throw new HoldfastError("task", "no_attempts", message, { statusCode: 409 });
    }
    const busy = attempts.find((session) => wanted.includes(session.sessionId) && hasWork(session));
    if (busy !== undefined) {
      const message = `The agent of ${nameOf(busy)} is changing files. Run the checks when it has finished.`;
      throw new HoldfastError("checks", "agent_working", message, { statusCode: 409 });
    }
    if (state.base === undefined) {
      const message = "The repository has not been cloned yet. Try again in a moment.";
      throw new HoldfastError("task", "not_prepared", message, { statusCode: 409 });
    }
    await this.#files.bring(c);
    const file = await this.#host.checks.find(state.id, state.base.commit);
    if (file === undefined || file.checks.length === 0) {
      const message = 'The repository names no checks. Add "checks" to its environment, and commit it.';
      throw new HoldfastError("checks", "none", message, { statusCode: 404 });
    }
    const rows = await this.#rows(c);
    await Promise.all(
      wanted
        .filter((id) => !rows.get(id)?.some(isOpen))
        .map((id) =>
          this.#put(
            c,
            rows,
            id,
            file.checks.map(({ name }): AttemptCheck => ({ name, state: "waiting", output: "" })),
          ),
        ),
    );
    if (c.vars.attemptWork === undefined) {
      const stop = new AbortController();
      const instance = c.vars.stopping === undefined ? [] : [c.vars.stopping];
      const done = this.#work(c, rows, AbortSignal.any([stop.signal, ...instance]));
      c.vars.attemptWork = { done, stop };
      void c.keepAwake(done);
    }
    return viewOf(c, rows);
  }

  /** Ends what runs and waits. Resolves when the jail is gone. */
  async stop(c: AttemptChecksContext): Promise<void> {
    c.vars.attemptWork?.stop.abort();
    await c.vars.attemptWork?.done;
  }

  /** Runs what waits, one after the other. Never rejects. */
  async #work(c: AttemptChecksContext, rows: AttemptRows, signal: AbortSignal): Promise<void> {
    let current: string | undefined;
    try {
      // What was asked for is durable before it runs.
      await c.saveState();
      for (;;) {
        const next = [...rows].find(([, checks]) => checks.some(({ state }) => state === "waiting"));
        if (next === undefined) break;
        [current] = next;
        signal.throwIfAborted();
        await this.#runAttempt(c, rows, current, signal);
      }
      c.vars.attemptWork = undefined;
    } catch (error) {
      c.vars.attemptWork = undefined;
      // The next instance of the actor finds them as interrupted.
      if (c.vars.stopping?.aborted === true) return;
      const state = signal.aborted ? "stopped" : "failed";
      if (state === "failed")
        this.#host.ports.log.warn("the checks of an attempt could not run", { taskId: c.state.id, error });
      const reason = isHoldfastError(error) ? error.message : "See the server log for the cause.";
      for (const [id, checks] of rows)
        if (checks.some(isOpen) && (signal.aborted || id === current))
          await this.#put(
            ...([c, rows, id] as const),
            checks.map((check) =>
              isOpen(check) ? { ...check, state, ...(signal.aborted ? {} : { reason }) } : check,
            ),
          ).catch(() => {});
    }
  }

  async #runAttempt(
    c: AttemptChecksContext,
    rows: AttemptRows,
    sessionId: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, base } = c.state;
    const session = findOpenSession(c.state, sessionId);
    const file = await this.#host.checks.find(id, base?.commit ?? "");
    const copy = copyOf(session);
    const tree = await this.#host.snapshot(id, copy);
    for (const check of file?.checks ?? []) {
      signal.throwIfAborted();
      const startedAt = this.#host.ports.clock.now();
      let output = "";
      await this.#change(c, rows, sessionId, { name: check.name, state: "running", tree, startedAt, output });
      const { state, reason } = await this.#host.checks.run({
        ...{ taskId: id, copy, check, variables: file?.variables ?? {}, tree, signal },
        onOutput: async (text) => {
          output = (output + text).slice(-studioLimits.maxAttemptCheckOutput);
        },
      });
      const endedAt = this.#host.ports.clock.now();
      await this.#change(c, rows, sessionId, {
        ...{ name: check.name, state, tree, startedAt, endedAt },
        ...(reason === undefined ? {} : { reason }),
        output: state === "passed" ? "" : output,
      });
    }
  }

  #change(c: AttemptChecksContext, rows: AttemptRows, id: string, next: AttemptCheck): Promise<void> {
    const checks = rows.get(id) ?? [];
    return this.#put(
      ...([c, rows, id] as const),
      checks.map((check) => (check.name === next.name ? next : check)),
    );
  }

  #put(
    c: AttemptChecksContext,
    rows: AttemptRows,
    sessionId: string,
    checks: readonly AttemptCheck[],
  ): Promise<void> {
    rows.set(sessionId, checks);
    c.broadcast("attemptChecksChanged", viewOf(c, rows));
    const row: AttemptRow = { version: 1, sessionId, checks };
    return c.kv.put(prefix + sessionId, JSON.stringify(row));
  }

  #rows(c: AttemptChecksContext): Promise<AttemptRows> {
    c.vars.attemptRows ??= this.#read(c).catch((error: unknown) => {
      c.vars.attemptRows = undefined;
      throw error;
    });
    return c.vars.attemptRows;
  }

  /** What was in progress was ended with the process that ran it. */
  async #read(c: AttemptChecksContext): Promise<AttemptRows> {
    const rows = await c.kv.listPrefix(prefix);
    return new Map(
      rows.map(([, value]) => {
        const { sessionId, checks } = JSON.parse(value) as AttemptRow;
        return [
          sessionId,
          checks.map((check) => (isOpen(check) ? { ...check, state: "interrupted" } : check)),
        ];
      }),
    );
  }
}

function isOpen({ state }: Pick<AttemptCheck, "state">): boolean {
  return state === "waiting" || state === "running";
}

/** Those of attempts among which one can still choose. */
function viewOf(c: AttemptChecksContext, rows: AttemptRows): AttemptChecksView {
  const open = attemptsOf(c.state).map(({ sessionId }) => sessionId);
  return Object.fromEntries([...rows].filter(([id]) => open.includes(id)));
}
