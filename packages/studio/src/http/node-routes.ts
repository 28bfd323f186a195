import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { HoldfastError, isHoldfastError, type Logger, toProblem } from "@holdfast/core";
import type { NodeRouteName } from "../access/route-rules.ts";
import type { OrganizationFiles } from "../cluster/all-nodes/organization-files.ts";
import type { ClusterSandboxes } from "../cluster/all-nodes/sandboxes.ts";
import type { ClusterEnvironments } from "../cluster/environments.ts";
import type { SandboxRoute } from "../cluster/other-nodes.ts";
import type { RepositoryRoutes } from "../cluster/repositories.ts";
import type { AgentChoice } from "../contract.ts";
import { matchNodeRoute, type RouteParams } from "./router.ts";
import { proxyToSandbox, sandboxNotRunning } from "./sandbox-proxy.ts";
import { connectToSandbox, sendUpgradeError, stepSandboxEnded } from "./sandbox-upgrade.ts";

export interface NodeRoutesOptions {
  /** The sandbox of a task that runs here. */
  readonly sandbox: (taskId: string) => SandboxRoute | undefined;
  readonly sandboxes: Pick<ClusterSandboxes, "answer">;
  readonly organizationFiles: Pick<OrganizationFiles, "answer">;
  readonly repositories: RepositoryRoutes;
  readonly environments: Pick<ClusterEnvironments, "answer" | "failedStepHere">;
  readonly agents: () => Promise<readonly AgentChoice[]>;
  readonly log: Logger;
}

type Handler = (call: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: RouteParams;
}) => Promise<void>;

type HttpName = Exclude<NodeRouteName, `UPGRADE ${string}`>;

/** Answers requests of this Studio's other nodes, each with its row in `nodeRouteRules`. The link has checked who asks. */
export function createNodeRoutes(options: NodeRoutesOptions) {
  const { sandbox, sandboxes, organizationFiles, repositories, environments, agents, log } = options;
  const toSandbox: Handler = ({ request, response, params: { task = "", rest = "" } }) =>
    proxyToSandbox(sandbox(task), `/v1/${rest}`, request, response);
  const handlers: Readonly<Record<HttpName, Handler>> = {
    "POST /node/agents": async ({ response }) => void response.end(JSON.stringify(await agents())),
    "POST /node/sandboxes": ({ request, response }) => sandboxes.answer(request, response),
    "POST /node/organization-files": ({ request, response }) => organizationFiles.answer(request, response),
    "POST /node/repository/:operation": ({ request, response, params: { operation = "" } }) =>
      repositories.answer(operation, request, response),
    "POST /node/environment/:operation": ({ request, response, params: { operation = "" } }) =>
      environments.answer(operation, request, response),
    "GET /node/sandbox/:task/v1/*": toSandbox,
    "POST /node/sandbox/:task/v1/*": toSandbox,
    "PUT /node/sandbox/:task/v1/*": toSandbox,
    "PATCH /node/sandbox/:task/v1/*": toSandbox,
    "DELETE /node/sandbox/:task/v1/*": toSandbox,
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? "/", "http://node");
    const { name, params } = matchNodeRoute(request.method ?? "GET", pathname);
    await handlers[name as HttpName]({ request, response, params });
  };
  const connect = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const { pathname, search } = new URL(request.url ?? "/", "http://node");
    const { task = "", environment, process, port } = matchNodeRoute("UPGRADE", pathname).params;
    const route = environment === undefined ? sandbox(task) : environments.failedStepHere(environment);
    if (route === undefined) throw environment === undefined ? sandboxNotRunning() : stepSandboxEnded();
    await connectToSandbox(route, socketPath(process, port, search), request, socket, head);
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
      socket.on("error", () => {});
      const connected = connect(request, socket, head);
      connected.catch((error: unknown) => {
        sendUpgradeError(socket, isHoldfastError(error) ? error : sandboxNotRunning(error));
      });
    },
  };
}

/** The WebSocket of a terminal, of a port, or of the desktop. */
function socketPath(process: string | undefined, port: string | undefined, search: string): string {
  if (port !== undefined) return `/v1/ports/${port}/tunnel`;
  if (process !== undefined) return `/v1/processes/${process}/terminal/ws${search}`;
  return `/v1/desktop/stream/signaling${search}`;
}
