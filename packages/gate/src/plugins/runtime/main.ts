/**
 * Process of one plugin: loads the handler and answers the gate over standard input and output. No plugin code runs
 * before the gate's start message.
 */
import { pathToFileURL } from "node:url";
import type { ChannelServices, CoreServices } from "./api.ts";
import { Calls, type LoadedHandler } from "./calls.ts";
import { openConnections, openEgress } from "./egress.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import { handlerFiles, noHandler } from "./handler-files.ts";
import { registerPluginHooks } from "./hooks.ts";
import {
  channelVersion,
  type HostMessage,
  type ProcessMessage,
  type Question,
  type StartFailure,
  type StartMessage,
} from "./messages.ts";
import { createServices, currentCall, type ServiceState } from "./services.ts";
import { toldWithPlace } from "./where.ts";

class LoadError extends Error {
  readonly category: StartFailure;
  constructor(category: StartFailure, message: string) {
    super(message);
    this.category = category;
  }
}

const writeToHost = process.stdout.write.bind(process.stdout);
// The plugin's own output must not enter the channel.
process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;

function send(message: ProcessMessage): void {
  writeToHost(encodeFrame(message));
}

const waiting = new Map<number, PromiseWithResolvers<unknown>>();
let lastQuestion = 0;

function ask(question: Question): Promise<unknown> {
  lastQuestion += 1;
  const answer = Promise.withResolvers<unknown>();
  waiting.set(lastQuestion, answer);
  send({ type: "ask", id: lastQuestion, ask: question });
  return answer.promise;
}

const state: ServiceState = { catalog: [], credentials: {} };
let calls: Calls | undefined;

async function start(message: StartMessage): Promise<void> {
  state.catalog = message.catalog;
  state.credentials = message.credentials;
  try {
    if (message.version !== channelVersion)
      throw new Error(`Unsupported version ${message.version} of the channel`);
    const egress = await openEgress(message.egress);
    const connections = await openConnections(message.connections);
    const services = createServices({ start: message, egress, connections, ask }, state);
    const handler = await load(message);
    if (message.needsResolveSession && typeof handler.resolveSession !== "function") {
      throw new LoadError(
        "invalid_manifest",
        'The manifest says session: "explicit", and the handler has no resolveSession()',
      );
    }
    // Channel plugins receive more than the core services.
    const given: CoreServices & Partial<ChannelServices> = services;
    await currentCall.run({ id: 0 }, () => handler.initialize(given));
    calls = new Calls(handler, { send, ask });
    const optional = ["handleEvent", "resolveSession", "verify"] as const;
    send({
      type: "ready",
      version: channelVersion,
      handles: optional.filter((name) => typeof handler[name] === "function"),
    });
  } catch (error) {
    const category = error instanceof LoadError ? error.category : "init_error";
    send({ type: "failed", category, message: messageOf(error, message.directory) });
  }
}

/** Built-in errors such as a TypeError say little without their location, so it is added. */
function messageOf(error: unknown, directory: string): string {
  if ([ReferenceError, RangeError, SyntaxError, TypeError].some((kind) => error instanceof kind))
    return toldWithPlace(error, directory);
  return error instanceof Error ? error.message : String(error);
}

async function load({ directory }: StartMessage): Promise<LoadedHandler> {
  const files = handlerFiles(directory);
  if (files.length === 0) throw new LoadError("missing_handler", noHandler(directory));
  const module = await importFirst(files, directory);
  // The default export or `handler` first, then any other export.
  const { default: main, handler: named, ...others } = { ...module, ...compiled(module["default"]) };
  for (const exported of [main, named, ...Object.values(others)]) {
    const handler = await handlerOf(exported);
    if (handler !== undefined) return handler;
  }
  throw new LoadError(
    "missing_handler",
    "The handler must export an object with initialize and handleToolInvocation, as default or as `handler`",
  );
}

/** The first file that can be imported: next to a stale build there can be its source. */
async function importFirst(files: readonly string[], directory: string): Promise<Record<string, unknown>> {
  const problems: string[] = [];
  for (const file of files) {
    try {
      return await import(pathToFileURL(file).href);
    } catch (error) {
      problems.push(toldWithPlace(error, directory));
    }
  }
  throw new LoadError("missing_handler", `The handler cannot be imported: ${problems.join("; ")}`);
}

/** The form that compilers give to `export default` in CommonJS. */
function compiled(exported: unknown): Record<string, unknown> {
  return typeof exported === "object" && exported !== null && Reflect.get(exported, "__esModule") === true
    ? { ...exported }
    : {};
}

/** The export itself, an instance of it if it is a class, or its result if it is a function. */
async function handlerOf(exported: unknown): Promise<LoadedHandler | undefined> {
  if (isHandler(exported)) return exported;
  if (typeof exported !== "function" || exported.length > 0) return undefined;
  const isClass =
    /^class\b/.test(Function.prototype.toString.call(exported)) ||
    typeof exported.prototype?.handleToolInvocation === "function";
  const made: unknown = isClass
    ? Reflect.construct(exported, [])
    : await Reflect.apply(exported, undefined, []);
  return isHandler(made) ? made : undefined;
}

function isHandler(value: unknown): value is LoadedHandler {
  if (typeof value !== "object" || value === null) return false;
  return ["initialize", "handleToolInvocation"].every(
    (name) => typeof Reflect.get(value, name) === "function",
  );
}

function receive(message: HostMessage): void {
  switch (message.type) {
    case "start":
      void start(message);
      return;
    case "catalog":
      state.catalog = message.catalog;
      return;
    case "credentials":
      state.credentials = message.credentials;
      return;
    case "answer":
      waiting.get(message.id)?.resolve(message.value);
      waiting.delete(message.id);
      return;
    case "failure":
      waiting.get(message.id)?.reject(new Error(message.message));
      waiting.delete(message.id);
      return;
    case "ping":
      send({ type: "done", id: message.id });
      return;
    case "invoke":
    case "cancel":
    case "event":
    case "resolve_session":
    case "verify":
    case "shutdown":
      calls?.receive(message);
      return;
  }
}

registerPluginHooks();
process.on("uncaughtException", (error) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(70);
});
// Ends with the gate: the kernel closes the gate's end of the channel, even after SIGKILL.
process.stdin.once("end", () => process.exit(0));
process.stdin.once("error", () => process.exit(0));
const reader = new FrameReader();
process.stdin.on("data", (chunk: Buffer) => {
  for (const message of reader.push(chunk)) receive(message as HostMessage);
});
