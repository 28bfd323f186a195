import type { SandboxAgent } from "@holdfast/sandbox-client";
import { notFound } from "../errors.ts";
import type { Machine } from "../host/machine.ts";
import { followProcess } from "./follow-process.ts";
import {
  readContent,
  readNumber,
  readPath,
  readRecord,
  readText,
  readTexts,
  readVariables,
} from "./input.ts";
import type { Vm } from "./vm.ts";

interface Shell {
  readonly machine: Machine;
  readonly exit: Promise<number>;
}

const defaultSize = { cols: 80, rows: 24 };
const maxSide = 65_535;

/** Interactive shells of a machine, each on a terminal of its own. */
export class Shells {
  readonly #vm: Vm;
  readonly #shells = new Map<string, Shell>();

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  open(given: unknown): Promise<{ shellId: string }> {
    const { command, args, env, cwd, cols, rows } =
      given === undefined ? ({} as Record<string, unknown>) : readRecord(given, "the options");
    const size = {
      cols: cols === undefined ? defaultSize.cols : readNumber(cols, "cols", 1, maxSide),
      rows: rows === undefined ? defaultSize.rows : readNumber(rows, "rows", 1, maxSide),
    };
    const request = {
      command: command === undefined ? "/bin/sh" : readText(command, "The command"),
      args: readTexts(args, "args"),
      env: readVariables(env),
      ...(cwd === undefined ? {} : { cwd: readPath(cwd) }),
      ...{ tty: true, interactive: true, ...size },
    };
    return this.#vm.use(async (client, machine) => {
      const { id } = await client.createProcess(request);
      const exit = this.#follow(client, machine, id);
      this.#shells.set(id, { machine, exit });
      this.#vm.runUntil(exit);
      return { shellId: id };
    });
  }

  async write(shellId: unknown, data: unknown): Promise<void> {
    const bytes = Buffer.from(readContent(data, "data"));
    await this.#call(shellId, (client, id) =>
      client.sendProcessInput(id, { data: bytes.toString("base64"), encoding: "base64" }),
    );
  }

  async resize(shellId: unknown, cols: unknown, rows: unknown): Promise<void> {
    const size = {
      cols: readNumber(cols, "cols", 1, maxSide),
      rows: readNumber(rows, "rows", 1, maxSide),
    };
    await this.#call(shellId, (client, id) => client.resizeProcessTerminal(id, size));
  }

  async close(shellId: unknown): Promise<void> {
    await this.#call(shellId, (client, id) => client.killProcess(id));
  }

  wait(shellId: unknown): Promise<number> {
    return this.#find(shellId).shell.exit;
  }

  #find(shellId: unknown): { readonly id: string; readonly shell: Shell } {
    const id = String(shellId);
    const shell = this.#shells.get(id);
    if (shell === undefined) throw notFound(`open shell ${id}`);
    return { id, shell };
  }

  #call(shellId: unknown, call: (client: SandboxAgent, id: string) => Promise<unknown>): Promise<unknown> {
    const { id, shell } = this.#find(shellId);
    return this.#vm.use((client, current) => {
      // A new machine may give the same id to another process.
      if (current !== shell.machine) throw notFound(`open shell ${id}`);
      return call(client, id);
    });
  }

  async #follow(client: SandboxAgent, machine: Machine, id: string): Promise<number> {
    const code = await followProcess(client, machine, id, (data) => {
      this.#vm.actor.emit("shellData", { shellId: id, data });
    });
    this.#vm.actor.emit("shellExit", { shellId: id, exitCode: code });
    return code;
  }
}
