/** The HTTP routes beside the actors: sign-in, webhooks, files of the web app, and the way to sandboxes. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { HoldfastError, isHoldfastError, type Logger, toProblem } from "@holdfast/core";
import { findStaticFile, sendStaticFile } from "@holdfast/core/static-files";
import type { Guard } from "../access/guard.ts";
import { operator, type Person } from "../access/person.ts";
import type { RecordSignIn } from "../access/person-log.ts";
import type { RouteName } from "../access/route-rules.ts";
import type { Attachments } from "../attachments/attachments.ts";
import { sendAttachment, uploadAttachment } from "../attachments/routes.ts";
import type { SandboxRoute } from "../cluster/other-nodes.ts";
import type { DemoTeam, SignInOptions } from "../contract/people.ts";
import { studioLimits } from "../limits.ts";
import type { Previews } from "../previews/previews.ts";
import type { Logins } from "./logins.ts";
import { readBody } from "./read-body.ts";
import { endWith, headersOf, matchRoute, type RouteParams } from "./router.ts";
import { proxyToSandbox } from "./sandbox-proxy.ts";
import type { WebhookRoute } from "./webhooks.ts";

const maxBodyBytes = 4_096;

/** No foreign resources, no inline code, no framing. The frames of a page are previews. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "media-src blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const pageHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
} as const;

export interface RoutesOptions {
  readonly guard: Guard;
  readonly logins: Logins;
  /** Folder of the built web app. */
  readonly webDirectory: string;
  /** Folder of the sandbox inspector, which also shows the sandbox of a task. */
  readonly inspectorDirectory: string;
  /** The way to a task's sandbox server, while its agent runs. */
  readonly sandbox: (taskId: string) => SandboxRoute | undefined;
  /** Opens a terminal on the failed step of an environment. Resolves with its process. Without it there is no such route. */
  readonly openFailedStep?: (environment: string) => Promise<string>;
  /** Handles webhooks of groups. Without it there are none. */
  readonly webhook?: WebhookRoute;
  /** Handles webhooks of forges. Without it there are none. */
  readonly forgeWebhook?: WebhookRoute;
  /** Handles webhooks of Stripe. Without it there are none. */
  readonly billingWebhook?: WebhookRoute;
  /** Handles answers to questions of the gate. Without it there is no such route. */
  readonly approvalWebhook?: WebhookRoute;
  /** Files of prompts. Without them there are no such routes. */
  readonly attachments?: Attachments;
  /** Handles answers from notifications. Without it there is no such route. */
  readonly notificationAnswer?: WebhookRoute;
  /** Answers MCP. Without it there is no such route. */
  readonly mcp?: RouteHandler;
  /** Handles the routes about people. Without them there are none. */
  readonly people?: Readonly<Record<PeopleRouteName, RouteHandler>>;
  /** True if the server sends mails to people. */
  readonly sendsMail?: boolean;
  readonly demoTeam?: DemoTeam;
  /** Handles previews. Without it there is no such route. */
  readonly previews?: Previews;
  /** Source of the frames with previews. */
  readonly frameSource?: string;
  readonly recordSignIn: RecordSignIn;
  readonly log: Logger;
}

/** A request to a route, which its rule allows. */
export interface RouteCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly params: RouteParams;
  /** Who signed in; undefined if the route needs nobody to. */
  readonly person: Person | undefined;
  /** Aborted when the person may have lost the right. */
  readonly until: AbortSignal | undefined;
}

/** A handler of each route; those about people are missing without people. */
type Handlers = Readonly<Record<Exclude<HttpRouteName, PeopleRouteName>, RouteHandler>> &
  Readonly<Partial<Record<PeopleRouteName, RouteHandler>>>;

export type RouteHandler = (call: RouteCall) => Promise<void>;

/** The routes of `routeRules` that are no WebSockets, and of these, the ones about people. */
export type HttpRouteName = Exclude<RouteName, `UPGRADE ${string}`>;
export type PeopleRouteName = Extract<HttpRouteName, `${string} /people/${string}`>;

/**
 * The Studio's own routes beside the actors and the health check, each with its rule in `routeRules`. The gateway has
 * already checked Host and Origin.
 */
export function createRoutes(
  options: RoutesOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const handlers = routeHandlers(options);
  return (request, response) => {
    handle(options.guard, handlers, request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      if (!isHoldfastError(error)) options.log.error("a request failed", { error });
      const problem = isHoldfastError(error)
        ? error
        : new HoldfastError("internal", "internal_error", "An internal error occurred");
      response.writeHead(problem.statusCode, {
        ...headersOfPage(options),
        "content-type": "application/problem+json",
        "cache-control": "no-store",
      });
      response.end(JSON.stringify(toProblem(problem)));
    });
  };
}

async function handle(
  guard: Guard,
  handlers: Handlers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  const { name, params } = matchRoute(request.method ?? "GET", path);
  const mark = guard.mark();
  const person = await guard.authorizeRoute(name, headersOf(request), params);
  // A stream from a sandbox may go on for hours. The end of a session ends with an answer.
  const until = params["task"] === undefined ? undefined : guard.signalSince(person, mark);
  endWith(until, response);
  const handler = handlers[name as HttpRouteName] ?? refusePeople;
  await handler({ request, response, path, params, person, until });
}

function routeHandlers(options: RoutesOptions): Handlers {
  const { inspectorDirectory, webDirectory } = options;
  const headers = headersOfPage(options);
  const sandbox: RouteHandler = ({ request, response, params: { task = "", rest = "" } }) =>
    proxyToSandbox(options.sandbox(task), `/v1/${rest}`, request, response);
  const attachments = (): Attachments => {
    if (options.attachments !== undefined) return options.attachments;
    throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
  };
  return {
    ...options.people,
    "POST /auth/exchange": (call) => exchange(options, call),
    "GET /auth/options": async ({ response }) => {
      const answer: SignInOptions = {
        people: options.people !== undefined,
        mail: options.sendsMail === true,
        ...(options.billingWebhook !== undefined ? { billing: true } : {}),
        ...(options.demoTeam === undefined ? {} : { demoTeam: options.demoTeam }),
      };
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(answer));
    },
    "POST /auth/end": (call) => endLogin(options, call),
    "POST /organizations/:organization/attachments": (call) =>
      uploadAttachment(attachments(), studioLimits.maxAttachmentBytes, call),
    "GET /organizations/:organization/attachments/:attachment": (call) => sendAttachment(attachments(), call),
    "POST /hooks/:group/:hook": webhook(options.webhook),
    "POST /approvals/:hook": webhook(options.approvalWebhook),
    "POST /forges/:repository": webhook(options.forgeWebhook),
    "POST /billing/webhook": webhook(options.billingWebhook),
    "POST /notifications/answer": webhook(options.notificationAnswer),
    "POST /mcp": async (call) => {
      if (options.mcp === undefined)
        throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
      await options.mcp(call);
    },
    "GET /tasks/:task/sandbox/v1/*": sandbox,
    "POST /tasks/:task/sandbox/v1/*": sandbox,
    "PUT /tasks/:task/sandbox/v1/*": sandbox,
    "PATCH /tasks/:task/sandbox/v1/*": sandbox,
    "DELETE /tasks/:task/sandbox/v1/*": sandbox,
    "POST /environments/:environment/terminals": (call) => openFailedStep(options.openFailedStep, call),
    "POST /tasks/:task/previews/:port": (call) => openPreview(options.previews, call),
    "GET /tasks/:task/sandbox/*": ({ request, response }) =>
      sendFile(inspectorDirectory, "/", headers, request, response),
    "GET /ui/*": ({ request, response, path }) => {
      const isFile = /\.\w+$/.test(path);
      return isFile
        ? sendFile(inspectorDirectory, path.slice(3), headers, request, response)
        : sendFile(webDirectory, path, headers, request, response);
    },
    "GET /*": ({ request, response, path }) => sendFile(webDirectory, path, headers, request, response),
  };
}

function headersOfPage({ frameSource = "'none'" }: RoutesOptions): Readonly<Record<string, string>> {
  return { ...pageHeaders, "content-security-policy": `${pagePolicy}; frame-src ${frameSource}` };
}

async function openFailedStep(
  open: RoutesOptions["openFailedStep"],
  { response, params: { environment = "" } }: RouteCall,
): Promise<void> {
  if (open === undefined) throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
  const id = await open(environment);
  response.writeHead(201, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify({ id }));
}

async function openPreview(
  previews: Previews | undefined,
  { request, response, params: { task = "", port = "" }, person, until }: RouteCall,
): Promise<void> {
  if (previews === undefined)
    throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
  const { host } = request.headers;
  const view = previews.open({ taskId: task, port, personId: person?.id ?? "", until, host });
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(view));
}

async function refusePeople(): Promise<void> {
  const message = "This server has no accounts. Start it with --people.";
  throw new HoldfastError("people", "not_enabled", message, { statusCode: 404 });
}

function webhook(route: WebhookRoute | undefined): RouteHandler {
  return async ({ request, response, path }) => {
    if (route === undefined)
      throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
    await route(path, request, response);
  };
}

async function exchange(
  { logins, recordSignIn }: RoutesOptions,
  { request, response }: RouteCall,
): Promise<void> {
  // CSRF protection: a foreign page's form cannot send this type without a preflight.
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    throw new HoldfastError("message", "invalid", "The body must be JSON", { statusCode: 415 });
  }
  const ticket = parseTicket((await readBody(request, maxBodyBytes)).toString("utf8"));
  const via = { via: "link", address: request.socket.remoteAddress ?? "" };
  const cookie = await logins.exchange(ticket).catch(async (error: unknown) => {
    await recordSignIn({ type: "person.sign_in_refused", data: via });
    throw error;
  });
  await recordSignIn({ type: "person.signed_in", data: { person: operator.id, ...via } });
  response.writeHead(204, { "set-cookie": cookie, "cache-control": "no-store" });
  response.end();
}

/** Signs out. Safe from CSRF: requests of a foreign page lack the SameSite cookie. */
async function endLogin(
  { logins, previews }: RoutesOptions,
  { request, response, person }: RouteCall,
): Promise<void> {
  await logins.endLogin(headersOf(request));
  previews?.endOf(person?.id ?? "");
  response.writeHead(204, { "cache-control": "no-store" });
  response.end();
}

function parseTicket(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (
      typeof value === "object" &&
      value !== null &&
      "ticket" in value &&
      typeof value.ticket === "string"
    ) {
      return value.ticket;
    }
  } catch {
    // Invalid JSON is reported below, like any other invalid body.
  }
  throw new HoldfastError("message", "invalid", 'The body must be {"ticket": "..."}', { statusCode: 400 });
}

async function sendFile(
  directory: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Paths without an extension are client-side routes of the single-page app.
  const isPage = extname(path) === "";
  const file = await findStaticFile(directory, isPage ? "/index.html" : path);
  if (file === undefined) throw notFound(path);
  const isContentHashed = path.startsWith("/assets/");
  const caching = isContentHashed ? "public, max-age=31536000, immutable" : "no-cache";
  await sendStaticFile(request, response, file, {
    ...headers,
    "cache-control": file.path.endsWith(".html") ? "no-store" : caching,
  });
}

function notFound(path: string): HoldfastError {
  return extname(path) === ""
    ? new HoldfastError("web", "not_built", 'The web app has not been built. Run "npm run build".', {
        statusCode: 503,
      })
    : new HoldfastError("gateway", "not_found", "There is nothing at this address");
}
