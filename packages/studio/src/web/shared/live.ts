import type { LinkState } from "@holdfast/web-parts";
import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useApi } from "./context.ts";
import { dropRepository, mergeRepository } from "./new-task/repositories.ts";
import {
  dropTask,
  mergeCheckOutput,
  mergeChecks,
  mergePublication,
  mergeReview,
  mergeSeen,
  mergeTask,
  mergeView,
  seenSessionsKey,
  viewsKey,
} from "./queries.ts";

/** Numbers beside the list follow a burst of changes with one request. */
const countsDelayMs = 500;

/** Keys of what the events of the organization change. */
const liveKeys = [["tasks"], ["task-counts"], viewsKey, ["repositories"], ["people"], ["profile"]];

/** Calls a function once, some time after the first of several requests. */
class DelayedCall {
  readonly #delayMs: number;
  readonly #call: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(delayMs: number, call: () => void) {
    this.#delayMs = delayMs;
    this.#call = call;
  }

  request(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#call();
    }, this.#delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

/** Keeps the list of tasks live. Mounted once; its state is that of the connection to the server. */
export function useOrganizationLive(): LinkState {
  const api = useApi();
  const queries = useQueryClient();
  const [state, setState] = useState<LinkState>("connecting");
  useEffect(() => {
    const counts = new DelayedCall(countsDelayMs, () => void refetchActive(queries, ["task-counts"]));
    let isBack = false;
    const unwatch = api.watchOrganization({
      on: {
        taskChanged(task) {
          mergeTask(queries, task);
          counts.request();
        },
        taskDeleted({ taskId }) {
          dropTask(queries, taskId);
          counts.request();
        },
        seenChanged({ seen }) {
          mergeSeen(queries, seen);
          counts.request();
        },
        viewsChanged({ views }) {
          queries.setQueryData(viewsKey, views);
        },
        repositoryChanged: (repository) => mergeRepository(queries, repository),
        repositoryRemoved: (id) => dropRepository(queries, id),
        peopleChanged() {
          for (const key of [["people"], ["profile"]]) void refetchActive(queries, key);
        },
      },
      onState(next) {
        setState(next);
        if (next === "offline") isBack = true;
        if (next !== "online") return;
        // Events were missed: since the first requests of the page, or while the connection was down. In that time
        // requests failed, too.
        for (const key of isBack ? [[]] : liveKeys) void refetchActive(queries, key);
      },
    });
    return () => {
      counts.cancel();
      unwatch();
    };
  }, [api, queries]);
  return state;
}

/** Keeps one task's view live while a component shows it. */
export function useTaskLive(id: string): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(
    () =>
      api.watchTask(id, {
        on: {
          changed: (view) => mergeView(queries, view),
          reviewChanged: (change) => mergeReview(queries, id, change),
          checksChanged: (change) => mergeChecks(queries, id, change),
          checkOutput: (output) => mergeCheckOutput(queries, id, output),
          attemptChecksChanged: (view) => queries.setQueryData(["attempt-checks", id], view),
          publicationChanged: (change) => mergePublication(queries, id, change),
          sessionsSeen: (seen) => queries.setQueryData(seenSessionsKey(id), seen),
        },
        onState(next) {
          if (next !== "online") return;
          void refetchActive(queries, ["task", id]);
          void refetchActive(queries, ["review", id]);
          void refetchActive(queries, ["checks", id]);
          void refetchActive(queries, ["attempt-checks", id]);
          void refetchActive(queries, ["publication", id]);
          void refetchActive(queries, seenSessionsKey(id));
        },
      }),
    [api, queries, id],
  );
}
