import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { HoldfastError, isErrorCode, isHoldfastError, type Logger } from "@holdfast/core";
import type { EnvironmentView, RepositoryEnvironment } from "../contract.ts";
import type { EnvironmentSource } from "../environments/environment.ts";
import type { EnvironmentBackend } from "../environments/environment-backend.ts";
import type { Environments, PreparedHere } from "../environments/environments.ts";
import type { FailedSteps } from "../environments/failures/failed-steps.ts";
import { nodePaths, type OtherNodes, type SandboxRoute } from "./other-nodes.ts";
import type { UserRepository } from "./repositories.ts";

export interface ClusterEnvironmentsOptions {
  /** Those of this node. */
  readonly environments: Pick<Environments, "source" | "inspect" | "prepare" | "stop"> & {
    readonly failedSteps: Pick<FailedSteps, "openTerminal" | "route">;
  };
  /** Id of this node; undefined on a single node. */
  readonly node: string | undefined;
  /** True if this node runs tasks. */
  readonly servesTasks: boolean;
  readonly others: Pick<OtherNodes, "ask" | "askAll" | "failedStep" | "ids" | "serving">;
  /** The record of an environment, which names the node that prepares it. */
  readonly actor: (id: string) => Pick<EnvironmentBackend, "preparedBy" | "latest">;
  readonly log: Pick<Logger, "warn">;
}

/** The environment of a repository on one node. */
interface NodeEnvironment extends PreparedHere {
  readonly node: string | undefined;
  readonly latest: EnvironmentView | undefined;
}

/** A question to the node that has a repository, or that prepares an environment. */
interface Question {
  readonly path: string;
  /** What the repository asks for, where another node has it. */
  readonly source?: EnvironmentSource;
  readonly organization: string;
  readonly again: boolean;
  readonly id: string;
}

/**
 * Environments: those of this node, and through requests to the other nodes those of theirs. A repository is read where it
 * is, and its environment prepared where tasks run.
 */
export class ClusterEnvironments {
  readonly #options: ClusterEnvironmentsOptions;

  constructor(options: ClusterEnvironmentsOptions) {
    this.#options = options;
  }

  /**
   * What the last commit of a repository asks for, with the newest preparation of the nodes that run tasks. Throws
   * `repository.*`, `environment.elsewhere`.
   */
  async inspect(path: string, organization: string): Promise<RepositoryEnvironment> {
    const source = await this.#source(path);
    const nodes = this.#preparing(source);
    if (source.found === undefined || nodes.length === 0) return describe(source);
    const { node, latest, ...prepared } = await this.#newest(source, organization, nodes);
    return {
      ...describe(source, prepared),
      ...(node === undefined ? {} : { preparedBy: node }),
      ...(latest === undefined ? {} : { latest }),
    };
  }

  /**
   * As `Environments.prepare`, on every node that runs tasks, since any of them may get the next one. Returns the id of the
   * one that {@link inspect} shows. A node that cannot be asked prepares for its first task. Throws `repository.*`,
   * `environment.elsewhere` too.
   */
  async prepare(path: string, organization: string, again: boolean): Promise<string> {
    const source = await this.#source(path);
    const nodes = this.#preparing(source);
    if (source.found === undefined) return this.#options.environments.prepare(source, organization, again);
    if (nodes.length === 0) {
      const message = "No node that runs tasks can be reached. Start one, and try again.";
      throw new HoldfastError("environment", "elsewhere", message, { statusCode: 503 });
    }
    const { node: shown } = await this.#newest(source, organization, nodes);
    const question = { source, organization, again };
    const id = this.#isHere(shown)
      ? await this.#options.environments.prepare(source, organization, again)
      : (await this.#ask<{ readonly id: string }>(shown, "prepare", question)).id;
    await this.#prepareAt(
      nodes.filter((node) => node !== shown),
      question,
    );
    return id;
  }

  async #prepareAt(
    nodes: readonly (string | undefined)[],
    question: Pick<Question, "organization" | "again"> & { readonly source: EnvironmentSource },
  ): Promise<void> {
    const { environments, others, log } = this.#options;
    const elsewhere = nodes.flatMap((node) => (node === undefined || this.#isHere(node) ? [] : [node]));
    const isHere = elsewhere.length < nodes.length;
    const failed = (node: string | undefined, error?: unknown) =>
      log.warn("a node did not begin to prepare an environment: it does for its first task", {
        ...{ node, repository: question.source.repository.path, error },
      });
    const [{ unanswered }] = await Promise.all([
      others.askAll(elsewhere, `${nodePaths.environment}prepare`, question),
      isHere &&
        environments
          .prepare(question.source, question.organization, question.again)
          .catch((error: unknown) => failed(this.#options.node, error)),
    ]);
    for (const node of unanswered) failed(node);
  }

  /** What the last commit of a known repository asks for. Throws `repository.*`, `environment.elsewhere`. */
  async sourceOf({ path, node }: UserRepository): Promise<EnvironmentSource> {
    if (this.#isHere(node)) return this.#options.environments.source(path);
    return this.#ask<EnvironmentSource>(node, "source", { path });
  }

  /** Ends a running preparation at its node. Throws `environment.elsewhere`. */
  async stop(id: string, node: string | undefined): Promise<void> {
    if (this.#isHere(node)) await this.#options.environments.stop(id);
    else await this.#ask(node, "stop", { id });
  }

  /** Opens a terminal on a failed step. Resolves with the id of the process. As `FailedSteps.openTerminal`. */
  async openTerminal(id: string): Promise<string> {
    const node = await this.#options.actor(id).preparedBy();
    if (this.#isHere(node)) return this.#options.environments.failedSteps.openTerminal(id);
    return (await this.#ask<{ readonly process: string }>(node, "terminal", { id })).process;
  }

  /** The way to the sandbox on a failed step. Undefined if none runs on this node; another node says so itself. */
  async failedStep(id: string): Promise<SandboxRoute | undefined> {
    const here = this.failedStepHere(id);
    if (here !== undefined) return here;
    const node = await this.#options.actor(id).preparedBy();
    if (this.#isHere(node)) return undefined;
    if (!this.#options.others.ids.includes(node)) throw unreachable(node);
    return this.#options.others.failedStep(node, id);
  }

  failedStepHere(id: string): SandboxRoute | undefined {
    return this.#options.environments.failedSteps.route(id);
  }

  /** Answers another node. Throws `gateway.not_found`, and what the operation throws. */
  async answer(operation: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { environments } = this.#options;
    const { path, source, organization, again, id } = (await json(request)) as Question;
    const send = (answer: object) => void response.end(JSON.stringify(answer));
    // Nodes of earlier releases ask with the path alone.
    const asked = async () => source ?? (await environments.source(path));
    switch (operation) {
      case "source":
        return send(await environments.source(path));
      case "inspect": {
        const known = await asked();
        return send(describe(known, environments.inspect(known, organization)));
      }
      case "prepare":
        return send({ id: await environments.prepare(await asked(), organization, again) });
      case "stop":
        await environments.stop(id);
        return send({});
      case "terminal":
        return send({ process: await environments.failedSteps.openTerminal(id) });
      default:
        throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
    }
  }

  /** Records of earlier versions name no node. */
  #isHere(node: string | undefined): node is undefined {
    return node === undefined || node === this.#options.node;
  }

  /** From the node that has the repository: this one is asked first. */
  async #source(path: string): Promise<EnvironmentSource> {
    try {
      return await this.#options.environments.source(path);
    } catch (error) {
      const node = isErrorCode(error, "environment", "elsewhere") ? nodeOf(error) : undefined;
      if (node === undefined) throw error;
      return this.#ask<EnvironmentSource>(node, "source", { path });
    }
  }

  /** The nodes that run tasks, that with the repository first; a single node has no name. */
  #preparing({ repository }: EnvironmentSource): readonly (string | undefined)[] {
    const { node, servesTasks, others } = this.#options;
    if (node === undefined) return [undefined];
    const rank = (id: string) => `${id === repository.node ? 0 : 1} ${id}`;
    const nodes = [...(servesTasks ? [node] : []), ...others.serving("task")];
    return nodes.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }

  /**
   * The environment that is being prepared, so that it can be watched and stopped, or was prepared last; the first node's
   * if none was.
   */
  async #newest(
    source: EnvironmentSource,
    organization: string,
    nodes: readonly (string | undefined)[],
  ): Promise<NodeEnvironment> {
    const { environments, others, actor } = this.#options;
    const asked = nodes.filter((node) => node !== undefined && !this.#isHere(node)) as readonly string[];
    const question = { source, organization } satisfies Partial<Question>;
    const { answers } = await others.askAll<Partial<PreparedHere>>(
      asked,
      `${nodePaths.environment}inspect`,
      question,
    );
    const known = new Map<string | undefined, Partial<PreparedHere> | undefined>(
      answers.map(({ node, answer }) => [node, answer]),
    );
    for (const node of nodes)
      if (this.#isHere(node)) known.set(node, environments.inspect(source, organization));
    const found = await Promise.all(
      nodes.map(async (node): Promise<readonly NodeEnvironment[]> => {
        const { id, isPrepared = false } = known.get(node) ?? {};
        if (id === undefined) return [];
        return [{ node, id, isPrepared, latest: await actor(id).latest() }];
      }),
    );
    const isRunning = ({ latest }: NodeEnvironment) => Number(latest?.status === "preparing");
    const startedAt = ({ latest }: NodeEnvironment) => latest?.startedAt ?? 0;
    const [newest] = found
      .flat()
      .toSorted((a, b) => isRunning(b) - isRunning(a) || startedAt(b) - startedAt(a));
    if (newest === undefined) throw unreachable(String(asked[0]));
    return newest;
  }

  async #ask<Answer>(node: string, operation: string, question: Partial<Question>): Promise<Answer> {
    try {
      return await this.#options.others.ask<Answer>(node, nodePaths.environment + operation, question);
    } catch (error) {
      throw isHoldfastError(error) && error.group === "cluster" ? unreachable(node, error) : error;
    }
  }
}

/** A source for people, with its environment on one node. */
function describe(
  { repository: { path: repository }, found, problem }: EnvironmentSource,
  prepared?: PreparedHere,
): RepositoryEnvironment {
  if (problem !== undefined) {
    const { metadata, ...error } = problem;
    const { file = "" } = Object(metadata) as { readonly file?: string };
    return { repository, source: file, problem: error };
  }
  if (found === undefined) return { repository };
  const { source, steps, services, notSupported, inputs } = found.environment;
  return {
    ...{ repository, source, inputs, notSupported, ...prepared },
    steps: steps.map(({ name }) => name),
    ...(services.length === 0 ? {} : { services: services.map(({ name }) => name) }),
  };
}

function nodeOf(error: unknown): string | undefined {
  const { node } = Object((error as HoldfastError).metadata) as { readonly node?: unknown };
  return typeof node === "string" ? node : undefined;
}

function unreachable(node: string, cause?: unknown): HoldfastError {
  const message = `The environment is on node ${node}, which cannot be reached. Start that node, and try again.`;
  return new HoldfastError("environment", "elsewhere", message, {
    statusCode: 503,
    cause,
    metadata: { node },
  });
}
