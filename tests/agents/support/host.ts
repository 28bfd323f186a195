import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "@holdfast/core";
import type {
  AppliedBranch,
  CreateTaskInput,
  DiffView,
  SessionEvent,
  SessionPage,
  StudioOptions,
  TaskSummary,
  TaskView,
} from "@holdfast/studio";
import { compileCache, ownImports } from "@holdfast/testing/own-imports";
import type { HostMessage, HostRequest } from "./host-protocol.ts";

type RequestBody = HostRequest extends infer Each
  ? Each extends HostRequest
    ? Omit<Each, "id">
    : never
  : never;

/** Waits fail loudly after this long; no wait is ever expected to take it. */
const DEADLINE_MS = 180_000;

/** The Studio in a process of its own, which a test can kill in the middle of anything. */
export class Host {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #views = new Map<string, TaskView>();
  readonly #events = new EventEmitter();
  readonly #gone = new AbortController();
  #lastId = 0;
  #output = "";

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.#events.setMaxListeners(100);
    child.on("message", (message: HostMessage) => this.#receive(message));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        this.#output += text;
      });
    }
    child.once("exit", () => {
      const gone = new Error(`the host has exited; it printed:\n${this.#output.slice(-4000)}`);
      for (const answer of this.#answers.values()) answer.reject(gone);
      this.#answers.clear();
      this.#gone.abort(gone);
    });
  }

  static async start(options: StudioOptions): Promise<Host> {
    const main = fileURLToPath(new URL("./host-main.ts", import.meta.url));
    const { PATH, HOLDFAST_JAIL_PROOF_FILE } = process.env;
    const child = fork(main, [], {
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { PATH, HOLDFAST_JAIL_PROOF_FILE, ...compileCache },
      execArgv: ["--disable-warning=ExperimentalWarning", ...ownImports],
    });
    if (child.pid === undefined) throw new Error("the host did not start");
    const host = new Host(child, child.pid);
    try {
      await host.#request({ type: "start", options });
    } catch (error) {
      await host.kill();
      throw error;
    }
    return host;
  }

  /** Everything that the process has printed. */
  get output(): string {
    return this.#output;
  }

  async createTask(input: CreateTaskInput): Promise<TaskHandle> {
    const created = await this.#request({ type: "create", input });
    return await this.task((created as TaskSummary).id);
  }

  /** A task, watched from now on. */
  async task(taskId: string): Promise<TaskHandle> {
    await this.#request({ type: "watch", taskId });
    return new TaskHandle(this, taskId);
  }

  async callTask(
    taskId: string,
    method: Extract<HostRequest, { type: "task" }>["method"],
    ...args: readonly string[]
  ): Promise<unknown> {
    return await this.#request({ type: "task", taskId, method, args });
  }

  /** The newest view of a task that satisfies `test`, now or as soon as there is one. */
  async until(taskId: string, what: string, test: (view: TaskView) => boolean): Promise<TaskView> {
    const signal = AbortSignal.any([AbortSignal.timeout(DEADLINE_MS), this.#gone.signal]);
    let view = (await this.callTask(taskId, "get")) as TaskView;
    while (!test(view)) {
      const newer = this.#views.get(taskId);
      if (newer !== undefined && newer.revision > view.revision) {
        view = newer;
        continue;
      }
      await once(this.#events, taskId, { signal }).catch((cause: unknown) => {
        const state = JSON.stringify({ status: view.status, approvals: view.approvals, error: view.error });
        throw new Error(`waited in vain for ${what}; the task is ${state}\n${this.#output.slice(-4000)}`, {
          cause,
        });
      });
    }
    return view;
  }

  /** The whole log of a session. Fails when its sequence has a gap. */
  async log(sessionId: string): Promise<readonly SessionEvent[]> {
    const events: SessionEvent[] = [];
    for (;;) {
      const after = events.at(-1)?.seq ?? 0;
      const page = (await this.#request({ type: "events", sessionId, after })) as SessionPage;
      events.push(...page.events);
      if (page.events.length === 0 || events.length >= page.head) break;
    }
    for (const [index, event] of events.entries()) {
      if (event.seq !== index + 1) throw new Error(`event ${index + 1} has the sequence ${event.seq}`);
    }
    return events;
  }

  /** Ends the process as `kill -9` does. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      await this.#request({ type: "close" });
    await this.kill();
  }

  async #request(body: RequestBody): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(id, answer);
    this.#child.send({ ...body, id });
    return await answer.promise;
  }

  #receive(message: HostMessage): void {
    if (message.type === "changed") {
      this.#views.set(message.view.id, message.view);
      this.#events.emit(message.view.id);
      return;
    }
    const answer = this.#answers.get(message.id);
    this.#answers.delete(message.id);
    if (message.type === "answer") answer?.resolve(message.value);
    else answer?.reject(new HoldfastError(message.group, message.code, message.message));
  }
}

export type Decision = "allow" | "deny";

/** One task, as a person works with it. */
export class TaskHandle {
  readonly id: string;
  readonly #host: Host;

  constructor(host: Host, id: string) {
    this.id = id;
    this.#host = host;
  }

  /** Answers approvals until the turn ends. */
  async finish(decide: (title: string) => Decision): Promise<FinishedTurn> {
    const answered = new Set<string>();
    for (;;) {
      const view = await this.#host.until(this.id, "the end of the turn", (candidate) => {
        const open = candidate.approvals.some((approval) => !answered.has(approval.id));
        return open || ["idle", "failed", "stopped"].includes(candidate.status);
      });
      const approval = view.approvals.find(({ id }) => !answered.has(id));
      if (approval === undefined) return { view, approvals: answered.size };
      const wanted = decide(approval.title) === "allow" ? "allow_once" : "reject_once";
      const option = approval.options.find(({ kind }) => kind === wanted);
      if (option === undefined) throw new Error(`no ${wanted} in ${JSON.stringify(approval.options)}`);
      answered.add(approval.id);
      await this.#answer(approval.id, option.id);
    }
  }

  /** An agent may withdraw its question in the moment in which it is answered. */
  async #answer(approval: string, option: string): Promise<void> {
    try {
      await this.#host.callTask(this.id, "answer", approval, option);
    } catch (error) {
      const { approvals } = await this.get();
      if (approvals.some(({ id }) => id === approval)) throw error;
    }
  }

  async get(): Promise<TaskView> {
    return (await this.#host.callTask(this.id, "get")) as TaskView;
  }

  /** Sends a prompt and waits until the turn has started, so that `finish` waits for its end. */
  async prompt(text: string): Promise<void> {
    const before = (await this.get()).revision;
    await this.#host.callTask(this.id, "prompt", text);
    await this.#host.until(
      this.id,
      "the turn to begin",
      (view) => view.revision > before && view.status !== "preparing",
    );
  }

  async stop(): Promise<void> {
    await this.#host.callTask(this.id, "stop");
  }

  async diff(): Promise<DiffView> {
    return (await this.#host.callTask(this.id, "diff")) as DiffView;
  }

  async apply(branch: string): Promise<AppliedBranch> {
    return (await this.#host.callTask(this.id, "apply", branch)) as AppliedBranch;
  }

  async log(): Promise<readonly SessionEvent[]> {
    return await this.#host.log((await this.get()).sessionId);
  }
}

export interface FinishedTurn {
  readonly view: TaskView;
  /** Approvals that were answered. */
  readonly approvals: number;
}
