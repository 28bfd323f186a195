import type { TaskHandle } from "./host.ts";
import type { Repository } from "./repository.ts";
import type { World } from "./world.ts";

/** One task for several cases, whose agent goes on running between them: starting one takes seconds of a core. */
export class SharedTask {
  readonly #world: World;
  readonly #agent: string;
  #repository: Promise<Repository> | undefined;
  #task: TaskHandle | undefined;

  constructor(world: World, agent: string) {
    this.#world = world;
    this.#agent = agent;
  }

  async repository(): Promise<Repository> {
    this.#repository ??= this.#world.repository("shared");
    return await this.#repository;
  }

  /** Gives the task its next prompt, and makes the task with the first. */
  async give(prompt: string): Promise<TaskHandle> {
    if (this.#task !== undefined) {
      await this.#task.prompt(prompt);
      return this.#task;
    }
    const { path } = await this.repository();
    this.#task = await this.#world.host.createTask({ repository: path, agent: this.#agent, prompt });
    return this.#task;
  }

  /** The task on the Studio that runs now, after the one that made it was killed. */
  async find(): Promise<TaskHandle> {
    if (this.#task === undefined) throw new Error("the task is not made yet");
    this.#task = await this.#world.host.task(this.#task.id);
    return this.#task;
  }

  /** What the task has changed so far, none before its first prompt. */
  async changes(): Promise<unknown> {
    return this.#task === undefined ? [] : (await this.#task.diff()).files;
  }
}
