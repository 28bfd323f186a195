import { event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { AttemptChecksView, CheckOutput, ChecksChange, ChecksView } from "../../contract/checks.ts";
import type { SessionChoice } from "../../contract/sessions.ts";
import { studioLimits } from "../../limits.ts";
import { addPerson } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { requireText } from "../validate.ts";
import type { AttemptChecks, AttemptChecksContext } from "./attempt-checks.ts";
import type { ChecksContext, TaskChecks } from "./checks.ts";

type CheckingContext = ChecksContext & AttemptChecksContext & TaskContext;

/** Events of a task about its checks. */
export const checksEvents = {
  checksChanged: event<ChecksChange>(),
  checkOutput: event<CheckOutput>(),
  attemptChecksChanged: event<AttemptChecksView>(),
};

const maxNameCharacters = 64;

/** The actions of a task about its checks. */
export function checksActions(checks: TaskChecks, attempts: AttemptChecks, steps: TaskSteps) {
  return {
    checks: (c: CheckingContext): Promise<ChecksView> => checks.view(c),

    runChecks: async (c: CheckingContext, names?: readonly string[]): Promise<ChecksView> =>
      checks.run(c, readNames(names)),

    async stopChecks(c: CheckingContext): Promise<ChecksView> {
      await Promise.all([checks.stop(c), attempts.stop(c)]);
      return checks.view(c);
    },

    attemptChecks: (c: CheckingContext): Promise<AttemptChecksView> => attempts.view(c),

    runAttemptChecks: async (
      c: CheckingContext,
      sessionIds?: readonly string[],
    ): Promise<AttemptChecksView> => attempts.run(c, readSessionIds(sessionIds)),

    async sendCheck(c: CheckingContext & PersonContext, name: string, to?: SessionChoice): Promise<void> {
      requireText(name, "name", maxNameCharacters);
      await checks.send(c, name, (text, beside) =>
        steps.promptBeside(
          c,
          text,
          () => {
            beside();
            addPerson(c.state, c.conn.state.person);
          },
          { to },
        ),
      );
    },
  };
}

function readSessionIds(ids: unknown): readonly string[] | undefined {
  if (ids === undefined || ids === null) return undefined;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > studioLimits.maxOpenSessions) {
    const message = `\`sessionIds\` must be a list of 1 to ${studioLimits.maxOpenSessions} ids of sessions`;
    throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
  }
  for (const id of ids) requireText(id, "sessionId", 200);
  return ids as readonly string[];
}

function readNames(names: unknown): readonly string[] | undefined {
  if (names === undefined || names === null) return undefined;
  if (!Array.isArray(names) || names.length === 0 || names.length > studioLimits.maxChecks) {
    const message = `\`names\` must be a list of 1 to ${studioLimits.maxChecks} names of checks`;
    throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
  }
  for (const name of names) requireText(name, "name", maxNameCharacters);
  return names as readonly string[];
}
