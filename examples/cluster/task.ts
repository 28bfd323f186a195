/** An agent that works without end on a repository in a jail, and a client of the Studio that watches it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  connectWithCookie,
  createStudioClient,
  createTranscript,
  reduceTranscript,
  type SessionEvent,
  type StudioClient,
  type TaskView,
} from "@holdfast/studio";

/** The task as the page shows it. */
export interface AgentView {
  /** Undefined before the task exists. */
  readonly status: TaskView["status"] | undefined;
  /** Turns that have ended. */
  readonly turns: number;
  /** Files that the agent has written, as the diff of the task has them. */
  readonly files: number;
  /** What the agent says now. */
  readonly text: string;
  /** What the Studio says about nodes that were lost, the latest first. */
  readonly notes: readonly string[];
  /** Sequence numbers of the log that were never seen. */
  readonly missing: number;
  /** Why there is no task. */
  readonly error: string | undefined;
}

export interface AgentTaskOptions {
  /** URL of the Studio, through the load balancer. */
  readonly url: string;
  /** Cookie of its owner. */
  readonly cookie: string;
  readonly directory: string;
  changed(): void;
}

const shownLength = 240;
const maxNotes = 3;

export class AgentTask {
  view: AgentView = {
    ...{ status: undefined, turns: 0, files: 0, text: "", notes: [], missing: 0, error: undefined },
  };
  readonly #options: AgentTaskOptions;
  readonly #base;
  readonly #client: StudioClient;
  #transcript = createTranscript();
  #prompts = 0;
  #reading: Promise<void> | undefined;

  constructor(options: AgentTaskOptions) {
    this.#options = options;
    this.#base = connectWithCookie(options.url, options.cookie);
    this.#client = createStudioClient(this.#base);
  }

  /** Creates the task. What fails is shown in the view. */
  async start(): Promise<void> {
    try {
      const repository = createRepository(this.#options.directory);
      this.#prompts = 1;
      const prompt = promptOf(1);
      const { id } = await this.#client.organization.createTask({ repository, agent: "demo", prompt });
      const { sessionId } = await this.#client.task(id).get();
      await this.#client.session(sessionId).on(
        "appended",
        (events) => this.#take(sessionId, events),
        () => void this.#read(sessionId),
      );
      await this.#read(sessionId);
      const look = (view: TaskView): void => void this.#changed(id, view);
      await this.#client.task(id).on(
        "changed",
        look,
        () =>
          void this.#client
            .task(id)
            .get()
            .then(look, () => undefined),
      );
      look(await this.#client.task(id).get());
    } catch (error) {
      this.#set({ error: error instanceof Error ? error.message : String(error) });
    }
  }

  async close(): Promise<void> {
    await this.#base.dispose();
  }

  /** A turn that has ended is followed by the next. */
  async #changed(id: string, view: TaskView): Promise<void> {
    this.#set({ status: view.status, error: view.error?.message });
    if (view.status !== "idle" || this.view.turns < this.#prompts) return;
    this.#prompts = this.view.turns + 1;
    try {
      const { files } = await this.#client.task(id).diff();
      this.#set({ files: files.length });
      await this.#client.task(id).prompt(promptOf(this.#prompts));
    } catch (error) {
      this.#set({ error: error instanceof Error ? error.message : String(error) });
    }
  }

  #take(sessionId: string, events: readonly SessionEvent[]): void {
    const [first] = events;
    if (first !== undefined && first.seq > this.#transcript.head + 1) void this.#read(sessionId);
    else this.#apply(events);
  }

  /** Reads the log from where this client is. */
  #read(sessionId: string): Promise<void> {
    this.#reading ??= this.#readAll(sessionId).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAll(sessionId: string): Promise<void> {
    for (;;) {
      const { events, head } = await this.#client.session(sessionId).events({ after: this.#transcript.head });
      this.#apply(events);
      if (this.#transcript.head >= head) return;
    }
  }

  #apply(events: readonly SessionEvent[]): void {
    const fresh = events.filter(({ seq }) => seq > this.#transcript.head);
    const ended = fresh.filter(({ body }) => body.type === "turn-ended").length;
    let expected = this.#transcript.head;
    let missing = 0;
    for (const { seq } of fresh) {
      missing += seq - expected - 1;
      expected = seq;
    }
    this.#transcript = reduceTranscript(this.#transcript, fresh);
    const { items } = this.#transcript;
    const notes = items.flatMap((item) =>
      item.type === "notice" && item.kind === "note" ? [item.text] : [],
    );
    const said = items.findLast((item) => item.type === "message");
    this.#set({
      turns: this.view.turns + ended,
      text: said?.type === "message" ? said.text.slice(-shownLength) : "",
      notes: notes.reverse().slice(0, maxNotes),
      missing: this.view.missing + missing,
    });
  }

  #set(change: Partial<AgentView>): void {
    this.view = { ...this.view, ...change };
    this.#options.changed();
  }
}

/** The demo agent counts for some seconds, then writes a file. */
function promptOf(turn: number): string {
  return `slowly write "turn ${turn}" to turn-${turn}.txt without asking`;
}

function createRepository(directory: string): string {
  const path = join(directory, "repository");
  mkdirSync(path);
  writeFileSync(join(path, "README.md"), "# Three nodes\n");
  const git = (...args: readonly string[]): void => {
    execFileSync("git", ["-c", "user.name=Demo", "-c", "user.email=demo@localhost", ...args], { cwd: path });
  };
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=first");
  return path;
}
