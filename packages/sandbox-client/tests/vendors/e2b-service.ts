/**
 * An emulator of what E2B's SDK speaks: its REST API, and the process service in each sandbox, which is Connect
 * (https://connectrpc.com/docs/protocol, streaming, JSON). A sandbox is a directory in which commands really run.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { type Machine, Machines } from "../providers/machine.ts";
import { jsonOf, type LocalService, serveLocally } from "./json-service.ts";

export const e2bKey = `e2b_${"0".repeat(40)}`;

/** What a create and a connect answer. */
export interface E2BSandboxAnswer {
  readonly sandboxID: string;
  readonly templateID: string;
  readonly clientID: string;
  readonly envdVersion: string;
  readonly envdAccessToken: string;
  readonly domain: string | null;
}

export interface E2BErrorAnswer {
  readonly code: number;
  readonly message: string;
}

/** What a create is asked for, as far as it is looked at. */
export interface E2BCreateRequest {
  readonly templateID: string;
  /** In seconds. */
  readonly timeout?: number;
  readonly autoPause?: boolean;
}

interface Sandbox {
  readonly machine: Machine;
  readonly template: string;
  readonly token: string;
  paused: boolean;
}

const noCommand = { code: 400, message: "a process has a command" };

export class E2BService {
  /** Lifetimes that were asked for, in seconds. */
  readonly lifetimes: (number | undefined)[] = [];
  /** Templates that were asked for, and whether a sandbox is paused at the end of its lifetime. */
  readonly templates: string[] = [];
  readonly pausing: (boolean | undefined)[] = [];
  readonly #machines = new Machines();
  readonly #sandboxes = new Map<string, Sandbox>();
  #service: LocalService | undefined;

  /** Starts it, and gives its address: of the API and of all sandboxes. */
  async start(): Promise<string> {
    this.#service = await serveLocally((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        send(response, 500, { code: 500, message: String(error) });
      });
    });
    return this.#service.url;
  }

  async close(): Promise<void> {
    await this.#service?.close();
    await this.#machines.clear();
  }

  /** Where the server in a sandbox is, which E2B's proxy would lead to. */
  urlOf(id: string): string {
    return this.#machines.get(id).url;
  }

  get running(): number {
    return [...this.#sandboxes.values()].filter(({ paused }) => !paused).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", "http://service");
    if (pathname === "/process.Process/Start") return await this.#start(request, response);
    if (request.headers["x-api-key"] !== e2bKey) {
      return send(response, 401, { code: 401, message: "Invalid API key" });
    }
    if (request.method === "POST" && /^(\/v2)?\/sandboxes$/.test(pathname)) {
      return send(response, 201, await this.#create((await jsonOf(request)) as E2BCreateRequest));
    }
    const [, id = "", verb = ""] = /^(?:\/v2)?\/sandboxes\/([^/]+)(?:\/(\w+))?$/.exec(pathname) ?? [];
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) {
      return send(response, 404, { code: 404, message: `sandbox "${id}" was not found` });
    }
    switch (`${request.method} ${verb}`) {
      case "POST connect":
        this.lifetimes.push(((await jsonOf(request)) as Partial<E2BCreateRequest>).timeout);
        sandbox.paused = false;
        return send(response, 200, described(id, sandbox));
      case "POST pause":
        if (sandbox.paused) return send(response, 409, { code: 409, message: `sandbox "${id}" is paused` });
        sandbox.paused = true;
        await sandbox.machine.stop();
        response.writeHead(204).end();
        return;
      case "DELETE ":
        this.#sandboxes.delete(id);
        await this.#machines.remove(id);
        response.writeHead(204).end();
        return;
      default:
        return send(response, 405, { code: 405, message: "method not allowed" });
    }
  }

  async #create({ templateID, timeout, autoPause }: E2BCreateRequest): Promise<E2BSandboxAnswer> {
    this.lifetimes.push(timeout);
    this.templates.push(templateID);
    this.pausing.push(autoPause);
    const machine = await this.#machines.make();
    const sandbox = { machine, template: templateID, token: `token of ${machine.id}`, paused: false };
    this.#sandboxes.set(machine.id, sandbox);
    return described(machine.id, sandbox);
  }

  /** The process service of one sandbox: a message when it begins, its output, and one when it has ended. */
  async #start(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sandbox = this.#sandboxes.get(String(request.headers["e2b-sandbox-id"]));
    if (sandbox === undefined || sandbox.paused) {
      return send(response, 502, { code: 502, message: "The sandbox was not found" });
    }
    if (request.headers["x-access-token"] !== sandbox.token) {
      return send(response, 401, { code: "unauthenticated", message: "wrong access token" });
    }
    // A message of Connect: a byte of flags, four of its length, and itself.
    const message = JSON.parse((await buffer(request)).subarray(5).toString("utf8")) as {
      process?: { cmd?: string; args?: string[] };
    };
    const { cmd, args = [] } = message.process ?? {};
    const script = args.at(-1);
    if (cmd !== "/bin/bash" || script === undefined) return send(response, 400, noCommand);
    response.writeHead(200, { "content-type": "application/connect+json" });
    response.write(envelope({ event: { start: { pid: 7 } } }));
    const { exitCode, stdout, stderr } = await sandbox.machine.run(script);
    for (const [stream, text] of Object.entries({ stdout, stderr })) {
      if (text !== "") response.write(envelope({ event: { data: { [stream]: base64(text) } } }));
    }
    const status = `exit status ${exitCode}`;
    const end = { exitCode, exited: true, status, ...(exitCode === 0 ? {} : { error: status }) };
    response.write(envelope({ event: { end } }));
    response.end(envelope({}, endOfStream));
  }
}

const endOfStream = 2;

function envelope(message: object, flags = 0): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function described(id: string, { template, token }: Sandbox): E2BSandboxAnswer {
  return {
    ...{ sandboxID: id, templateID: template, clientID: "client" },
    ...{ envdVersion: "0.4.4", envdAccessToken: token, domain: null },
  };
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
