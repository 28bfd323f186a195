/**
 * Modal's control plane and the command router of its machines, by gRPC as its SDK speaks it. The service definitions
 * are those in the SDK's own bundle, which does not export them.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { quoted } from "../../src/providers/remote.ts";
import { type Machine, Machines } from "../providers/machine.ts";

/** What the control plane answers, by the SDK's names; `modal.test.ts` compares it with the SDK's types. */
export interface ModalAnswers {
  authTokenGet: { token: string };
  environmentGetOrCreate: {
    environmentId: string;
    metadata: { name: string; settings: { imageBuilderVersion: string } };
  };
  appGetOrCreate: { appId: string };
  imageGetOrCreate: { imageId: string; result: { status: number } };
  secretGetOrCreate: { secretId: string };
  sandboxCreateV2: {
    sandboxId: string;
    tunnels: TunnelAnswer[];
    taskId: string;
    commandRouterAccess: Access;
  };
  sandboxGetTaskIdV2: TaskAnswer;
  sandboxGetCommandRouterAccess: Access;
  sandboxGetTunnelsV2: { tunnels: TunnelAnswer[] };
  sandboxWaitV2: { result?: { status: number } };
  sandboxTerminateV2: { existingResult?: { status: number } };
  sandboxCreate: { sandboxId: string };
  sandboxGetTaskId: TaskAnswer;
  taskGetCommandRouterAccess: Access;
  sandboxGetTunnels: { tunnels: TunnelAnswer[] };
  sandboxWait: { result?: { status: number } };
  sandboxTerminate: { existingResult?: { status: number } };
}

/** What the SDK asks, as far as it is looked at. */
export interface ModalRequests {
  authTokenGet: object;
  environmentGetOrCreate: { deploymentName: string };
  appGetOrCreate: { appName: string };
  imageGetOrCreate: { image: { dockerfileCommands: string[] } };
  secretGetOrCreate: { envDict: { [name: string]: string } };
  sandboxCreateV2: ModalRequests["sandboxCreate"] & {
    /** Not of SDKs before 0.11, which make secrets for it. */
    secretSources?: { env?: { contents: { [name: string]: string } } | undefined }[];
  };
  sandboxGetTaskIdV2: { sandboxId: string };
  sandboxGetCommandRouterAccess: { sandboxId: string };
  sandboxGetTunnelsV2: { sandboxId: string };
  sandboxWaitV2: { sandboxId: string; timeout: number };
  sandboxTerminateV2: { sandboxId: string };
  sandboxCreate: {
    definition: {
      timeoutSecs: number;
      secretIds: string[];
      openPorts: { ports: { port: number; unencrypted: boolean }[] };
    };
  };
  sandboxGetTaskId: { sandboxId: string };
  taskGetCommandRouterAccess: { taskId: string };
  sandboxGetTunnels: { sandboxId: string };
  sandboxWait: { sandboxId: string; timeout: number };
  sandboxTerminate: { sandboxId: string };
}

interface TaskAnswer {
  taskId?: string;
  taskResult?: { status: number };
}

interface TunnelAnswer {
  host: string;
  port: number;
  containerPort: number;
}

interface Access {
  url: string;
  jwt: string;
}

interface Execution {
  readonly taskId: string;
  readonly execId: string;
}

interface Context {
  readonly metadata: { get(name: string): string | undefined };
}

/** As much of `nice-grpc` as is used: the one that the SDK brings. */
interface Grpc {
  createServer(): {
    add(definition: unknown, implementation: object): void;
    listen(address: string): Promise<number>;
    forceShutdown(): void;
  };
  readonly ServerError: new (code: number, details: string) => Error;
}

interface Definition {
  readonly methods: Readonly<Record<string, unknown>>;
}

interface Definitions {
  readonly ModalClientDefinition: Definition;
  readonly TaskCommandRouterDefinition: Definition;
}

interface Box {
  readonly id: string;
  readonly machine: Machine;
  readonly timeoutMs: number;
  /** Of all its secrets together. */
  readonly variables: Readonly<Record<string, string>>;
  readonly tunnels: TunnelAnswer[];
  readonly executions: Map<string, ReturnType<Machine["run"]>>;
  /** Of the SDK's generic results; none while it runs. */
  result: number | undefined;
}

export const credentials = { tokenId: "ak-1", tokenSecret: "as-1" };
const succeeded = 1;
const terminated = 3;
const timedOut = 4;
const notFound = 5;
const unauthenticated = 16;

export class ModalService {
  readonly #machines = new Machines();
  readonly #boxes = new Map<string, Box>();
  readonly #grpc: Grpc;
  readonly #server: ReturnType<Grpc["createServer"]>;
  #port = 0;
  readonly #secrets = new Map<string, Readonly<Record<string, string>>>();
  /** Bases of the images that were built. */
  readonly bases: string[] = [];

  private constructor(grpc: Grpc, definitions: Definitions) {
    this.#grpc = grpc;
    this.#server = grpc.createServer();
    this.#add(definitions.ModalClientDefinition, this.#controlPlane());
    this.#add(definitions.TaskCommandRouterDefinition, this.#commandRouter());
  }

  /** Takes the folder that the SDK is installed in. */
  static async listen(home: string): Promise<ModalService> {
    const modules = join(home, "node_modules");
    const bundle = readFileSync(join(modules, "modal", "dist", "index.js"), "utf8");
    const exported = join(home, "definitions.mjs");
    writeFileSync(exported, `${bundle}\nexport { ModalClientDefinition, TaskCommandRouterDefinition };\n`);
    const definitions: Definitions = await import(pathToFileURL(exported).href);
    const grpc: Grpc = await import(pathToFileURL(join(modules, "nice-grpc", "lib", "index.js")).href);
    const service = new ModalService(grpc, definitions);
    service.#port = await service.#server.listen("127.0.0.1:0");
    return service;
  }

  /** What the SDK's environment variable names. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get running(): string[] {
    return [...this.#boxes.values()].filter(({ result }) => result === undefined).map(({ id }) => id);
  }

  /** Where the vendor's tunnel would lead. */
  urlOf(id: string): string {
    return this.#box(id).machine.url;
  }

  timeoutMsOf(id: string): number {
    return this.#box(id).timeoutMs;
  }

  variablesOf(id: string): Readonly<Record<string, string>> {
    return this.#box(id).variables;
  }

  /** As when its time is over: nothing of it is kept. */
  async expire(id: string): Promise<void> {
    await this.#end(this.#box(id), timedOut);
  }

  async close(): Promise<void> {
    this.#server.forceShutdown();
    await this.#machines.clear();
  }

  /** Whatever is not implemented is answered by the library, with the status for it. */
  #add(definition: Definition, implementation: object): void {
    const methods = Object.keys(implementation).map((name) => {
      const method = definition.methods[name];
      if (method === undefined) throw new Error(`the SDK has no method ${name}`);
      return [name, method];
    });
    this.#server.add({ ...definition, methods: Object.fromEntries(methods) }, implementation);
  }

  #controlPlane(): {
    [Method in keyof ModalAnswers]: (
      request: ModalRequests[Method],
      context: Context,
    ) => Promise<ModalAnswers[Method]>;
  } {
    const task = async ({ sandboxId }: { sandboxId: string }): Promise<TaskAnswer> => {
      const { id, result: status } = this.#box(sandboxId);
      return status === undefined ? { taskId: taskOf(id) } : { taskResult: { status } };
    };
    const tunnels = async ({ sandboxId }: { sandboxId: string }) => ({
      tunnels: this.#box(sandboxId).tunnels,
    });
    const wait = async ({ sandboxId }: { sandboxId: string }) => {
      const status = this.#box(sandboxId).result;
      return status === undefined ? {} : { result: { status } };
    };
    const terminate = async ({ sandboxId }: { sandboxId: string }) => {
      const box = this.#box(sandboxId);
      const { result: status } = box;
      if (status !== undefined) return { existingResult: { status } };
      await this.#end(box, terminated);
      return {};
    };
    return {
      authTokenGet: async (_, { metadata }) => {
        const own =
          metadata.get("x-modal-token-id") === credentials.tokenId &&
          metadata.get("x-modal-token-secret") === credentials.tokenSecret;
        if (own) return { token: jwt("account") };
        throw new this.#grpc.ServerError(unauthenticated, "Token ID or secret is wrong");
      },
      environmentGetOrCreate: async () => ({
        environmentId: "en-1",
        metadata: { name: "main", settings: { imageBuilderVersion: "2025.06" } },
      }),
      appGetOrCreate: async ({ appName }) => ({ appId: `ap-${appName}` }),
      imageGetOrCreate: async ({ image }) => {
        this.bases.push(...image.dockerfileCommands);
        return { imageId: "im-1", result: { status: succeeded } };
      },
      secretGetOrCreate: async ({ envDict }) => {
        const secretId = `st-${this.#secrets.size}`;
        this.#secrets.set(secretId, envDict);
        return { secretId };
      },
      sandboxCreateV2: async (request) => {
        const { definition, secretSources = [] } = request;
        const given = secretSources.map(({ env }) => env?.contents ?? {});
        const { id, tunnels } = await this.#create(definition, given, true);
        return { sandboxId: id, tunnels, taskId: taskOf(id), commandRouterAccess: this.#access(id) };
      },
      sandboxGetTaskIdV2: task,
      sandboxGetCommandRouterAccess: async ({ sandboxId }) => this.#access(this.#box(sandboxId).id),
      sandboxGetTunnelsV2: tunnels,
      sandboxWaitV2: wait,
      sandboxTerminateV2: terminate,
      // The service has an older backend beside, for GPUs and for SDKs before 0.8; ids tell which.
      sandboxCreate: async ({ definition }) => ({
        sandboxId: (await this.#create(definition, [], false)).id,
      }),
      sandboxGetTaskId: task,
      taskGetCommandRouterAccess: async ({ taskId }) => this.#access(this.#box(sandboxOf(taskId)).id),
      sandboxGetTunnels: tunnels,
      sandboxWait: wait,
      sandboxTerminate: terminate,
    };
  }

  #commandRouter() {
    const boxOf = ({ taskId }: Execution, { metadata }: Context): Box => {
      const box = this.#box(sandboxOf(taskId));
      if (metadata.get("authorization") !== `Bearer ${jwt(box.id)}` || box.result !== undefined) {
        throw new this.#grpc.ServerError(unauthenticated, "No access to this machine");
      }
      return box;
    };
    const ended = (execution: Execution, context: Context) => {
      const run = boxOf(execution, context).executions.get(execution.execId);
      if (run !== undefined) return run;
      throw new this.#grpc.ServerError(notFound, `There is no ${execution.execId}`);
    };
    return {
      taskExecStart: async (request: Execution & { commandArgs: string[] }, context: Context) => {
        const { executions, machine } = boxOf(request, context);
        // The SDK repeats what it is not sure of, with the same id.
        const run = executions.get(request.execId) ?? machine.run(request.commandArgs.map(quoted).join(" "));
        executions.set(request.execId, run);
        return {};
      },
      async *taskExecStdioRead(
        request: Execution & { offset: number; fileDescriptor: number },
        context: Context,
      ) {
        const { stdout, stderr } = await ended(request, context);
        const data = Buffer.from(request.fileDescriptor === 0 ? stdout : stderr).subarray(request.offset);
        if (data.length > 0) yield { data };
      },
      taskExecWait: async (request: Execution, context: Context) => ({
        code: (await ended(request, context)).exitCode,
      }),
    };
  }

  async #create(
    { timeoutSecs, secretIds, openPorts }: ModalRequests["sandboxCreate"]["definition"],
    given: readonly Readonly<Record<string, string>>[],
    newer: boolean,
  ): Promise<Box> {
    const machine = await this.#machines.make();
    const id = newId(newer);
    const host = `${machine.id.toLowerCase()}.r5.modal.host`;
    const tunnels = openPorts.ports
      .filter(({ unencrypted }) => !unencrypted)
      .map(({ port }) => ({ host, port: 443, containerPort: port }));
    const timeoutMs = timeoutSecs * 1_000;
    const made = secretIds.map((secret) => this.#secrets.get(secret) ?? {});
    const variables = Object.assign({}, ...given, ...made);
    const box: Box = { id, machine, timeoutMs, variables, tunnels, executions: new Map(), result: undefined };
    this.#boxes.set(id, box);
    return box;
  }

  async #end(box: Box, result: number): Promise<void> {
    await this.#machines.remove(box.machine.id);
    box.result = result;
  }

  #access(id: string): Access {
    // The SDK insists on https, and dials without TLS where its control plane is on this machine.
    return { url: `https://127.0.0.1:${this.#port}`, jwt: jwt(id) };
  }

  #box(id: string): Box {
    const box = this.#boxes.get(id);
    if (box === undefined) throw new this.#grpc.ServerError(notFound, `Nothing is called ${id}`);
    return box;
  }
}

function taskOf(sandboxId: string): string {
  return sandboxId.replace(/^sb-/, "ta-");
}

function sandboxOf(taskId: string): string {
  return taskId.replace(/^ta-/, "sb-");
}

/** The SDK tells the backend by the form: 22 letters and digits, or a ULID. */
function newId(newer: boolean): string {
  const random = randomUUID().replaceAll("-", "");
  return newer ? `sb-01${random.slice(0, 24).toUpperCase()}` : `sb-${random.slice(0, 22)}`;
}

/** Nobody checks its signature, and its end is far away. */
function jwt(sub: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub, exp: 4_102_444_800 })}.none`;
}
