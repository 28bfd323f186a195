import { event } from "@holdfast/actors";
import type { TaskFiles } from "../../cluster/task-files.ts";
import type {
  PublicationChange,
  PublicationView,
  PublishChoices,
  PublishInput,
} from "../../contract/publish.ts";
import type { SessionChoice } from "../../contract/sessions.ts";
import type { ReviewedContext } from "../review/actions.ts";
import { addPerson } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { addressReview } from "./address.ts";
import { readMergeMethod, readPublishInput } from "./input.ts";
import { type PublishContext, type PublishHost, Publishing } from "./publish.ts";
import type { PullRequestReading } from "./state.ts";

export type PublishingContext = PublishContext & TaskContext & ReviewedContext;

/** Events of a task about its pull request. */
export const publishEvents = { publicationChanged: event<PublicationChange>() };

export function createPublishing(
  host: PublishHost,
  files: Pick<TaskFiles, "bring">,
  steps: TaskSteps,
  onBranch: (c: PublishingContext) => void,
): Publishing<PublishingContext> {
  return new Publishing({
    ...{ host, files, onBranch },
    publishChange: (c) => steps.publishChange(c),
    markActive: (c) => steps.markActive(c),
  });
}

/** The actions of a task about its pull request. */
export function publishActions(publishing: Publishing<PublishingContext>, steps: TaskSteps) {
  return {
    publication: (c: PublishingContext): Promise<PublicationView> => publishing.view(c),

    publish: async (c: PublishingContext, input?: PublishInput): Promise<PublicationView> =>
      publishing.publish(c, readPublishInput(input)),

    publishChoices: (c: PublishingContext): Promise<PublishChoices> => publishing.choices(c),

    markReady: (c: PublishingContext): Promise<PublicationView> => publishing.markReady(c),

    readPullRequest: (c: PublishingContext): Promise<PublicationView> => publishing.read(c),

    mergePullRequest: async (
      c: PublishingContext,
      options?: { readonly method?: "merge" | "squash" },
    ): Promise<PublicationView> => publishing.merge(c, readMergeMethod(options)),

    async addressReview(c: PublishingContext & PersonContext, to?: SessionChoice): Promise<PublicationView> {
      await addressReview(c, (text, beside, taint) =>
        steps.promptBeside(
          c,
          text,
          () => {
            beside();
            addPerson(c.state, c.conn.state.person);
          },
          { taint, to },
        ),
      );
      await publishing.announce(c);
      return publishing.view(c);
    },
  };
}

/** The same, for the actors of repositories. */
export function publishInternals(publishing: Publishing<PublishingContext>) {
  return {
    /** Takes what a repository's actor has read. Returns false if it need not read more. */
    pullRequestRead: (
      c: PublishingContext,
      repositoryId: string,
      reading: PullRequestReading,
    ): Promise<boolean> => publishing.take(c, repositoryId, reading),
  };
}
