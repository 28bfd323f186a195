/** Starting and ending programs: spawn host, process groups, terminals, limits. */
import { type ChildProcessByStdio, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { getSystemErrorName } from "node:util";
import type { Logger } from "@holdfast/core";
import { Mounts } from "../mounts/mounts.ts";
import { type CapturedCommand, DirectCapture, HostedCapture } from "./captured.ts";
import { ControlGroups, insideGroups, removeGroup } from "./cgroup.ts";
import { type CommandLimits, LimitGroups, type LimitName, userTaskLimit } from "./command-limits.ts";
import { endFamily, killFamily, killRemains, markerName, type ProcessFamily } from "./process-group.ts";
import { checkProgram } from "./program.ts";
import { Reaper } from "./reaper.ts";
import { SpawnHost, StartFailure } from "./spawn-host.ts";
import { loadTerminals, Terminal, type TerminalSize } from "./terminal.ts";

export interface SpawnRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface SpawnerOptions {
  /** False does without control groups where there are some. */
  readonly controlGroups?: boolean;
  /** Of each command with everything that it starts; none by default. */
  readonly limits?: CommandLimits;
  /** Closed with the spawner. */
  readonly mounts?: Mounts;
  /** False starts everything from this process. */
  readonly spawnHost?: boolean;
}

/** What was found out when the first command was started. */
interface Means {
  readonly groups: ControlGroups | undefined;
  readonly limits: LimitGroups | undefined;
  /** What the shell does before the program, where no control group can limit it. */
  readonly ulimit: string;
}

/** What a command becomes on its way: a mark in its environment, and its way into a control group. */
interface Prepared extends SpawnRequest {
  readonly marker: string;
  readonly group: string | undefined;
  readonly limited: readonly string[];
}

/** Starts processes in groups of their own and knows how to end them whole. */
export class Spawner {
  /** Common beginning of the marks of everything that is started here. */
  readonly mark = randomUUID();
  /** Directory of the control groups; undefined before the first start, and where there are none. */
  groups: string | undefined;
  readonly #log: Logger;
  readonly #families = new Set<ProcessFamily>();
  readonly #options: SpawnerOptions;
  readonly #mounts: Mounts;
  #ready: Promise<Means> | undefined;
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

  /** A child with three pipes. Resolves when it runs; rejects with the system's error when it cannot. */
  async withPipes(
    request: SpawnRequest,
  ): Promise<{ child: ChildProcessWithoutNullStreams; family: ProcessFamily }> {
    const prepared = await this.#prepare(request);
    const child = orRemoved(prepared, () =>
      spawn(prepared.program, [...prepared.args], {
        cwd: prepared.cwd,
        env: prepared.env,
        detached: true,
        stdio: "pipe",
      }),
    );
    return { child, family: await this.#started(child, prepared) };
  }

  /** A child whose input is empty. */
  async withoutInput(
    request: SpawnRequest,
  ): Promise<{ child: ChildProcessByStdio<null, Readable, Readable>; family: ProcessFamily }> {
    const prepared = await this.#prepare(request);
    const child = orRemoved(prepared, () =>
      spawn(prepared.program, [...prepared.args], {
        cwd: prepared.cwd,
        env: prepared.env,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    return { child, family: await this.#started(child, prepared) };
  }

  /**
   * A command whose input is empty, and of each of whose streams `keepBytes` are kept. A host starts it
   * where there is one: this process is large, and a fork of it takes long and stops its event loop.
   */
  async captured(request: SpawnRequest, keepBytes: number): Promise<CapturedCommand> {
    const means = await this.#means(request);
    const host = await this.#hostFor(means);
    if (host === undefined) {
      const { child, family } = await this.withoutInput(request);
      return new DirectCapture(child, family, keepBytes);
    }
    const makesGroup = means.groups !== undefined && means.limits?.needsOwn !== true;
    const prepared = this.#take(request, means, makesGroup);
    const known = (error: unknown) => {
      throw error instanceof StartFailure ? systemErrorOf(error, request) : error;
    };
    try {
      const command = await host.run({ ...prepared, keepBytes, makesGroup });
      this.#reaper?.addLater(command.pid);
      const family = this.#family(command.pid, prepared, host.pid);
      return new HostedCapture(command, family, command.exited.catch(known));
    } catch (error) {
      // Nobody knows how far a host came that was lost.
      if (!(error instanceof StartFailure)) await killFamily({ pid: 0, ...familyOf(prepared) });
      removePrepared(prepared);
      return known(error);
    }
  }

  /** A child on a terminal of its own; rejects with `terminal_unavailable` where there are none. */
  async withTerminal(
    request: SpawnRequest,
    size: TerminalSize,
    onOutput: (bytes: Buffer) => void,
  ): Promise<{ terminal: Terminal; family: ProcessFamily }> {
    const library = await loadTerminals();
    await this.#reach(request);
    checkProgram(request.program, request.cwd, request.env.PATH);
    const prepared = await this.#prepare(request);
    const terminal = orRemoved(prepared, () => new Terminal(library, prepared, size, onOutput));
    this.#reaper?.add(terminal.pid);
    // The library forks and goes on: on a busy machine the child has neither session nor mark for a while.
    return { terminal, family: this.#family(terminal.pid, prepared, process.pid) };
  }

  /** The limits that a family has run into; to be asked before it is ended, which forgets. */
  limitsHit(family: ProcessFamily): readonly LimitName[] {
    return this.#limits?.hits(family.group, family.limited ?? []) ?? [];
  }

  /** SIGTERM to the whole family, SIGKILL after `graceMs`; resolves when nobody is left. */
  async end(family: ProcessFamily, graceMs: number): Promise<void> {
    await (graceMs > 0 ? endFamily(family, graceMs) : killFamily(family));
    this.#forget(family);
  }

  /** Ends what is left of a family whose leader has exited, at once; nothing, where that is known. */
  async endRemains(family: ProcessFamily, remains = true): Promise<void> {
    if (remains) await killRemains(family);
    this.#forget(family, remains);
  }

  /** Ends everything that was started and not ended yet; nothing can be started any more. */
  async close(): Promise<void> {
    this.#closed = true;
    const means = await this.#ready;
    await Promise.all([...this.#families].map((family) => this.end(family, 500)));
    await (await this.#host)?.close();
    await this.#reaper?.close();
    this.#mounts.close();
    means?.limits?.close();
    means?.groups?.close();
  }

  /** A group of which nothing remains is gone already. */
  #forget(family: ProcessFamily, remains = true): void {
    if (!this.#families.delete(family)) return;
    this.#reaper?.remove(family.pid);
    const { group, limited = [] } = family;
    this.#limits?.giveBack(limited, !remains);
    if (remains) removePrepared({ group });
  }

  async #prepare(request: SpawnRequest): Promise<Prepared> {
    const means = await this.#means(request);
    const prepared = this.#take(request, means, false);
    const { group, limited, env } = prepared;
    const inside = group === undefined ? limited : [...limited, group];
    if (inside.length === 0 && means.ulimit === "") return prepared;
    // What a shell starts in our stead fails in the shell: what can be known is told before.
    orRemoved(prepared, () => checkProgram(request.program, request.cwd, request.env.PATH));
    return { ...prepared, ...insideGroups(inside, request.program, request.args, env, means.ulimit) };
  }

  async #means(request: SpawnRequest): Promise<Means> {
    const reached = this.#reach(request);
    if (reached) await reached;
    this.#ready ??= this.#begin();
    const means = await this.#ready;
    if (this.#closed) throw Object.assign(new Error("the server is closing"), { code: "ESHUTDOWN" });
    return means;
  }

  /**
   * A fork is waited for until the child has changed its directory and found its program: on a mount that
   * does not answer, it would never be over.
   */
  #reach({ program, cwd, env }: SpawnRequest): Promise<void> | undefined {
    if (!this.#mounts.any) return undefined;
    const searched = program.includes("/") ? [program] : (env.PATH ?? "").split(":");
    return this.#mounts.reach([cwd, ...searched].map((path) => resolve(cwd, path)));
  }

  /** Marks a command and gives it its groups; its own is only named where somebody else makes it. */
  #take(request: SpawnRequest, { groups, limits }: Means, named: boolean): Prepared {
    this.#count += 1;
    const marker = `${this.mark}.${this.#count}`;
    const env = { ...request.env, [markerName]: marker };
    const group = named ? groups?.name() : groups?.take();
    return { ...request, env, marker, group, limited: limits?.take(String(this.#count), group) ?? [] };
  }

  /** The host, a new one where the last was lost; undefined where there can be none. */
  async #hostFor({ ulimit }: Means): Promise<SpawnHost | undefined> {
    // What a shell has to limit is started by a shell.
    if (this.#options.spawnHost === false || ulimit !== "") return undefined;
    this.#host ??= this.#startHost();
    const starting = this.#host;
    if ((await starting)?.lost === true && this.#host === starting) this.#host = this.#startHost();
    const host = await this.#host;
    if (this.#closed) throw Object.assign(new Error("the server is closing"), { code: "ESHUTDOWN" });
    return host;
  }

  async #startHost(): Promise<SpawnHost | undefined> {
    const host = await SpawnHost.start({ [markerName]: `${this.mark}.host` }, this.#log);
    if (host === undefined) this.#log.info("no spawn host: the server starts each command itself");
    return host;
  }

  async #begin(): Promise<Means> {
    const { controlGroups, limits: wanted } = this.#options;
    const groups = controlGroups === false ? undefined : await ControlGroups.create(this.mark);
    this.groups = groups?.directory;
    const limits =
      controlGroups === false || wanted === undefined
        ? undefined
        : await LimitGroups.create(this.mark, wanted, groups?.directory);
    this.#limits = limits;
    this.#reaper = new Reaper(this.mark, groups?.directory, limits?.directories ?? [], this.#log);
    return { groups, limits, ulimit: limits?.holds("tasks") === true ? "" : ulimitFor(wanted) };
  }

  async #started(
    child: { readonly pid?: number | undefined; once(event: string, fn: (error: Error) => void): unknown },
    prepared: Prepared,
  ): Promise<ProcessFamily> {
    // The pid is known at once, before "spawn": a crash in between must not leak the child.
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
    return this.#family(child.pid ?? 0, prepared);
  }

  #family(pid: number, prepared: Prepared, forkedBy?: number): ProcessFamily {
    const family = { pid, ...familyOf(prepared), ...(forkedBy === undefined ? {} : { forkedBy }) };
    this.#families.add(family);
    return family;
  }
}

function familyOf({ marker, group, limited }: Prepared): Omit<ProcessFamily, "pid"> {
  return {
    marker,
    ...(group === undefined ? {} : { group }),
    ...(limited.length === 0 ? {} : { limited }),
  };
}

/** What the system would have said here: the number does not tell what was not found. */
function systemErrorOf({ errno, step }: StartFailure, { program, cwd, env }: SpawnRequest): unknown {
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

function removePrepared({ group, limited = [] }: Partial<Pick<Prepared, "group" | "limited">>): void {
  for (const path of limited) removeGroup(path);
  if (group !== undefined) removeGroup(group);
}

/** The groups that were made for a command are removed where `start` throws. */
function orRemoved<T>(prepared: Prepared, start: () => T): T {
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
