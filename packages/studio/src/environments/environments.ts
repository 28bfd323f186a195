import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import { inOrganization, organizationOfId } from "../access/organization-ids.ts";
import type { Repositories, UserRepository } from "../cluster/repositories.ts";
import type { TaskError } from "../contract.ts";
import { prepareRepository } from "../git/prepare.ts";
import { abortable } from "../work/abortable.ts";
import type { EnvironmentSource, FoundEnvironment } from "./environment.ts";
import type { EnvironmentBackend, OpenPreparation, PreparationIndex } from "./environment-backend.ts";
import { FailedSteps } from "./failures/failed-steps.ts";
import { type EnvironmentFork, forkEnvironment } from "./fork-environment.ts";
import { type Clone, type PreparationServices, prepareEnvironment } from "./preparation.ts";
import { environmentIdOf, readEnvironment } from "./read-environment.ts";
import { Snapshots } from "./snapshots.ts";

export interface EnvironmentsOptions
  extends Omit<PreparationServices, "snapshots" | "failedSteps" | "cacheDirectory"> {
  /** A private folder for sockets, with a short path. */
  readonly runDirectory: string;
  readonly repositories: Repositories;
  /** The data directory of this process, and its node in a cluster. */
  readonly place: { readonly id: string; readonly node: string | undefined };
  readonly actor: (id: string) => EnvironmentBackend;
  readonly index: PreparationIndex;
  /** What a repository asks for, from the node that has it. */
  readonly sourceOf: (repository: UserRepository) => Promise<EnvironmentSource>;
}

/** A task that needs the environment of its repository. */
export interface EnvironmentUser {
  readonly directory: string;
  readonly hostGit: string;
  readonly workspace: string;
  readonly home: string;
  /** Name of its copy, for an attempt of a task that has a workspace of its own. */
  readonly copy?: string | undefined;
  readonly base: { readonly branch: string; readonly commit: string };
  readonly repository: UserRepository;
  /** The organization of the task. Each has environments of its own, also of the same repository. */
  readonly organization: string;
  /** Set for a task on code of a fork. */
  readonly fork?: EnvironmentFork | undefined;
}

/** An environment, and whether the next task of this machine starts from a prepared copy. */
export interface PreparedHere {
  readonly id: string;
  readonly isPrepared: boolean;
}

interface Running {
  /** Resolves when the record of the environment says that the preparation has begun. */
  readonly begun: Promise<void>;
  readonly done: Promise<void>;
  readonly stop: AbortController;
}

interface Wanted {
  readonly id: string;
  readonly repository: UserRepository;
  readonly organization: string;
  readonly found: FoundEnvironment;
  readonly clone: Clone;
}

/**
 * Prepares environments on this machine: one preparation for each state of the inputs, however many tasks wait for it,
 * and one at a time for each repository, whose caches they share.
 */
export class Environments {
  readonly failedSteps: FailedSteps;
  readonly #options: EnvironmentsOptions;
  readonly #services: PreparationServices;
  readonly #snapshots: Snapshots;
  readonly #directory: string;
  readonly #running = new Map<string, Running>();
  /** The last preparation of each repository. */
  readonly #queues = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: EnvironmentsOptions) {
    this.#options = options;
    this.#directory = join(options.dataDirectory, "environments");
    this.#snapshots = new Snapshots(this.#directory, options.git, options.ports.log);
    const cacheDirectory = join(this.#directory, "caches");
    this.failedSteps = new FailedSteps({ ...options, directory: this.#directory, cacheDirectory });
    const { failedSteps } = this;
    this.#services = { ...options, snapshots: this.#snapshots, failedSteps, cacheDirectory };
  }

  /** The environment of a task's commit. Throws `environment.invalid_file`, `.secrets_not_allowed`. */
  async find({ hostGit, base, fork }: EnvironmentUser): Promise<FoundEnvironment | undefined> {
    const found = await readEnvironment(this.#options.git, ["--git-dir", hostGit], base.commit);
    return found === undefined || fork === undefined ? found : forkEnvironment(found, fork);
  }

  /**
   * Gives a task, in which no jail has run yet, its prepared environment; prepares it before if necessary. `signal` ends
   * the wait, not the preparation. Throws `environment.*`, and what the preparation throws.
   */
  async place(user: EnvironmentUser, found: FoundEnvironment, signal: AbortSignal): Promise<void> {
    const { git } = this.#options;
    const { hostGit, base, repository, organization } = user;
    const clone: Clone = (directory, limits) =>
      prepareRepository(git, directory, async () => ({ path: hostGit, ...base, dirty: false }), limits);
    const id = this.#idOf(repository, organization, found);
    const wanted = { id, repository, organization, found, clone };
    if (!this.#snapshots.has(wanted.id)) await abortable(this.#start(wanted).done, signal);
    signal.throwIfAborted();
    await this.#snapshots.place(wanted.id, { ...user, commit: base.commit });
  }

  isPrepared({ repository, organization }: EnvironmentUser, found: FoundEnvironment): boolean {
    return this.#snapshots.has(this.#idOf(repository, organization, found));
  }

  /** What the last commit of a repository on this machine asks for. Throws `repository.*`, `environment.elsewhere`. */
  async source(path: string): Promise<EnvironmentSource> {
    const repository = await this.#repository(path);
    try {
      const found = await this.#read(repository);
      return found === undefined ? { repository } : { repository, found };
    } catch (error) {
      if (!isHoldfastError(error) || !isErrorCode(error, "environment", "invalid_file")) throw error;
      const { metadata } = error as HoldfastError;
      return { repository, problem: { ...toTaskError(error), metadata } };
    }
  }

  /** The environment on this machine that a repository asks for; undefined for one without. */
  inspect({ repository, found }: EnvironmentSource, organization: string): PreparedHere | undefined {
    if (found === undefined) return undefined;
    const id = this.#idOf(repository, organization, found);
    return { id, isPrepared: this.#snapshots.has(id) };
  }

  /**
   * Begins to prepare an environment on this machine, also that of a repository of another node, and returns its id. With
   * `again`, what was prepared before is thrown away. Throws `environment.none`, `environment.invalid_file`, and why jails
   * cannot start.
   */
  async prepare(source: EnvironmentSource, organization: string, again: boolean): Promise<string> {
    const { repository, found, problem } = source;
    const { repositories } = this.#options;
    if (problem !== undefined) {
      const { group, code, message, metadata } = problem;
      throw new HoldfastError(group, code, message, { statusCode: 400, metadata });
    }
    if (found === undefined) {
      const message = `The last commit of ${repository.path} has no environment. Add .holdfast/environment.yaml and commit it.`;
      throw new HoldfastError("environment", "none", message, { statusCode: 404 });
    }
    const { refusal } = this.#options.gate.jails.driver;
    if (refusal !== undefined) throw refusal;
    const id = this.#idOf(repository, organization, found);
    const running = this.#running.get(id);
    if (running !== undefined) {
      await running.begun;
      return id;
    }
    if (again) await this.#snapshots.discard(id);
    if (this.#snapshots.has(id)) return id;
    const clone: Clone = (directory, limits) => repositories.prepare(directory, repository, limits);
    const { begun, done } = this.#start({ id, repository, organization, found, clone });
    // The actor of the environment has the failure.
    done.catch(() => {});
    await begun;
    return id;
  }

  /** Ends a running preparation with `environment.stopped`. */
  async stop(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running === undefined) return;
    const message =
      "The preparation of the environment was stopped. Prepare it again, or send the prompt again.";
    running.stop.abort(new HoldfastError("environment", "stopped", message, { statusCode: 409 }));
    await running.done.catch(() => {});
  }

  /**
   * Ends the preparations of an organization, and removes its environments and caches. `removeRecord` is called before an
   * environment is removed, so that no interruption leaves its record behind.
   */
  async removeAll(organization: string, removeRecord: (id: string) => Promise<void>): Promise<void> {
    for (const id of this.#running.keys()) if (organizationOfId(id) === organization) await this.stop(id);
    await this.failedSteps.endAll(organization);
    await this.#snapshots.removeAll(organization, this.#services.cacheDirectory, removeRecord);
  }

  /** Continues the preparations that the last process on this data directory left unfinished. */
  async recover(): Promise<void> {
    const { index, place, ports } = this.#options;
    for (const preparation of await index.list(place.id)) {
      await this.#recover(preparation).catch((error: unknown) =>
        ports.log.warn("could not continue to prepare an environment", {
          environment: preparation.id,
          error,
        }),
      );
    }
  }

  async #recover({ id, repository, node }: OpenPreparation): Promise<void> {
    // A task that waits for it may have started it already.
    if (this.#running.has(id)) return;
    const source = await this.#options.sourceOf({ path: repository, node }).catch(() => undefined);
    const organization = organizationOfId(id);
    const isCurrent = source !== undefined && this.inspect(source, organization)?.id === id;
    if (isCurrent && !this.#snapshots.has(id)) {
      await this.prepare(source, organization, false);
      return;
    }
    const message =
      "The server stopped while the environment was being prepared, and its inputs have changed since.";
    const changed = new HoldfastError("environment", "inputs_changed", message);
    await this.#options.actor(id).report({
      type: "ended",
      ...(this.#snapshots.has(id) ? {} : { error: toTaskError(changed) }),
    });
    await this.#options.index.remove(id);
  }

  /** Ends all preparations. The next start continues them. */
  async close(): Promise<void> {
    this.#closing.abort(new HoldfastError("environment", "server_closing", "The server is shutting down"));
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
    await Promise.all([this.failedSteps.close(), this.#snapshots.close()]);
  }

  #start(wanted: Wanted): Running {
    const running = this.#running.get(wanted.id);
    if (running !== undefined) return running;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#closing.signal]);
    const key = this.#cacheKeyOf(wanted);
    const before = this.#queues.get(key) ?? Promise.resolve();
    const begun = this.#begin(wanted);
    const done = this.#run(wanted, Promise.all([begun, before]), signal).finally(() =>
      this.#running.delete(wanted.id),
    );
    const started = { begun, done, stop };
    this.#running.set(wanted.id, started);
    const tail = done.then(
      () => {},
      () => {},
    );
    this.#queues.set(key, tail);
    void tail.then(() => {
      if (this.#queues.get(key) === tail) this.#queues.delete(key);
    });
    return started;
  }

  async #begin({ id, repository, found }: Wanted): Promise<void> {
    const { actor, index, place } = this.#options;
    const node = repository.node === undefined ? {} : { node: repository.node };
    await index.add({ id, place: place.id, repository: repository.path, ...node });
    const { source, required, inputs, steps, notSupported } = found.environment;
    await actor(id).begin({
      ...{ id, repository: repository.path, ...node, source, required, inputs, notSupported },
      commit: found.commit,
      steps: steps.map(({ name }) => name),
      ...(place.node === undefined ? {} : { preparedBy: place.node }),
    });
  }

  async #run(wanted: Wanted, before: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { actor, index, limits, ports } = this.#options;
    const { id, repository, organization, found, clone } = wanted;
    const record = actor(id);
    try {
      await abortable(before, signal);
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const request = {
        id,
        repository,
        cacheKey: this.#cacheKeyOf(wanted),
        found,
        clone,
        record,
      };
      await prepareEnvironment(this.#services, request, signal);
    } catch (error) {
      // The next start continues.
      if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
      const failure = this.#toFailure(id, signal.aborted ? signal.reason : error);
      await record.report({ type: "ended", error: toTaskError(failure) });
      await index.remove(id);
      throw failure;
    }
    await record.report({ type: "ended" });
    await index.remove(id);
    await this.#snapshots
      .prune(repository, organization, limits.maxEnvironmentsPerRepository, (other) =>
        this.#running.has(other),
      )
      .catch((error: unknown) => ports.log.warn("could not remove old environments", { error }));
  }

  #toFailure(id: string, error: unknown): HoldfastError {
    if (isHoldfastError(error) && error.group !== "git") return error as HoldfastError;
    this.#options.ports.log.error("could not prepare an environment", { environment: id, error });
    const message = "The environment could not be prepared. See the server log for the cause.";
    return new HoldfastError("environment", "prepare_failed", message, { cause: error });
  }

  async #repository(path: string): Promise<UserRepository> {
    const { repositories, place } = this.#options;
    const { path: top, node } = await repositories.find(path);
    if (node === place.node) return { path: top, node };
    const message = `The repository ${top} is on node ${node}, which has to prepare its environment.`;
    throw new HoldfastError("environment", "elsewhere", message, { statusCode: 503, metadata: { node } });
  }

  async #read({ path }: UserRepository): Promise<FoundEnvironment | undefined> {
    const { git } = this.#options;
    const repository = ["-C", path];
    const commit = await git.text([...repository, "rev-parse", "--verify", "HEAD^{commit}"]);
    return readEnvironment(git, repository, commit);
  }

  /** Code of a fork could leave something in the caches for those who come after it. */
  #cacheKeyOf({ repository, organization, found }: Omit<Wanted, "id" | "clone">): string {
    const key = this.#keyOf(repository, organization);
    if (found.variant === undefined) return key;
    return inOrganization(organization, environmentIdOf([key, found.variant]));
  }

  #idOf(repository: UserRepository, organization: string, { inputsHash, variant }: FoundEnvironment): string {
    // Without a jail, files may have the paths of this machine in them.
    const { driver } = this.#options.gate.jails;
    const key = this.#keyOf(repository, organization);
    return inOrganization(
      organization,
      environmentIdOf([
        ...[key, inputsHash, String(driver.unsafe)],
        ...(variant === undefined ? [] : [variant]),
      ]),
    );
  }

  #keyOf({ path, node }: UserRepository, organization: string): string {
    return inOrganization(organization, environmentIdOf([this.#options.place.id, node ?? "", path]));
  }
}

function toTaskError({ group, code, message }: HoldfastError): TaskError {
  return { group, code, message };
}
