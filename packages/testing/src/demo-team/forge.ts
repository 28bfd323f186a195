import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createGate, type Gate, type GateConfig, proofFileOfEnvironment } from "@holdfast/gate";
import type { HostedChange, HostedRepository } from "../forge-server/repository.ts";
import { GitHubEmulator } from "../github/emulator.ts";
import { Ci } from "./ci.ts";
import { Outbox } from "./outbox.ts";
import { Pages } from "./pages.ts";
import { Reviewer } from "./reviewer.ts";
import { seed } from "./seed.ts";
import { type DemoForgeState, readState, writeState } from "./state-file.ts";

export interface DemoForgeOptions {
  /** Folder that holds everything; what is in it goes on. */
  readonly directory: string;
  /** In what the checks run. */
  readonly jails: NonNullable<GateConfig["jails"]>;
}

/** GitHub of the demo team: an emulator that survives its process, with CI and a second person. */
export class DemoForge {
  readonly #directory: string;
  readonly #gate: Gate;
  #state: DemoForgeState | undefined;
  #parts: { github: GitHubEmulator; outbox: Outbox; ci: Ci; reviewer: Reviewer } | undefined;
  #isSeeded = false;

  private constructor(directory: string, gate: Gate) {
    this.#directory = directory;
    this.#gate = gate;
  }

  /** Starts it, on the port that it had before. Rejects with EADDRINUSE when another process has that. */
  static async start({ directory, jails }: DemoForgeOptions): Promise<DemoForge> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const state = await readState<DemoForgeState>(directory);
    // What a process that was killed has left: a first content that is not complete, and checkouts.
    if (state === undefined) await rm(join(directory, "git"), { recursive: true, force: true });
    const work = join(directory, "ci", "work");
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    const gate = await createGate({
      ...{ dataDir: join(directory, "gate"), vault: { logins: false, env: {} } },
      jails: { ...proofFileOfEnvironment(), ...jails, whenUnavailable: "refuse" },
    });
    const forge = new DemoForge(directory, gate);
    try {
      await forge.#start(state);
    } catch (error) {
      await forge.close();
      throw error;
    }
    return forge;
  }

  async #start(state: DemoForgeState | undefined): Promise<void> {
    const ci = new Ci({
      ...{ jails: this.#gate.jails, directory: join(this.#directory, "ci") },
      onEnd: (repository, pull) => this.#running.reviewer.review(repository, pull),
    });
    const pages: Pages = new Pages(() => github, ci);
    const github: GitHubEmulator = await GitHubEmulator.start({
      root: join(this.#directory, "git"),
      ...(state === undefined ? {} : { port: state.port, kept: state.github }),
      onChange: (repository, change) => this.#onChange(repository, change),
      onWrite: () => this.#save(),
      page: (request) => pages.answer(request),
    });
    const outbox = new Outbox(state?.outbox ?? [], {
      repositories: () => github.repositories,
      onChange: () => this.#save(),
    });
    this.#parts = { github, outbox, ci, reviewer: new Reviewer(github.accounts) };
    this.#isSeeded = state !== undefined;
    if (!this.#isSeeded) await seed(github);
    this.#isSeeded = true;
    this.#save();
  }

  get url(): string {
    return this.#running.github.url;
  }

  get apiUrl(): string {
    return this.#running.github.apiUrl;
  }

  /** Names of the repositories. */
  get repositories(): readonly string[] {
    return this.#running.github.repositories.map(({ fullName }) => fullName);
  }

  /** The App, as a person enters it in the form that connects a repository. */
  get app(): { readonly appId: string; readonly installationId: number; readonly privateKey: string } {
    const { appId, privateKey, installations } = this.#running.github.accounts;
    const [installationId = 0] = installations.keys();
    return { appId: String(appId), installationId, privateKey };
  }

  /** Sends webhooks to the Studio at `studioUrl` from now on, and goes on with checks that were interrupted. */
  begin(studioUrl: string): void {
    const { github, outbox } = this.#running;
    for (const repository of github.repositories) {
      // An earlier Studio had another port.
      const gone = repository.hooks.filter(({ url }) => !url.startsWith(`${studioUrl}/`));
      for (const hook of gone) repository.hooks.splice(repository.hooks.indexOf(hook), 1);
      // A push may have ended with its process.
      repository.moveHeads();
      for (const pull of repository.pullRequests.values()) {
        if (pull.state === "open") this.#running.ci.check(repository, pull);
      }
    }
    this.#save();
    outbox.open();
  }

  async close(): Promise<void> {
    await this.#parts?.ci.close();
    await this.#parts?.outbox.close();
    await this.#parts?.github.close();
    await this.#gate.close();
  }

  get #running() {
    if (this.#parts === undefined) throw new Error("The forge of the demo team has not started");
    return this.#parts;
  }

  #onChange(repository: HostedRepository, change: HostedChange): void {
    // The first content is older than every webhook.
    if (!this.#isSeeded) return;
    const { github, outbox, ci } = this.#running;
    outbox.add(repository, github.eventOf(repository, change));
    this.#save();
    if (change.kind !== "pull_request") return;
    const { action, pullRequest } = change;
    if (action === "opened" || action === "synchronize" || action === "reopened")
      ci.check(repository, pullRequest);
  }

  #save(): void {
    if (this.#parts === undefined || !this.#isSeeded) return;
    const { github, outbox } = this.#parts;
    const port = Number(new URL(github.url).port);
    writeState(this.#directory, {
      ...{ version: 1, port, github: github.kept(), outbox: outbox.pending },
    });
  }
}
