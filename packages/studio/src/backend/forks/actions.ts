import type { BackendHost } from "../host.ts";
import { ensureRunner } from "../task-runner.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { decideForkSecrets } from "./secrets.ts";

/** The action of a task that starts from the pull request of a fork. */
export function forkActions(host: BackendHost, steps: TaskSteps) {
  return {
    async decideSecrets(c: TaskContext & PersonContext, isAllowed: boolean): Promise<void> {
      await steps.markActive(c);
      try {
        const by = c.conn.state.person;
        decideForkSecrets(c.state, isAllowed, { by, at: host.ports.clock.now() });
      } finally {
        // The index was told that the task becomes active.
        steps.publishChange(c);
      }
      const pull = c.state.connected?.pull;
      const about = { fork: pull?.repository, pullRequest: pull?.number };
      const data = { person: c.conn.state.person, isAllowed, ...about };
      await host.audit({ type: "task.fork_secrets", session: c.state.id, data });
      await ensureRunner(host, c);
    },
  };
}
