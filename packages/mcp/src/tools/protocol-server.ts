import { HoldfastError, isHoldfastError, version } from "@holdfast/core";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  CallToolRequestSchema,
  ErrorCode,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  type ServerResult,
} from "@modelcontextprotocol/sdk/types.js";
import type { ActorCalls, Target } from "./actor-calls.ts";
import type { ActorResource, ActorTool, Catalog } from "./catalog.ts";
import { resultJson } from "./result.ts";

/** What a protocol server needs to know. */
export interface ServedActor {
  readonly catalog: Catalog;
  readonly target: Target;
  /** Prefix of the addresses of its resources. */
  readonly resourceBase: string;
  readonly instructions: string | undefined;
  readonly calls: ActorCalls;
  /** A signal that also aborts when the client cancels this request. */
  cancellable(requestId: string | number, signal: AbortSignal): { signal: AbortSignal; done(): void };
}

/** Answers one request, whose body was read. The only module with the library, which is bundled into it. */
export async function answer(served: ServedActor, request: Request, body: unknown): Promise<Response> {
  const server = protocolServer(served);
  const transport = new WebStandardStreamableHTTPServerTransport({});
  await server.connect(transport);
  request.signal.addEventListener("abort", () => void server.close(), { once: true });
  return await transport.handleRequest(request, { parsedBody: body });
}

function protocolServer(served: ServedActor): Server {
  const { catalog, target, instructions } = served;
  const server = new Server(
    { name: `holdfast-${target.name}`, version },
    {
      capabilities: {
        ...(catalog.tools.size > 0 ? { tools: {} } : {}),
        ...(catalog.resources.size > 0 ? { resources: {} } : {}),
      },
      ...(instructions === undefined ? {} : { instructions }),
    },
  );
  if (catalog.tools.size > 0) serveTools(server, served);
  if (catalog.resources.size > 0) serveResources(server, served);
  return server;
}

function serveTools(server: Server, { catalog, calls, cancellable }: ServedActor): void {
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [...catalog.tools.values()].map(describeTool),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<ServerResult> => {
    const tool = catalog.tools.get(params.name);
    if (tool === undefined)
      throw protocolError(
        ErrorCode.InvalidParams,
        new HoldfastError("mcp", "unknown_tool", `There is no tool "${params.name}"`),
      );
    const token = params._meta?.progressToken;
    let progress = 0;
    const onItem = (message: string): void => {
      progress += 1;
      if (token === undefined) return;
      const update = { progressToken: token, progress, message };
      // A client that has left needs no progress.
      void extra
        .sendNotification({ method: "notifications/progress", params: update })
        .catch(() => undefined);
    };
    const running = cancellable(extra.requestId, extra.signal);
    try {
      return toolResult(tool, await calls.call(tool, params.arguments, running.signal, onItem));
    } catch (error) {
      return toolError(error);
    } finally {
      running.done();
    }
  });
}

function describeTool({ name, about, inputSchema, outputSchema }: ActorTool) {
  const { title, description, readOnly, destructive, idempotent } = about;
  return {
    name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    inputSchema,
    ...(outputSchema === undefined ? {} : { outputSchema }),
    annotations: {
      ...(readOnly === undefined ? {} : { readOnlyHint: readOnly }),
      ...(destructive === undefined ? {} : { destructiveHint: destructive }),
      ...(idempotent === undefined ? {} : { idempotentHint: idempotent }),
    },
  };
}

function toolResult(tool: ActorTool, result: unknown): ServerResult {
  if (result === undefined) return { content: [{ type: "text", text: "Done." }] };
  const json = resultJson(result);
  return {
    content: [{ type: "text", text: typeof result === "string" ? result : json }],
    ...(tool.outputSchema === undefined ? {} : { structuredContent: JSON.parse(json) }),
  };
}

/** The gateway has made of every error one that a caller may see. */
function toolError(error: unknown): ServerResult {
  if (!isHoldfastError(error)) throw error;
  const { group, code, message, metadata } = error;
  return {
    isError: true,
    content: [{ type: "text", text: `${message} (${group}.${code})` }],
    _meta: { "holdfast/error": JSON.parse(resultJson({ group, code, metadata })) },
  };
}

function serveResources(server: Server, { catalog, calls, resourceBase }: ServedActor): void {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: [...catalog.resources.values()].map((each) => describeResource(each, resourceBase)),
  }));
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }, { signal }) => {
    const resource = [...catalog.resources.values()].find(
      ({ action }) => uriOf(resourceBase, action) === uri,
    );
    if (resource === undefined)
      throw protocolError(
        resourceNotFound,
        new HoldfastError("mcp", "unknown_resource", `This actor has no resource "${uri}"`),
      );
    try {
      const text = resultJson(await calls.read(resource.action, signal));
      return { contents: [{ uri, mimeType: "application/json", text }] };
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      throw protocolError(ErrorCode.InternalError, error);
    }
  });
}

function protocolError(code: number, error: HoldfastError): McpError {
  return new McpError(code, `${error.message} (${error.group}.${error.code})`);
}

/** The code that the specification gives to a resource that does not exist. */
const resourceNotFound = -32_002;

function describeResource({ action, about }: ActorResource, base: string) {
  const { title, description } = about;
  return {
    ...{ uri: uriOf(base, action), name: action, mimeType: "application/json" },
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
  };
}

function uriOf(base: string, action: string): string {
  return `${base}/${encodeURIComponent(action)}`;
}
