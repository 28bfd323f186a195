import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import type { ActorTarget } from "@holdfast/client";
import { fromWireError, HoldfastError } from "@holdfast/core";
import type { NodeConnections } from "@holdfast/server";
import { studioLimits } from "../limits.ts";

/** A way to the sandbox server of a task. */
export interface SandboxRoute {
  readonly agent: Agent;
  /** Goes before the path of each request. */
  readonly prefix: string;
  /**
   * Keeps the sandbox while a terminal is open, until the function that it returns is called. The node that runs the
   * task has it.
   */
  readonly hold?: () => () => void;
}

/** Paths of requests between nodes of a Studio. */
export const nodePaths = {
  sandbox: "/node/sandbox/",
  sandboxes: "/node/sandboxes",
  failedStep: "/node/failed-step/",
  repository: "/node/repository/",
  environment: "/node/environment/",
  agents: "/node/agents",
  organizationFiles: "/node/organization-files",
} as const;

/** A request to another node. */
export interface NodeRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** What several nodes answer to one question. */
export interface NodeAnswers<Answer> {
  readonly answers: readonly { readonly node: string; readonly answer: Answer }[];
  /** Ids of the nodes that did not answer in time, in order. */
  readonly unanswered: readonly string[];
}

/** Ids of the nodes that run. */
export interface RunningNodes {
  readonly own: string;
  readonly others: readonly string[];
}

/** This Studio on other nodes: requests between its processes, which only they can send. */
export class OtherNodes {
  readonly #nodes: () => NodeConnections | undefined;

  readonly #answerMs: number;

  /** `nodes` is undefined on a single node, and before the start. */
  constructor(nodes: () => NodeConnections | undefined, answerMs: number = studioLimits.nodeAnswerMs) {
    this.#nodes = nodes;
    this.#answerMs = answerMs;
  }

  /** Ids of the other nodes that run this actor. */
  serving(actor: string): readonly string[] {
    const others = this.#nodes()?.others ?? [];
    return others.filter(({ serves }) => serves.includes(actor)).map(({ id }) => id);
  }

  /** This node and those that run beside it; undefined on a single node, and before the start. */
  get running(): RunningNodes | undefined {
    const nodes = this.#nodes();
    return nodes === undefined ? undefined : { own: nodes.id, others: this.ids };
  }

  /** Ids of all other nodes. */
  get ids(): readonly string[] {
    return (this.#nodes()?.others ?? []).map(({ id }) => id);
  }

  /** The way to a task's sandbox through the node that runs it; undefined if that is this node. */
  sandbox(taskId: string): SandboxRoute | undefined {
    const nodes = this.#nodes();
    const target = { type: "get", name: "task", key: [taskId] } as const;
    if (nodes === undefined || nodes.isHere(target)) return undefined;
    return { agent: new NodeAgent(nodes, target), prefix: `${nodePaths.sandbox}${taskId}` };
  }

  /** The way to the sandbox on a failed step of an environment, through the node that prepares it. */
  failedStep(node: string, environment: string): SandboxRoute | undefined {
    const nodes = this.#nodes();
    if (nodes === undefined) return undefined;
    return { agent: new NodeAgent(nodes, { node }), prefix: `${nodePaths.failedStep}${environment}` };
  }

  /** Sends a request to a node. Throws the error that it answers, `cluster.node_lost`, `cluster.unknown_node`. */
  async send(node: string, request: NodeRequest): Promise<IncomingMessage> {
    const nodes = this.#nodes();
    if (nodes === undefined)
      throw new HoldfastError("cluster", "unknown_node", `No node with the id "${node}" is running`);
    const response = await answerTo(new NodeAgent(nodes, { node }), request);
    if (response.statusCode === 200) return response;
    const problem = JSON.parse(await text(response)) as { readonly detail?: string };
    throw fromWireError({ ...problem, message: problem.detail }, response.statusCode ?? 500);
  }

  /** {@link send} for a JSON answer. */
  async ask<Answer>(node: string, path: string, question: unknown, signal?: AbortSignal): Promise<Answer> {
    const body = JSON.stringify(question);
    const response = await this.send(node, { path, body, ...(signal === undefined ? {} : { signal }) });
    return JSON.parse(await text(response)) as Answer;
  }

  /** Asks nodes at once. Those that refuse, cannot be reached or do not answer in time are named. */
  async askAll<Answer>(
    nodes: readonly string[],
    path: string,
    question: unknown,
  ): Promise<NodeAnswers<Answer>> {
    const signal = AbortSignal.timeout(this.#answerMs);
    const unanswered: string[] = [];
    const asked = nodes.map(async (node) => {
      try {
        return [{ node, answer: await this.ask<Answer>(node, path, question, signal) }];
      } catch {
        unanswered.push(node);
        return [];
      }
    });
    const answers = (await Promise.all(asked)).flat();
    return { answers, unanswered: unanswered.sort() };
  }
}

/** Each request has a connection of its own, which is one stream of the link between the nodes. */
class NodeAgent extends Agent {
  readonly #nodes: NodeConnections;
  readonly #to: ActorTarget | { readonly node: string };

  constructor(nodes: NodeConnections, to: ActorTarget | { readonly node: string }) {
    super({ keepAlive: false });
    this.#nodes = nodes;
    this.#to = to;
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#nodes.connect(this.#to).then(
      (stream) =>
        callback?.(stream === undefined ? new Error("This node serves it") : null, stream as Duplex),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

async function answerTo(
  agent: Agent,
  { path, headers = {}, body, signal }: NodeRequest,
): Promise<IncomingMessage> {
  const answered = Promise.withResolvers<IncomingMessage>();
  const outgoing = httpRequest({
    agent,
    host: "node",
    path,
    method: "POST",
    headers: { ...headers, host: "node" },
    ...(signal === undefined ? {} : { signal }),
  });
  outgoing.once("response", answered.resolve);
  outgoing.once("error", answered.reject);
  if (body === undefined || typeof body === "string") outgoing.end(body);
  else {
    try {
      for await (const piece of body) {
        if (!outgoing.write(piece)) await new Promise((resolve) => outgoing.once("drain", resolve));
      }
      outgoing.end();
    } catch (error) {
      outgoing.destroy(error as Error);
    }
  }
  return answered.promise;
}
