/** Starting and stopping programs: spawn host, process groups, terminals, limits. */
import { type ChildProcessByStdio, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { getSystemErrorName } from "node:util";
import type { Logger } from "@holdfast/core";
import { SpawnHost, StartFailure } from "@holdfast/core/spawn-host";
import { Mounts } from "../mounts/mounts.ts";
import { type CapturedCommand, DirectCapture, HostedCapture } from "./captured.ts";
import { ControlGroups, commandInGroups, removeGroup } from "./cgroup.ts";
import { type CommandLimits, LimitGroups, type LimitName, userTaskLimit } from "./command-limits.ts";
import {
  endFamily,
  familyMembers,
  killDescendants,
  killFamily,
  markerName,
  type ProcessFamily,
} from "./process-group.ts";
import { takeProcessSnapshot } from "./process-inspection.ts";
import { checkProgram } from "./program.ts";
import { Reaper } from "./reaper.ts";
import { loadTerminals, Terminal, type TerminalSize } from "./terminal.ts";

export interface SpawnRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface SpawnerOptions {
  /** False disables control groups even if they are available. */
  readonly controlGroups?: boolean;
  /** Limits of each command with all its descendants; none by default. */
  readonly limits?: CommandLimits;
  /** Closed with the spawner. */
  readonly mounts?: Mounts;
  /** False starts every command directly from this process. */
  readonly spawnHost?: boolean;
}

/** Resource controls that are available on this system, detected at the first start. */
interface ResourceControls {
  readonly groups: ControlGroups | undefined;
  readonly limits: LimitGroups | undefined;
  /** Shell prefix that limits tasks if no control group can; empty otherwise. */
  readonly ulimit: string;
}

/** A request with its mark in the environment and its control groups. */
interface PreparedSpawn extends SpawnRequest {
  readonly marker: string;
  readonly group: string | undefined;
  readonly limited: readonly string[];
}

/** Starts processes, each in a group of its own, and ends them with all their descendants. */
export class Spawner {
  /** Common prefix of the marks of all processes started here. */
  readonly mark = randomUUID();
  /** Directory of the control groups; undefined before the first start, and if there are none. */
  groups: string | undefined;
  readonly #log: Logger;
  readonly #families = new Set<ProcessFamily>();
  readonly #options: SpawnerOptions;
  readonly #mounts: Mounts;
  #controls: Promise<ResourceControls> | undefined;
  #limits: LimitGroups | undefined;
  #reaper: Reaper | undefined;
  #host: Promise<SpawnHost | undefined> | undefined;
  #count = 0;
  #closed = false;

  constructor(log: Logger, options: SpawnerOptions = {}) {
    this.#log = log;
    this.#options = options;
    this.#mounts = options.mounts ?? new Mounts();
  }

  /** Begins what the first command needs, which takes longer than a command. Its failure is that of the first command. */
  prepare(): void {
    this.#controls ??= this.#detectControls();
    const prepared = this.#controls.then((controls) => (this.#closed ? undefined : this.#hostFor(controls)));
    prepared.catch(() => {});
  }

  /** Starts a child with pipes for all three streams. Rejects with the system's error if it cannot start. */
  async withPipes(
    request: SpawnRequest,
  ): Promise<{ child: ChildProcessWithoutNullStreams; family: ProcessFamily }> {
    const prepared = await this.#prepare(request);
    const child = removeOnError(prepared, () =>
      spawn(prepared.program, [...prepared.args], {
        cwd: prepared.cwd,
        env: prepared.env,
        detached: true,
        stdio: "pipe",
      }),
    );
    return { child, family: await this.#awaitSpawn(child, prepared) };
  }

  /** Starts a child with empty input. */
  async withoutInput(
    request: SpawnRequest,
  ): Promise<{ child: ChildProcessByStdio<null, Readable, Readable>; family: ProcessFamily }> {
    const prepared = await this.#prepare(request);
    const child = removeOnError(prepared, () =>
      spawn(prepared.program, [...prepared.args], {
        cwd: prepared.cwd,
        env: prepared.env,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    return { child, family: await this.#awaitSpawn(child, prepared) };
  }

  /**
   * Starts a command with empty input and captures `keepBytes` of each stream. Uses the spawn host if possible: a fork
   * of this large process takes long and blocks the event loop.
   */
  async captured(request: SpawnRequest, keepBytes: number): Promise<CapturedCommand> {
    const controls = await this.#resourceControls(request);
    const host = await this.#hostFor(controls);
    if (host === undefined) {
      const { child, family } = await this.withoutInput(request);
      return new DirectCapture(child, family, keepBytes);
    }
    const makesGroup = controls.groups !== undefined && controls.limits?.needsOwnGroup !== true;
    const prepared = this.#allocate(request, controls, makesGroup);
    const rethrow = (error: unknown) => {
      throw error instanceof StartFailure ? toSystemError(error, request) : error;
    };
    try {
      const command = await host.run({ ...prepared, keepBytes, makesGroup });
      this.#reaper?.addLater(command.pid);
      const family = this.#addFamily(command.pid, prepared, host.pid);
      return new HostedCapture(command, family, command.exited.catch(rethrow));
    } catch (error) {
      // If the host died, the command may be running already.
      if (!(error instanceof StartFailure)) await killFamily({ pid: 0, ...toFamily(prepared) });
      removePrepared(prepared);
      return rethrow(error);
    }
  }

  /** Starts a child on a pseudoterminal of its own. Rejects with `terminal_unavailable` if there are none. */
  async withTerminal(
    request: SpawnRequest,
    size: TerminalSize,
    onOutput: (bytes: Buffer) => void,
  ): Promise<{ terminal: Terminal; family: ProcessFamily }> {
    const library = await loadTerminals();
    await this.#checkMounts(request);
    checkProgram(request.program, request.cwd, request.env.PATH);
    const prepared = await this.#prepare(request);
    const terminal = removeOnError(prepared, () => new Terminal(library, prepared, size, onOutput));
    this.#reaper?.add(terminal.pid);
    // The library forks without waiting: on a busy machine the child has neither session nor mark for a while.
    return { terminal, family: this.#addFamily(terminal.pid, prepared, process.pid) };
  }

  /** Ids of all processes that were started here, and of their descendants, without those of the leaders. */
  descendants(): number[] {
    const snapshot = takeProcessSnapshot();
    const leaders = new Set([...this.#families].map(({ pid }) => pid));
    const members = [...this.#families].flatMap((family) => familyMembers(family, snapshot));
    return [...new Set(members)].filter((pid) => !leaders.has(pid));
  }

  /** Returns the limits that a family has hit. Call it before the family is ended, which removes the counters. */
  limitsHit(family: ProcessFamily): readonly LimitName[] {
    return this.#limits?.hits(family.group, family.limited ?? []) ?? [];
  }

  /** Sends SIGTERM to the complete family, and SIGKILL after `graceMs`. Resolves when no process is left. */
  async end(family: ProcessFamily, graceMs: number): Promise<void> {
    await (graceMs > 0 ? endFamily(family, graceMs) : killFamily(family));
    this.#forget(family);
  }

  /** Kills the descendants of an exited leader. With `remains` false there are none, and nothing is searched. */
  async endDescendants(family: ProcessFamily, remains = true): Promise<void> {
    if (remains) await killDescendants(family);
    this.#forget(family, remains);
  }

  /** Ends all processes that are still running. Further starts are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const controls = await this.#controls;
    await Promise.all([...this.#families].map((family) => this.end(family, 500)));
    await (await this.#host)?.close();
    await this.#reaper?.close();
    this.#mounts.close();
    controls?.limits?.close();
    controls?.groups?.close();
  }

  /** Without remains the control group has already been removed. */
  #forget(family: ProcessFamily, remains = true): void {
    if (!this.#families.delete(family)) return;
    this.#reaper?.remove(family.pid);
    const { group, limited = [] } = family;
    this.#limits?.release(limited, !remains);
    if (remains) removePrepared({ group });
  }

  async #prepare(request: SpawnRequest): Promise<PreparedSpawn> {
    const controls = await this.#resourceControls(request);
    const prepared = this.#allocate(request, controls, false);
    const { group, limited, env } = prepared;
    const inside = group === undefined ? limited : [...limited, group];
    if (inside.length === 0 && controls.ulimit === "") return prepared;
    // The shell would report a missing program as its own failure, so check first.
    removeOnError(prepared, () => checkProgram(request.program, request.cwd, request.env.PATH));
    return { ...prepared, ...commandInGroups(inside, request.program, request.args, env, controls.ulimit) };
  }

  async #resourceControls(request: SpawnRequest): Promise<ResourceControls> {
    const reached = this.#checkMounts(request);
    if (reached) await reached;
    this.#controls ??= this.#detectControls();
    const controls = await this.#controls;
    if (this.#closed) throw Object.assign(new Error("the server is closing"), { code: "ESHUTDOWN" });
    return controls;
  }

  /**
   * Checks the mounts of a request. A fork blocks until the child has changed its directory and found its program,
   * which never happens on a hung mount.
   */
  #checkMounts({ program, cwd, env }: SpawnRequest): Promise<void> | undefined {
    if (!this.#mounts.hasAny) return undefined;
    const searched = program.includes("/") ? [program] : (env.PATH ?? "").split(":");
    return this.#mounts.checkResponsive([cwd, ...searched].map((path) => resolve(cwd, path)));
  }

  /**
   * Adds the mark and allocates control groups. With `named` the command's own group is only named, for the host to
   * create.
   */
  #allocate(request: SpawnRequest, { groups, limits }: ResourceControls, named: boolean): PreparedSpawn {
    this.#count += 1;
    const marker = `${this.mark}.${this.#count}`;
    const env = { ...request.env, [markerName]: marker };
    const group = named ? groups?.reserveGroup() : groups?.createGroup();
    return { ...request, env, marker, group, limited: limits?.acquire(String(this.#count), group) ?? [] };
  }

  /** Returns the spawn host and replaces one that died; undefined if none can be used. */
  async #hostFor({ ulimit }: ResourceControls): Promise<SpawnHost | undefined> {
    // The ulimit prefix needs a shell.
    if (this.#options.spawnHost === false || ulimit !== "") return undefined;
    this.#host ??= this.#startHost();
    const starting = this.#host;
    if ((await starting)?.isLost === true && this.#host === starting) this.#host = this.#startHost();
    const host = await this.#host;
    if (this.#closed) throw Object.assign(new Error("the server is closing"), { code: "ESHUTDOWN" });
    return host;
  }

  async #startHost(): Promise<SpawnHost | undefined> {
    const host = await SpawnHost.start({ [markerName]: `${this.mark}.host` }, this.#log);
    if (host === undefined) this.#log.info("no spawn host: the server starts each command itself");
    return host;
  }

  async #detectControls(): Promise<ResourceControls> {
    const { controlGroups, limits: wanted } = this.#options;
    const groups = controlGroups === false ? undefined : await ControlGroups.create(this.mark);
    this.groups = groups?.directory;
    const limits =
      controlGroups === false || wanted === undefined
        ? undefined
        : await LimitGroups.create(this.mark, wanted, groups?.directory);
    this.#limits = limits;
    this.#reaper = new Reaper(this.mark, groups?.directory, limits?.directories ?? [], this.#log);
    return { groups, limits, ulimit: limits?.enforces("tasks") === true ? "" : ulimitFor(wanted) };
  }

  async #awaitSpawn(
    child: { readonly pid?: number | undefined; once(event: string, fn: (error: Error) => void): unknown },
    prepared: PreparedSpawn,
  ): Promise<ProcessFamily> {
    // The pid is known before "spawn" is emitted: a crash in between must not leak the child.
    if (child.pid !== undefined) this.#reaper?.add(child.pid);
    try {
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", () => resolve());
        child.once("error", reject);
      });
    } catch (error) {
      removePrepared(prepared);
      throw error;
    }
    return this.#addFamily(child.pid ?? 0, prepared);
  }

  #addFamily(pid: number, prepared: PreparedSpawn, forkedBy?: number): ProcessFamily {
    const family = { pid, ...toFamily(prepared), ...(forkedBy === undefined ? {} : { forkedBy }) };
    this.#families.add(family);
    return family;
  }
}

function toFamily({ marker, group, limited }: PreparedSpawn): Omit<ProcessFamily, "pid"> {
  return {
    marker,
    ...(group === undefined ? {} : { group }),
    ...(limited.length === 0 ? {} : { limited }),
  };
}

/** Returns the error that a direct start would have caused. The number alone does not identify the missing file. */
function toSystemError({ errno, step }: StartFailure, { program, cwd, env }: SpawnRequest): unknown {
  if (step === "c" || step === "x") {
    try {
      checkProgram(program, cwd, env.PATH);
    } catch (error) {
      return error;
    }
  }
  const code = getSystemErrorName(-errno);
  const path = step === "c" ? cwd : program;
  return Object.assign(new Error(`${code}: ${path}`), { code, errno: -errno, path });
}

function removePrepared({ group, limited = [] }: Partial<Pick<PreparedSpawn, "group" | "limited">>): void {
  for (const path of limited) removeGroup(path);
  if (group !== undefined) removeGroup(group);
}

/** Calls `start` and removes the control groups of the command if it throws. */
function removeOnError<T>(prepared: PreparedSpawn, start: () => T): T {
  try {
    return start();
  } catch (error) {
    removePrepared(prepared);
    throw error;
  }
}

function ulimitFor(limits: CommandLimits | undefined): string {
  const { maxTasks = 0, ofUser = false } = limits ?? {};
  return maxTasks === 0 || !ofUser || process.getuid?.() === 0 ? "" : userTaskLimit(maxTasks);
}
