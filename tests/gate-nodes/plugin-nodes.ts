/** Gates with the built-in plugins in processes of their own, over one PostgreSQL database. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import type { ToolOutcome } from "@holdfast/gate";
import type { EventEnvelope } from "@holdfast/gate/plugin";
import { ownImports } from "@holdfast/testing/own-imports";
import { startPostgres } from "@holdfast/testing/postgres";
import { eventually, newKey, type ToolRequest, temporaryDirectory } from "./shared-state.ts";

interface Reply {
  readonly id?: number;
  readonly outcome?: ToolOutcome;
  readonly error?: string;
  readonly event?: EventEnvelope;
}

export interface NodeOptions {
  readonly dataDir?: string;
  /** Configuration by plugin name. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Nodes of one cluster. */
export class PluginNodes {
  /** Events that any of the nodes took, in the order in which this process hears of them. */
  readonly events: EventEnvelope[] = [];
  readonly #test: TestContext;
  readonly #store: string;
  readonly #key = newKey();
  /** The latest process of each name. */
  readonly #children = new Map<string, ChildProcess>();

  private constructor(t: TestContext, store: string) {
    this.#test = t;
    this.#store = store;
  }

  static async open(t: TestContext): Promise<PluginNodes> {
    const postgres = await startPostgres();
    t.after(() => postgres.stop());
    return new PluginNodes(t, postgres.createDatabase());
  }

  async start(
    name: string,
    { dataDir = temporaryDirectory(), config = {} }: NodeOptions = {},
  ): Promise<PluginNode> {
    const child = fork(
      new URL("plugin-node.ts", import.meta.url).pathname,
      [dataDir, JSON.stringify(config)],
      {
        execArgv: [...ownImports],
        env: {
          ...process.env,
          HOLDFAST_STORE: this.#store,
          HOLDFAST_NODE: name,
          HOLDFAST_ADVERTISE: "http://127.0.0.1:0",
          HOLDFAST_CLUSTER_SECRET: "the secret of these tests",
          HOLDFAST_CLUSTER_KEY: this.#key,
        },
      },
    );
    this.#test.after(() => child.kill("SIGKILL"));
    this.#children.set(name, child);
    const exited = once(child, "exit").then(() =>
      Promise.reject(new Error(`the node ${name} did not start`)),
    );
    child.on("message", ({ event }: Reply) => {
      if (event !== undefined) this.events.push(event);
    });
    const ready = new Promise<void>((resolve) => {
      child.on("message", (message) => {
        if (message === "ready") resolve();
      });
    });
    await Promise.race([ready, exited]);
    exited.catch(() => {});
    return new PluginNode(child);
  }

  /** Starts a killed node again, as soon as its session of before has expired. */
  async restart(name: string, options: NodeOptions): Promise<PluginNode> {
    let node: PluginNode | undefined;
    await eventually(`the start of ${name}`, async () => {
      node = await this.start(name, options).catch(() => undefined);
      return node !== undefined;
    });
    if (node === undefined) throw new Error(`The node ${name} did not start`);
    return node;
  }

  /** Kills a node, also while it starts. */
  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined) throw new Error(`There is no node ${name}`);
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** The different runs of the schedules of a group that began. */
  runs(group: string): readonly string[] {
    const own = this.events.filter((event) => event.group === group && event.topic === "task.triggered");
    return [...new Set(own.map(({ payload }) => `${payload["schedule"]} ${payload["run"]}`))];
  }

  /** Waits until this many different runs of a group have begun. */
  untilRuns(group: string, count: number): Promise<void> {
    return eventually(`${count} runs of ${group}`, () => this.runs(group).length >= count);
  }
}

/** One of them. */
export class PluginNode {
  readonly #child: ChildProcess;
  #last = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Calls a tool; an error of the plugin fails the test. */
  async call(
    tool: string,
    args: Record<string, unknown> = {},
    more: Omit<ToolRequest, "tool" | "args"> = {},
  ) {
    const outcome = await this.outcome({ tool, args, ...more });
    assert.equal(outcome.ok, true, JSON.stringify(outcome));
    return JSON.stringify(outcome);
  }

  async outcome(request: ToolRequest): Promise<ToolOutcome> {
    const id = ++this.#last;
    const answered = new Promise<Reply>((resolve) => {
      const take = (reply: Reply) => {
        if (reply.id !== id) return;
        this.#child.off("message", take);
        resolve(reply);
      };
      this.#child.on("message", take);
    });
    this.#child.send({ id, request });
    const { outcome, error } = await answered;
    if (outcome === undefined) throw new Error(error);
    return outcome;
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
