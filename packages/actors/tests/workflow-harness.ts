import type { ActorInstance, AnyDefinition } from "@holdfast/actors";
import { turn, type World, world } from "./harness.ts";

/** Runs microtasks and macrotasks until nothing has changed for several of them. */
export async function settle(rounds = 12): Promise<void> {
  for (let i = 0; i < rounds; i++) await turn();
}

export interface WorkflowWorld extends World {
  /** Starts a new actor and runs its workflow as far as possible. */
  start(definition: AnyDefinition, input?: unknown): Promise<ActorInstance>;
  /** Sleeps and wakes, or wakes after a crash. */
  restart(definition: AnyDefinition, instance: ActorInstance): Promise<ActorInstance>;
  /** Advances the time in small steps, running everything that becomes due. */
  advance(ms: number, steps?: number): Promise<void>;
}

export function workflowWorld(): WorkflowWorld {
  const base = world();
  return Object.assign(base, {
    async start(definition: AnyDefinition, input?: unknown) {
      const instance = base.create(definition, input);
      await instance.ready;
      await settle();
      return instance;
    },
    async restart(definition: AnyDefinition, instance: ActorInstance) {
      await instance.sleep();
      const next = await base.wake(definition);
      await next.ready;
      await settle();
      return next;
    },
    async advance(ms: number, steps = 1) {
      for (let i = 0; i < steps; i++) {
        base.ports.advance(ms / steps);
        await settle();
      }
    },
  });
}
