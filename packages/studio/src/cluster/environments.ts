import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import type { RepositoryEnvironment } from "../contract.ts";
import type { EnvironmentBackend } from "../environments/environment-backend.ts";
import type { Environments } from "../environments/environments.ts";
import type { FailedSteps } from "../environments/failures/failed-steps.ts";
import { nodePaths, type OtherNodes, type SandboxRoute } from "./other-nodes.ts";

export interface ClusterEnvironmentsOptions {
  /** Those of this node. */
  readonly environments: Pick<Environments, "inspect" | "prepare" | "stop"> & {
    readonly failedSteps: Pick<FailedSteps, "openTerminal" | "route">;
  };
  /** Id of this node; undefined on a single node. */
  readonly node: string | undefined;
  readonly others: Pick<OtherNodes, "ask" | "failedStep" | "ids">;
  /** The record of an environment, which names the node that prepares it. */
  readonly actor: (id: string) => Pick<EnvironmentBackend, "preparedBy">;
}

/** A question to the node that prepares an environment. */
interface Question {
  readonly path: string;
  readonly organization: string;
  readonly again: boolean;
  readonly id: string;
}

/** Environments: those of this node, and through requests to the nodes that prepare them those of the others. */
export class ClusterEnvironments {
  readonly #options: ClusterEnvironmentsOptions;

  constructor(options: ClusterEnvironmentsOptions) {
    this.#options = options;
  }

  /** What the last commit of a repository asks for. Throws `repository.*`, `environment.elsewhere`. */
  inspect(path: string, organization: string): Promise<RepositoryEnvironment> {
    return this.#whereItIs(
      () => this.#options.environments.inspect(path, organization),
      (node) => this.#ask(node, "inspect", { path, organization }),
    );
  }

  /** As `Environments.prepare`. Throws `environment.elsewhere` too. */
  prepare(path: string, organization: string, again: boolean): Promise<string> {
    return this.#whereItIs(
      () => this.#options.environments.prepare(path, organization, again),
      async (node) => {
        const { id } = await this.#ask<{ readonly id: string }>(node, "prepare", {
          ...{ path, organization, again },
        });
        return id;
      },
    );
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
    const { path, organization, again, id } = (await json(request)) as Question;
    const send = (answer: object) => void response.end(JSON.stringify(answer));
    switch (operation) {
      case "inspect":
        return send(await environments.inspect(path, organization));
      case "prepare":
        return send({ id: await environments.prepare(path, organization, again) });
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

  /** Asks the node that has a repository. */
  async #whereItIs<Result>(
    here: () => Promise<Result>,
    there: (node: string) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await here();
    } catch (error) {
      const node = isErrorCode(error, "environment", "elsewhere") ? nodeOf(error) : undefined;
      if (node === undefined) throw error;
      return await there(node);
    }
  }

  async #ask<Answer>(node: string, operation: string, question: Partial<Question>): Promise<Answer> {
    try {
      return await this.#options.others.ask<Answer>(node, nodePaths.environment + operation, question);
    } catch (error) {
      throw isHoldfastError(error) && error.group === "cluster" ? unreachable(node, error) : error;
    }
  }
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
