import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, type Ports, uuidv4 } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import { organizationOfId } from "../access/organization-ids.ts";
import type { UserRepository } from "../cluster/repositories.ts";
import type { Git, GitRunOptions } from "../git/git.ts";
import type { TaskRepository } from "../git/prepare.ts";
import type { GuestBundle } from "../jail/bundle.ts";
import type { StudioLimits } from "../limits.ts";
import type { FoundEnvironment } from "./environment.ts";
import type { EnvironmentBackend } from "./environment-backend.ts";
import type { FailedSteps } from "./failures/failed-steps.ts";
import { readEnvironment } from "./read-environment.ts";
import { isStepFailure, runStep } from "./run-step.ts";
import { asDiskFull, removeFolder, takeAdditions } from "./snapshot-files.ts";
import { type Snapshots, snapshotParts } from "./snapshots.ts";
import { stepNetwork } from "./step-network.ts";
import { StepOutput } from "./step-output.ts";

export interface PreparationServices {
  readonly ports: Ports;
  readonly gate: Gate;
  readonly git: Git;
  readonly limits: StudioLimits;
  readonly bundle: () => Promise<GuestBundle>;
  readonly dataDirectory: string;
  /** Folder of the caches of all repositories. */
  readonly cacheDirectory: string;
  readonly snapshots: Snapshots;
  readonly failedSteps: FailedSteps;
}

/** Clones the repository into a folder. */
export type Clone = (
  directory: string,
  limits: Pick<GitRunOptions, "timeoutMs" | "signal">,
) => Promise<TaskRepository>;

export interface PreparationRequest {
  readonly id: string;
  readonly repository: UserRepository;
  /** Name of the folder of the repository's caches. */
  readonly cacheKey: string;
  readonly found: FoundEnvironment;
  readonly clone: Clone;
  readonly record: EnvironmentBackend;
}

/**
 * Prepares an environment: clones the repository, runs the steps one after the other, and keeps what they have made as
 * the snapshot, or the files of the step that failed. Throws `environment.*`, `repository.*`, `git.*`, the reason of
 * `signal`, and the errors of jails.
 */
export async function prepareEnvironment(
  services: PreparationServices,
  request: PreparationRequest,
  signal: AbortSignal,
): Promise<void> {
  const { snapshots, failedSteps, git, ports, limits } = services;
  await failedSteps.discard(request.id);
  const work = await snapshots.begin(request.id);
  try {
    const { hostGit, workspace, base } = await request.clone(work, {
      timeoutMs: limits.cloneTimeoutMs,
      signal,
    });
    await requireSameInputs(git, hostGit, base.commit, request.found);
    const folders = { workspace, home: join(work, snapshotParts.home) };
    await mkdir(folders.home, { mode: 0o700 });
    await runSteps(services, request, folders, signal);
    signal.throwIfAborted();
    const snapshot = join(work, "snapshot");
    const files = join(snapshot, snapshotParts.files);
    await mkdir(files, { recursive: true, mode: 0o700 });
    const additions = await takeAdditions(git, { hostGit, workspace }, base.commit, files);
    await rename(folders.home, join(snapshot, snapshotParts.home));
    const { path, node } = request.repository;
    await snapshots.publish(request.id, work, {
      version: 1,
      repository: path,
      ...(node === undefined ? {} : { node }),
      preparedAt: ports.clock.now(),
      additions,
    });
  } catch (error) {
    throw asDiskFull("its files", error);
  } finally {
    await removeFolder(work).catch((error: unknown) =>
      ports.log.warn("could not remove the folder of a preparation", { environment: request.id, error }),
    );
  }
}

/** The commit may have changed between the look at the repository and its clone. */
async function requireSameInputs(
  git: Git,
  hostGit: string,
  commit: string,
  expected: FoundEnvironment,
): Promise<void> {
  const cloned = await readEnvironment(git, ["--git-dir", hostGit], commit);
  if (cloned?.inputsHash === expected.inputsHash) return;
  const message = "The inputs of the environment changed while it was being prepared. Prepare it again.";
  throw new HoldfastError("environment", "inputs_changed", message, { statusCode: 409 });
}

async function runSteps(
  { ports, gate, limits, bundle, dataDirectory, cacheDirectory, failedSteps }: PreparationServices,
  { id, cacheKey, found: { environment }, record }: PreparationRequest,
  folders: { readonly workspace: string; readonly home: string },
  signal: AbortSignal,
): Promise<void> {
  const network = await stepNetwork(environment.network, dataDirectory, organizationOfId(id));
  const caches = environment.caches.map((cache) => ({
    ...cache,
    folder: join(cacheDirectory, cacheKey, cache.name),
  }));
  for (const [index, step] of environment.steps.entries()) {
    signal.throwIfAborted();
    await record.report({ type: "step-started", step: index });
    const output = new StepOutput(
      (text) => record.report({ type: "output", step: index, text }),
      limits.stepOutputMs,
    );
    try {
      await runStep({
        ...{ gate, limits, step, folders, caches, network, signal },
        bundle: await bundle(),
        jailId: `environment-${uuidv4(ports.random).slice(0, 13)}`,
        environment: id,
        variables: environment.variables,
        onOutput: (text) => output.add(gate.redact(text)),
      });
    } catch (error) {
      if (isStepFailure(error)) {
        const { variables, caches, network } = environment;
        await failedSteps
          .keep(id, { cacheKey, run: step.run, variables, caches, network }, folders)
          .catch((cause: unknown) =>
            ports.log.warn("could not keep the files of a failed step", { environment: id, error: cause }),
          );
      }
      throw error;
    } finally {
      await output
        .close()
        .catch((error: unknown) => ports.log.warn("could not record output", { environment: id, error }));
    }
    await record.report({ type: "step-ended", step: index });
  }
}
