/** The checks of a task, kept by its actor: which ran on which state of the files, and how they ended. */
import { HoldfastError, isHoldfastError, type Ports, uuidv4 } from "@holdfast/core";
import type { CheckFile, Checks } from "../../checks/checks.ts";
import type { FilesContext, TaskFiles } from "../../cluster/task-files.ts";
import type {
  CheckOutput,
  CheckRun,
  CheckRunState,
  ChecksChange,
  ChecksView,
  CheckView,
} from "../../contract/checks.ts";
import type { TaskError } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { isInTurn } from "../task-activity.ts";
import type { TaskState } from "../task-state.ts";
import { checkPrompt } from "./prompt.ts";
import { type CheckRuns, type ChecksKv, ChecksStore, isOpen } from "./store.ts";

/** What a task keeps in memory of its checks. */
export interface ChecksVars {
  checkRuns?: Promise<CheckRuns> | undefined;
  checkFile?: Promise<CheckFile | undefined> | undefined;
  /** What runs checks at the moment. */
  /** Aborts when this instance of the actor stops. The signal of an action ends with the action. */
  stopping?: AbortSignal | undefined;
  checking?: { readonly done: Promise<void>; readonly stop: AbortController } | undefined;
}

/** The part of the actor context that is used here. */
export interface ChecksContext extends FilesContext {
  readonly state: TaskState;
  readonly vars: ChecksVars & FilesContext["vars"];
  readonly kv: ChecksKv;
  readonly broadcast: ((name: "checksChanged", change: ChecksChange) => void) &
    ((name: "checkOutput", output: CheckOutput) => void);
  waitUntil(promise: Promise<unknown>): void;
}

export interface ChecksHost {
  readonly ports: Ports;
  readonly checks: Pick<Checks, "find" | "run" | "isClosing">;
  snapshot(taskId: string): Promise<string>;
}

/** Enqueues a prompt; `beside` runs in the same turn. */
type SendPrompt = (text: string, beside: () => void) => Promise<void>;

export class TaskChecks {
  readonly #host: ChecksHost;
  readonly #files: Pick<TaskFiles, "bring">;
  readonly #store = new ChecksStore();

  constructor(host: ChecksHost, files: Pick<TaskFiles, "bring">) {
    this.#host = host;
    this.#files = files;
  }

  async view(c: ChecksContext): Promise<ChecksView> {
    const runs = await this.#runs(c);
    const revision = c.state.checksRevision ?? 0;
    try {
      const file = await this.#file(c);
      if (file === undefined) return { checks: [], revision };
      const checks = file.checks.map(
        ({ name, run, timeoutMs, afterTurn }): CheckView => ({
          ...{ name, run, timeoutMs, isAfterTurn: afterTurn, runs: runs.get(name) ?? [] },
        }),
      );
      return { source: file.source, checks, revision };
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      return { problem: errorOf(error), checks: [], revision };
    }
  }

  /** Throws `checks.*`, `environment.invalid_file`, `task.not_prepared`. */
  async run(c: ChecksContext, names: readonly string[] | undefined): Promise<ChecksView> {
    if (c.state.base === undefined) {
      const message = "The repository has not been cloned yet. Try again in a moment.";
      throw new HoldfastError("task", "not_prepared", message, { statusCode: 409 });
    }
    const file = await this.#file(c);
    if (file === undefined || file.checks.length === 0) throw noChecks(file?.source);
    const runs = await this.#runs(c);
    const wanted = names ?? file.checks.map(({ name }) => name);
    for (const name of wanted) {
      if (!file.checks.some((check) => check.name === name)) throw unknownCheck(name, file);
    }
    if (isInTurn(c.state)) {
      const message = "The agent is changing files. Run the checks when it has finished.";
      throw new HoldfastError("checks", "agent_working", message, { statusCode: 409 });
    }
    await this.#enqueue(c, runs, wanted);
    return this.view(c);
  }

  /** Runs those that the repository wants after each turn. */
  async afterTurn(c: ChecksContext): Promise<void> {
    const file = await this.#file(c).catch((error: unknown) => {
      // The checks say so to whoever looks at them.
      if (isHoldfastError(error)) return undefined;
      throw error;
    });
    const names = file?.checks.filter(({ afterTurn }) => afterTurn).map(({ name }) => name) ?? [];
    if (names.length === 0 || isInTurn(c.state)) return;
    await this.#enqueue(c, await this.#runs(c), names);
  }

  /** Ends what runs and waits. Resolves when the jail is gone. */
  async stop(c: ChecksContext): Promise<void> {
    const { checking } = c.vars;
    checking?.stop.abort();
    await checking?.done;
  }

  /** Throws `checks.not_failed`, and the errors of a prompt. */
  async send(c: ChecksContext, name: string, sendPrompt: SendPrompt): Promise<void> {
    const runs = await this.#runs(c);
    const check = (await this.#file(c))?.checks.find((each) => each.name === name);
    const [newest] = runs.get(name) ?? [];
    if (check === undefined || newest === undefined || !isFailure(newest)) {
      const message = `The check ${JSON.stringify(name)} has not failed. Run it first.`;
      throw new HoldfastError("checks", "not_failed", message, { statusCode: 409 });
    }
    await sendPrompt(checkPrompt(name, check.run, newest), () => {
      c.waitUntil(this.#change(c, runs, name, newest.id, { sentAt: this.#now() }));
    });
  }

  /** Takes note of the state in which the files are: results of others are stale from now on. */
  async noteTree(c: ChecksContext, tree: string): Promise<void> {
    const runs = await this.#runs(c);
    const writes: Promise<void>[] = [];
    for (const [name, list] of runs) {
      const isFresh = (run: CheckRun) => run.tree === undefined || run.tree === tree;
      if (list.every((run) => isFresh(run) === (run.staleAt === undefined))) continue;
      const next = list.map(({ staleAt, ...run }): CheckRun => {
        return isFresh(run) ? run : { ...run, staleAt: staleAt ?? this.#now() };
      });
      writes.push(this.#put(c, runs, name, next));
    }
    await Promise.all(writes);
  }

  async #enqueue(c: ChecksContext, runs: CheckRuns, names: readonly string[]): Promise<void> {
    const writes = names
      .filter((name) => !runs.get(name)?.some(isOpen))
      .map((name) => {
        const run: CheckRun = {
          ...{ id: uuidv4(this.#host.ports.random), state: "waiting", createdAt: this.#now() },
          ...{ problems: [], output: "", outputEnd: 0 },
        };
        return this.#put(c, runs, name, [run, ...(runs.get(name) ?? [])]);
      });
    if (c.vars.checking === undefined) {
      const stop = new AbortController();
      const instance = c.vars.stopping === undefined ? [] : [c.vars.stopping];
      const done = this.#work(c, runs, AbortSignal.any([stop.signal, ...instance]));
      c.vars.checking = { done, stop };
      void c.keepAwake(done);
    }
    await Promise.all(writes);
  }

  /** Runs what waits, one after the other. Never rejects. */
  async #work(c: ChecksContext, runs: CheckRuns, signal: AbortSignal): Promise<void> {
    try {
      // What was asked for is durable before it runs.
      await c.saveState();
      await this.#files.bring(c);
      const file = await this.#file(c);
      let tree = await this.#host.snapshot(c.state.id);
      await this.noteTree(c, tree);
      for (let next = nextOf(runs); next !== undefined; next = nextOf(runs)) {
        signal.throwIfAborted();
        const { name, run } = next;
        const check = file?.checks.find((each) => each.name === name);
        if (file === undefined || check === undefined) throw unknownCheck(name, file);
        await this.#change(c, runs, name, run.id, { state: "running", tree, startedAt: this.#now() });
        const end = await this.#host.checks.run({
          ...{ taskId: c.state.id, check, variables: file.variables, tree, signal },
          onOutput: (text) => this.#output(c, runs, name, run.id, text),
        });
        const after = await this.#host.snapshot(c.state.id);
        await this.#change(c, runs, name, run.id, {
          ...end,
          endedAt: this.#now(),
          ...(after === tree ? {} : { isMoved: true }),
        });
        tree = after;
        await this.noteTree(c, tree);
      }
      // In the step that has found nothing more: what is asked for from now on starts again.
      c.vars.checking = undefined;
    } catch (error) {
      const ended = this.#endOpen(c, runs, signal, error);
      c.vars.checking = undefined;
      await ended;
    }
  }

  /** Ends what is open, because of a stop, the end of the server, or a jail that could not be started. */
  async #endOpen(c: ChecksContext, runs: CheckRuns, signal: AbortSignal, error: unknown): Promise<void> {
    // The next instance of the actor finds them as interrupted.
    if (c.vars.stopping?.aborted === true) return;
    const isStopped = signal.aborted && !this.#host.checks.isClosing;
    const state: CheckRunState = isStopped
      ? "stopped"
      : this.#host.checks.isClosing
        ? "interrupted"
        : "failed";
    if (state === "failed") this.#host.ports.log.warn("a check could not run", { taskId: c.state.id, error });
    const reason = isHoldfastError(error) ? error.message : "See the server log for the cause.";
    const open = Array.from(runs, ([name, list]) =>
      list.filter(isOpen).map(({ id }) => ({ name, id })),
    ).flat();
    const change = { state, endedAt: this.#now(), ...(state === "failed" ? { reason } : {}) };
    await Promise.all(open.map(({ name, id }) => this.#change(c, runs, name, id, change))).catch(
      (failure: unknown) => {
        this.#host.ports.log.warn("could not record the end of a check", {
          taskId: c.state.id,
          error: failure,
        });
      },
    );
  }

  async #output(c: ChecksContext, runs: CheckRuns, name: string, id: string, text: string): Promise<void> {
    const run = runs.get(name)?.find((each) => each.id === id);
    if (run === undefined) return;
    c.broadcast("checkOutput", { name, runId: id, start: run.outputEnd, text });
    const output = (run.output + text).slice(-studioLimits.maxCheckOutput);
    const next = { ...run, output, outputEnd: run.outputEnd + text.length };
    await this.#store.put(c.kv, runs, name, replaced(runs.get(name) ?? [], next));
  }

  #change(
    c: ChecksContext,
    runs: CheckRuns,
    name: string,
    id: string,
    change: Partial<CheckRun>,
  ): Promise<void> {
    const list = runs.get(name) ?? [];
    const run = list.find((each) => each.id === id);
    return run === undefined
      ? Promise.resolve()
      : this.#put(c, runs, name, replaced(list, { ...run, ...change }));
  }

  #put(c: ChecksContext, runs: CheckRuns, name: string, next: readonly CheckRun[]): Promise<void> {
    const write = this.#store.put(c.kv, runs, name, next);
    const revision = (c.state.checksRevision ?? 0) + 1;
    c.state.checksRevision = revision;
    const shown = (runs.get(name) ?? []).map(({ output: _output, ...run }) => run);
    c.broadcast("checksChanged", { revision, name, runs: shown });
    return write;
  }

  #runs(c: ChecksContext): Promise<CheckRuns> {
    c.vars.checkRuns ??= this.#store.read(c.kv).catch((error: unknown) => {
      c.vars.checkRuns = undefined;
      throw error;
    });
    return c.vars.checkRuns;
  }

  /** The commit never changes, so it is read once. */
  async #file(c: ChecksContext): Promise<CheckFile | undefined> {
    const { base, id } = c.state;
    if (base === undefined) return undefined;
    await this.#files.bring(c);
    c.vars.checkFile ??= this.#host.checks.find(id, base.commit).catch((error: unknown) => {
      c.vars.checkFile = undefined;
      throw error;
    });
    return c.vars.checkFile;
  }

  #now(): number {
    return this.#host.ports.clock.now();
  }
}

function isFailure({ state }: CheckRun): boolean {
  return state === "failed" || state === "timed-out";
}

function replaced(list: readonly CheckRun[], next: CheckRun): readonly CheckRun[] {
  return list.map((each) => (each.id === next.id ? next : each));
}

/** The run that has waited longest. */
function nextOf(runs: CheckRuns): { readonly name: string; readonly run: CheckRun } | undefined {
  const waiting = Array.from(runs, ([name, list]) => ({ name, run: list.find(isOpen) }));
  let first: { name: string; run: CheckRun } | undefined;
  for (const { name, run } of waiting) {
    if (run !== undefined && (first === undefined || run.createdAt < first.run.createdAt))
      first = { name, run };
  }
  return first;
}

function noChecks(source: string | undefined): HoldfastError {
  const where = source ?? ".holdfast/environment.yaml";
  const message = `The repository names no checks. Add "checks" to ${where}, and commit it.`;
  return new HoldfastError("checks", "none", message, { statusCode: 404 });
}

function unknownCheck(name: string, file: CheckFile | undefined): HoldfastError {
  const known = file?.checks.map((check) => check.name).join(", ") ?? "";
  const message = `There is no check ${JSON.stringify(name)}. ${known === "" ? "" : `Known are: ${known}.`}`;
  return new HoldfastError("checks", "not_found", message.trim(), { statusCode: 404 });
}

function errorOf({ group, code, message }: { group: string; code: string; message: string }): TaskError {
  return { group, code, message };
}
