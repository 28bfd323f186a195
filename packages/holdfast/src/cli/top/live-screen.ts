import { emitKeypressEvents, type Key } from "node:readline";
import { screenOf, style } from "@holdfast/cli";
import { actorRows, type Interval, serverRow } from "./rates.ts";
import { type Sort, screenLines, sorts } from "./screen.ts";
import type { WatchedServer } from "./watched-server.ts";

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";

export interface LiveOptions {
  readonly sort: Sort;
  readonly filter: string;
  readonly intervalMs: number;
}

/** The table on a screen of its own, which the terminal takes away at the end. */
export class LiveScreen {
  readonly #servers: readonly WatchedServer[];
  readonly #filter: string;
  readonly #intervalMs: number;
  readonly #end = new AbortController();
  #sort: Sort;

  constructor(servers: readonly WatchedServer[], options: LiveOptions) {
    this.#servers = servers;
    this.#filter = options.filter;
    this.#intervalMs = options.intervalMs;
    this.#sort = options.sort;
  }

  /** Until q, Ctrl-C or a signal. A server that does not answer is asked again. */
  async run(): Promise<void> {
    const { stdin, stdout } = process;
    const stop = (): void => this.#end.abort();
    const draw = (): void => this.#draw();
    const press = (_: string | undefined, key: Key): void => this.#press(key);
    stdout.write(enter);
    stdout.on("resize", draw);
    process.on("SIGINT", stop).on("SIGTERM", stop);
    if (stdin.isTTY) {
      emitKeypressEvents(stdin);
      stdin.setRawMode(true).on("keypress", press).resume();
    }
    try {
      while (!this.#end.signal.aborted) {
        await Promise.all(this.#servers.map((server) => server.read()));
        this.#draw();
        await this.#pause();
      }
    } finally {
      stdin.off("keypress", press).pause();
      if (stdin.isTTY) stdin.setRawMode(false);
      stdout.off("resize", draw);
      process.off("SIGINT", stop).off("SIGTERM", stop);
      stdout.write(leave);
    }
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#intervalMs);
    this.#end.signal.addEventListener("abort", () => resolve(), { once: true });
    if (this.#end.signal.aborted) resolve();
    return promise.finally(() => clearTimeout(timer));
  }

  #press({ name, ctrl = false }: Key): void {
    if (name === "q" || (ctrl && name === "c")) return this.#end.abort();
    if (name !== "s") return;
    this.#sort = sorts[(sorts.indexOf(this.#sort) + 1) % sorts.length] ?? "calls";
    this.#draw();
  }

  #draw(): void {
    const { stdout } = process;
    const screen = screenOf(stdout);
    const { rows = 24, columns = 80 } = stdout;
    const intervals: readonly Interval[] = this.#servers.map((server) => server.interval());
    const view = { sort: this.#sort, filter: this.#filter, rows: rows - 2, columns };
    const lines = screenLines(intervals.map(serverRow), actorRows(intervals), view, screen);
    const help = style(screen, "dim", `q ends  s sorts by the next column (now ${this.#sort})`);
    const text = [...lines, "", help].map((line) => `${line}\u001b[K\n`).join("");
    stdout.write(`\u001b[H${text.slice(0, -1)}\u001b[J`);
  }
}
