import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { HoldfastError, isHoldfastError, type Logger, toProblem } from "@holdfast/core";
import { nodePaths, type SandboxRoute } from "../cluster/other-nodes.ts";
import type { RepositoryRoutes } from "../cluster/repositories.ts";
import type { AgentChoice } from "../contract.ts";
import { proxyToSandbox, sandboxNotRunning } from "./sandbox-proxy.ts";
import { connectToSandbox, sendUpgradeError } from "./sandbox-upgrade.ts";

export interface NodeRoutesOptions {
  /** The sandbox of a task that runs here. */
  readonly sandbox: (taskId: string) => SandboxRoute | undefined;
  readonly repositories: RepositoryRoutes;
  readonly agents: () => Promise<readonly AgentChoice[]>;
  readonly log: Logger;
}

/** Answers requests of this Studio's other nodes. They have checked who asks. */
export function createNodeRoutes({ sandbox, repositories, agents, log }: NodeRoutesOptions) {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? "/", "http://node");
    const task = readSandbox(pathname);
    if (task !== undefined) return proxyToSandbox(sandbox(task.id), task.path, request, response);
    if (pathname === nodePaths.agents) return void response.end(JSON.stringify(await agents()));
    if (pathname.startsWith(nodePaths.repository))
      return repositories.answer(pathname.slice(nodePaths.repository.length), request, response);
    throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
  };
  return {
    request(request: IncomingMessage, response: ServerResponse): void {
      answer(request, response).catch((error: unknown) => {
        if (response.headersSent) return response.destroy();
        if (!isHoldfastError(error)) log.error("a request of another node failed", { error });
        const problem = isHoldfastError(error)
          ? error
          : new HoldfastError("internal", "internal_error", "An internal error occurred on another node");
        response.writeHead(problem.statusCode, { "content-type": "application/problem+json" });
        response.end(JSON.stringify(toProblem(problem)));
      });
    },
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      const { pathname, search } = new URL(request.url ?? "/", "http://node");
      const task = readSandbox(pathname);
      socket.on("error", () => {});
      const route = task === undefined ? undefined : sandbox(task.id);
      const connected =
        task === undefined || route === undefined
          ? Promise.reject(sandboxNotRunning())
          : connectToSandbox(route, `${task.path}${search}`, request, socket, head);
      connected.catch((error: unknown) => {
        sendUpgradeError(socket, isHoldfastError(error) ? error : sandboxNotRunning(error));
      });
    },
  };
}

function readSandbox(path: string): { readonly id: string; readonly path: string } | undefined {
  const [, id, rest] = /^\/node\/sandbox\/([\w-]+)(\/.*)$/.exec(path) ?? [];
  return id === undefined || rest === undefined ? undefined : { id, path: rest };
}
