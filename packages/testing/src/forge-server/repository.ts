import { BareRepository, type MergeMethod } from "./git-repository.ts";

export interface ForgeUser {
  readonly id: number;
  readonly login: string;
}

/** Pull request of an emulator. Times are milliseconds since the epoch. */
export interface HostedPullRequest {
  readonly id: number;
  readonly number: number;
  title: string;
  body: string;
  state: "open" | "closed";
  draft: boolean;
  readonly author: ForgeUser;
  readonly head: string;
  /** The fork that has the head. Absent for a branch of the repository itself. */
  readonly headRepository?: HostedRepository | undefined;
  /** True if those who may write the base may push to the fork. */
  readonly maintainersMayEdit: boolean;
  base: string;
  /** Last commit of the head, kept after the branch is gone. */
  headCommit: string;
  mergeCommit: string | null;
  mergeMethod: MergeMethod | null;
  labels: readonly string[];
  reviewers: readonly string[];
  /** Who has reviewed since they were asked. */
  reviewedBy?: readonly string[];
  /** Teams of the repository's owner, where the forge has any. */
  reviewTeams?: readonly string[];
  assignees: readonly string[];
  readonly createdAt: number;
  updatedAt: number;
  closedAt: number | null;
  mergedAt: number | null;
}

export interface HostedIssue {
  readonly id: number;
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed";
  readonly author: ForgeUser;
  readonly labels: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Comment on a pull request or an issue; with a path, on a line of the diff. */
export interface HostedComment {
  readonly id: number;
  readonly number: number;
  readonly body: string;
  readonly author: ForgeUser;
  readonly createdAt: number;
  /** When somebody has changed it. */
  readonly editedAt?: number;
  readonly path?: string;
  readonly line?: number;
  readonly commit?: string;
  readonly replyTo?: number;
}

export type CheckConclusion = "success" | "failure" | "cancelled" | "neutral" | "skipped" | "timed_out";

export interface HostedCheck {
  readonly id: number;
  readonly name: string;
  readonly commit: string;
  /** Null while it runs. */
  readonly conclusion: CheckConclusion | null;
  readonly startedAt: number;
  /** Set by somebody with a token, not by an App. Only GitHub tells the two apart. */
  readonly isStatus: boolean;
  readonly webUrl: string | null;
}

export type HostedPermission = "read" | "write" | "admin";

/** Webhook that was set up through the API. */
export interface HostedHook {
  readonly id: number;
  url: string;
  secret: string;
  /** Names of the events that it gets; of the forges that name them. */
  events: readonly string[];
}

/** Change in a repository that an emulator reports to webhooks. */
export type HostedChange =
  /** Somebody has sent a review, and is asked no more. */
  | { readonly kind: "reviewed"; readonly pullRequest: HostedPullRequest; readonly reviewer: ForgeUser }
  | { readonly kind: "pull_request"; readonly action: string; readonly pullRequest: HostedPullRequest }
  /** `label` is the one that was added. */
  | {
      readonly kind: "labelled";
      readonly label: string;
      readonly before: readonly string[];
      readonly sender: ForgeUser;
      readonly issue?: HostedIssue;
      readonly pullRequest?: HostedPullRequest;
    }
  | { readonly kind: "comment"; readonly comment: HostedComment; readonly onPullRequest: boolean }
  | { readonly kind: "check"; readonly check: HostedCheck }
  | {
      readonly kind: "push";
      readonly branch: string;
      readonly before: string | null;
      readonly after: string | null;
    };

/** Why a forge refuses a change. Each emulator answers it with the status and the words of its forge. */
export class ChangeRefused extends Error {
  readonly reason:
    | "conflict"
    | "closed"
    | "draft"
    | "head_moved"
    | "missing_branch"
    | "no_commits"
    | "duplicate";
  constructor(reason: ChangeRefused["reason"]) {
    super(reason);
    this.reason = reason;
  }
}

export interface NewPullRequest {
  readonly title: string;
  readonly head: string;
  readonly base: string;
  readonly body?: string;
  readonly draft?: boolean;
  readonly author: ForgeUser;
  /** The fork that has the head. */
  readonly headRepository?: HostedRepository;
  /** Default: false. */
  readonly maintainersMayEdit?: boolean;
}

export type PullRequestUpdate = Partial<
  Pick<
    HostedPullRequest,
    "title" | "body" | "state" | "draft" | "base" | "labels" | "reviewers" | "reviewTeams" | "assignees"
  >
>;

export interface HostedRepositoryOptions {
  readonly id: number;
  /** Owner and name with a slash between. */
  readonly fullName: string;
  readonly path: string;
  readonly files: Readonly<Record<string, string>>;
  /** Who made the first commit, as git writes it. */
  readonly author?: string;
  /** Words for a push to a protected branch, with `%s` for the branch. */
  readonly protectedWords: string;
  readonly now: () => number;
  readonly onChange: (repository: HostedRepository, change: HostedChange) => void;
}

/** What a repository is besides git, for a later process. */
export interface KeptRepository {
  readonly id: number;
  readonly fullName: string;
  readonly pullRequests: readonly HostedPullRequest[];
  readonly issues: readonly HostedIssue[];
  readonly comments: readonly HostedComment[];
  readonly checks: readonly HostedCheck[];
  readonly hooks: readonly HostedHook[];
  readonly members?: readonly (readonly [string, HostedPermission])[];
  readonly labels?: readonly string[];
  readonly lastNumber: number;
  readonly lastId: number;
}

/** Repository of a forge emulator: a real bare repository, and what the forge keeps around it. */
export class HostedRepository {
  readonly id: number;
  readonly fullName: string;
  readonly bare: BareRepository;
  readonly pullRequests = new Map<number, HostedPullRequest>();
  readonly issues = new Map<number, HostedIssue>();
  readonly comments: HostedComment[] = [];
  readonly checks: HostedCheck[] = [];
  /** Only kept: a test sends their deliveries. */
  readonly hooks: HostedHook[] = [];
  /** Who takes part, by login. */
  readonly members = new Map<string, HostedPermission>();
  /** Labels that there are. */
  readonly labels: string[] = [];
  readonly #now: () => number;
  readonly #onChange: HostedRepositoryOptions["onChange"];
  #lastNumber = 0;
  #lastId = 0;

  private constructor(options: HostedRepositoryOptions, bare: BareRepository) {
    this.id = options.id;
    this.fullName = options.fullName;
    this.bare = bare;
    this.#now = options.now;
    this.#onChange = options.onChange;
  }

  static async create(options: HostedRepositoryOptions): Promise<HostedRepository> {
    const { path, files, protectedWords, author } = options;
    return new HostedRepository(options, await BareRepository.create(path, files, protectedWords, author));
  }

  /** Opens a repository as {@link HostedRepository.kept} was, with the branches that git has now. */
  static async restore(
    options: Omit<HostedRepositoryOptions, "id" | "fullName" | "files" | "protectedWords">,
    kept: KeptRepository,
  ): Promise<HostedRepository> {
    const { id, fullName } = kept;
    const bare = await BareRepository.open(options.path);
    const repository = new HostedRepository(
      { ...options, id, fullName, files: {}, protectedWords: "" },
      bare,
    );
    for (const pull of kept.pullRequests)
      repository.pullRequests.set(pull.number, { ...pull, assignees: pull.assignees ?? [] });
    for (const [login, permission] of kept.members ?? []) repository.members.set(login, permission);
    repository.labels.push(...(kept.labels ?? []));
    for (const issue of kept.issues) repository.issues.set(issue.number, issue);
    repository.comments.push(...kept.comments);
    repository.checks.push(...kept.checks);
    repository.hooks.push(...kept.hooks.map((hook) => ({ ...hook })));
    repository.#lastNumber = kept.lastNumber;
    repository.#lastId = kept.lastId;
    return repository;
  }

  kept(): KeptRepository {
    return {
      ...{ id: this.id, fullName: this.fullName, lastNumber: this.#lastNumber, lastId: this.#lastId },
      // Forks are not kept: a pull request of one has lost it then.
      pullRequests: [...this.pullRequests.values()].map(({ headRepository: _, ...pull }) => pull),
      issues: [...this.issues.values()],
      ...{ comments: this.comments, checks: this.checks, hooks: this.hooks },
      ...{ members: [...this.members], labels: this.labels },
    };
  }

  /** Opens a pull request. Throws {@link ChangeRefused} for missing branches, no commits, or a second one. */
  async createPullRequest(given: NewPullRequest): Promise<HostedPullRequest> {
    const fork = given.headRepository;
    const headCommit = (fork ?? this).bare.branches.get(given.head);
    // The objects have to be here to be compared.
    if (fork !== undefined) await this.bare.takePull(this.#lastNumber + 1, fork.bare.path, given.head);
    const baseCommit = this.bare.branches.get(given.base);
    if (headCommit === undefined || baseCommit === undefined) throw new ChangeRefused("missing_branch");
    for (const { state, head, base, headRepository } of this.pullRequests.values()) {
      if (state === "open" && head === given.head && base === given.base && headRepository === fork)
        throw new ChangeRefused("duplicate");
    }
    if ((await this.bare.commitsBetween(baseCommit, headCommit)) === 0) throw new ChangeRefused("no_commits");
    const pullRequest = this.#open(given, headCommit);
    this.#onChange(this, { kind: "pull_request", action: "opened", pullRequest });
    return pullRequest;
  }

  /** Opens `count` pull requests, each with a branch of its own, and reports none of them. */
  async fill(count: number, author: ForgeUser): Promise<void> {
    const prefix = `fill-${this.#lastNumber}`;
    await this.bare.commitMany(prefix, count);
    for (let index = 1; index <= count; index += 1) {
      const head = `${prefix}-${index}`;
      const headCommit = this.bare.branches.get(head);
      if (headCommit === undefined) throw new ChangeRefused("missing_branch");
      this.#open({ title: `Change ${index}`, head, base: "main", author }, headCommit);
    }
  }

  updatePullRequest(pullRequest: HostedPullRequest, update: PullRequestUpdate): void {
    const was = pullRequest.state;
    Object.assign(pullRequest, update);
    const { reviewers, reviewedBy = [] } = pullRequest;
    pullRequest.reviewedBy = reviewedBy.filter((login) => !reviewers.includes(login));
    pullRequest.updatedAt = this.#now();
    if (pullRequest.state !== was) pullRequest.closedAt = pullRequest.state === "closed" ? this.#now() : null;
    const action = pullRequest.state === was ? "edited" : was === "open" ? "closed" : "reopened";
    this.#onChange(this, { kind: "pull_request", action, pullRequest });
  }

  /** Sends a review, by which the reviewer and the teams that wait for it are asked no more. */
  review(pullRequest: HostedPullRequest, reviewer: ForgeUser): void {
    const { reviewers, reviewedBy = [] } = pullRequest;
    Object.assign(pullRequest, {
      ...{ reviewers: reviewers.filter((login) => login !== reviewer.login), reviewTeams: [] },
      reviewedBy: [...new Set([...reviewedBy, reviewer.login])],
      updatedAt: this.#now(),
    });
    this.#onChange(this, { kind: "reviewed", pullRequest, reviewer });
  }

  /** Merges with git. `expectedHead` guards against a head that has moved. Throws {@link ChangeRefused}. */
  async merge(pullRequest: HostedPullRequest, method: MergeMethod, expectedHead?: string): Promise<string> {
    if (pullRequest.state === "closed") throw new ChangeRefused("closed");
    if (pullRequest.draft) throw new ChangeRefused("draft");
    if (expectedHead !== undefined && expectedHead !== pullRequest.headCommit)
      throw new ChangeRefused("head_moved");
    const { base, headCommit, title, number } = pullRequest;
    const before = this.bare.branches.get(base) ?? null;
    const commit = await this.bare.merge(base, headCommit, method, `${title} (#${number})`);
    if (commit === undefined) throw new ChangeRefused("conflict");
    const at = this.#now();
    Object.assign(pullRequest, {
      state: "closed",
      mergeCommit: commit,
      mergeMethod: method,
      mergedAt: at,
      closedAt: at,
      updatedAt: at,
    });
    this.#onChange(this, { kind: "push", branch: base, before, after: commit });
    this.#onChange(this, { kind: "pull_request", action: "closed", pullRequest });
    this.moveHeads();
    return commit;
  }

  /** True when git can merge the pull request now. */
  async isMergeable({ base, headCommit }: HostedPullRequest): Promise<boolean> {
    const target = this.bare.branches.get(base);
    return target !== undefined && (await this.bare.mergeTree(target, headCommit)) !== undefined;
  }

  /** Adds a webhook, or changes the one with this id; undefined if there is none. */
  keepHook(
    id: number | undefined,
    url: string,
    secret: string,
    events: readonly string[] = [],
  ): HostedHook | undefined {
    if (id !== undefined) {
      const known = this.hooks.find((hook) => hook.id === id);
      return known && Object.assign(known, { url, secret, events });
    }
    const hook = { id: this.#nextId(), url, secret, events };
    this.hooks.push(hook);
    return hook;
  }

  addIssue(title: string, author: ForgeUser, body = "", labels: readonly string[] = []): HostedIssue {
    const at = this.#now();
    const number = this.#nextNumber();
    const issue: HostedIssue = {
      ...{ id: this.#nextId(), number, title, body, state: "open", author, labels },
      ...{ createdAt: at, updatedAt: at },
    };
    this.issues.set(number, issue);
    return issue;
  }

  /** Gives an issue or a pull request a label, as a person does on its page. */
  label(number: number, label: string, sender: ForgeUser): void {
    const pullRequest = this.pullRequests.get(number);
    const issue = this.issues.get(number);
    const before = (pullRequest ?? issue)?.labels ?? [];
    const labels = [...before, label];
    const change = { kind: "labelled", label, before, sender } as const;
    if (pullRequest !== undefined) {
      Object.assign(pullRequest, { labels, updatedAt: this.#now() });
      this.#onChange(this, { ...change, pullRequest });
    } else if (issue !== undefined) {
      const changed = { ...issue, labels, updatedAt: this.#now() };
      this.issues.set(number, changed);
      this.#onChange(this, { ...change, issue: changed });
    }
  }

  addComment(given: Omit<HostedComment, "id" | "createdAt">): HostedComment {
    const comment = { ...given, id: this.#nextId(), createdAt: this.#now() };
    this.comments.push(comment);
    this.#onChange(this, {
      kind: "comment",
      comment,
      onPullRequest: this.pullRequests.has(given.number),
    });
    return comment;
  }

  /** Records the result of a check, or that it runs; a later one of the same name and commit replaces it. */
  setCheck(
    name: string,
    commit: string,
    conclusion: CheckConclusion | null,
    { isStatus = false, webUrl = null }: Partial<Pick<HostedCheck, "isStatus" | "webUrl">> = {},
  ): HostedCheck {
    const isSame = (check: HostedCheck) =>
      check.name === name && check.commit === commit && check.isStatus === isStatus;
    const index = this.checks.findIndex(isSame);
    const id = this.checks[index]?.id ?? this.#nextId();
    const check = { id, name, commit, conclusion, startedAt: this.#now(), isStatus, webUrl };
    if (index < 0) this.checks.push(check);
    else this.checks[index] = check;
    this.#onChange(this, { kind: "check", check });
    return check;
  }

  /** Takes over what a push has changed: branches, and the heads of open pull requests. */
  async afterPush(): Promise<void> {
    for (const change of await this.bare.refresh()) this.#onChange(this, { kind: "push", ...change });
    this.moveHeads();
  }

  /** Gives open pull requests the commits that their branches have now. */
  moveHeads(): void {
    for (const pullRequest of this.pullRequests.values()) {
      const headCommit = this.bare.branches.get(pullRequest.head);
      if (pullRequest.headRepository !== undefined) continue;
      if (pullRequest.state !== "open" || headCommit === undefined) continue;
      if (pullRequest.headCommit === headCommit) continue;
      Object.assign(pullRequest, { headCommit, updatedAt: this.#now() });
      this.#onChange(this, { kind: "pull_request", action: "synchronize", pullRequest });
    }
  }

  /** Gives open pull requests of forks the commits that the forks have now. */
  async moveForkHeads(): Promise<void> {
    for (const pullRequest of this.pullRequests.values()) {
      const { headRepository: fork, head, number } = pullRequest;
      const headCommit = fork?.bare.branches.get(head);
      if (fork === undefined || headCommit === undefined || pullRequest.state !== "open") continue;
      if (pullRequest.headCommit === headCommit) continue;
      await this.bare.takePull(number, fork.bare.path, head);
      Object.assign(pullRequest, { headCommit, updatedAt: this.#now() });
      this.#onChange(this, { kind: "pull_request", action: "synchronize", pullRequest });
    }
  }

  #open(given: NewPullRequest, headCommit: string): HostedPullRequest {
    const at = this.#now();
    const pullRequest: HostedPullRequest = {
      ...{ id: this.#nextId(), number: this.#nextNumber(), title: given.title, body: given.body ?? "" },
      ...{ state: "open", draft: given.draft ?? false, author: given.author, head: given.head },
      ...{ base: given.base, headCommit, mergeCommit: null, mergeMethod: null, labels: [], reviewers: [] },
      ...{ assignees: [], headRepository: given.headRepository },
      maintainersMayEdit: given.maintainersMayEdit ?? false,
      ...{ createdAt: at, updatedAt: at, closedAt: null, mergedAt: null },
    };
    this.pullRequests.set(pullRequest.number, pullRequest);
    return pullRequest;
  }

  #nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.id * 1_000_000 + this.#lastId;
  }
}
